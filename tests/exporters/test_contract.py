"""What every exporter promises: it takes whatever it is given, changes nothing of it, and calls nobody back."""

import time
from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from djmetrics import ambient, catalogue, recorder, units
from djmetrics.destinations import OpenTelemetry, Sentry
from djmetrics.exporters import Exporter
from djmetrics.exporters.opentelemetry import OpenTelemetryExporter
from djmetrics.exporters.prometheus import Store
from djmetrics.exporters.prometheus.exporter import PrometheusExporter
from djmetrics.exporters.sentry import SentryExporter
from djmetrics.record import Record, Subject
from djmetrics.testing import MemoryExporter, fake_clock

SUBJECTS = [
    Subject(kind, f"a {kind}", attributes)
    for kind in (
        "db",
        "fetch",
        "view",
        "template",
        "form",
        "compile",
        "cache",
        "fragment",
        "stream",
        "mail",
        "",
    )
    for attributes in ({}, {"alias": "default", "result": "hit", "surprise": "yes"}, {"alias": '\udcff\n"\\'})
]


def sentry() -> SentryExporter:
    """One that reports all that it can, to nobody."""
    choices = Sentry(slow_threshold=0, max_queries=0, n_plus_one=2)
    return SentryExporter(
        choices, current=recorder.current_record, record_of=units.record_of, now=time.perf_counter_ns
    )


@pytest.fixture(params=["prometheus", "opentelemetry", "sentry", "memory", "base"])
def exporter(request: Any) -> Iterator[Any]:
    """Each exporter there is, made as small as it can be."""
    makers: dict[str, Callable[[], Any]] = {"memory": MemoryExporter, "base": Exporter, "sentry": sentry}
    if request.param in makers:
        yield makers[request.param]()
        return
    if request.param == "opentelemetry":
        yield from opentelemetry_exporter()
        return
    store = Store(catalogue.metrics())
    yield PrometheusExporter(store)
    store.close()


def opentelemetry_exporter() -> Iterator[Any]:
    """One whose provider keeps spans in memory, with its context in use."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    made = OpenTelemetryExporter(
        OpenTelemetry(), recorder.current_operation, service="site", release="1", version="0"
    )
    made._provider._tracer, made._provider._found = provider.get_tracer("djmetrics"), True  # type: ignore[assignment]
    made.flush = partial(made.flush, 10)  # type: ignore[method-assign]
    ambient.contexts = (made.context,)
    yield made
    ambient.contexts = ()
    made.close()


def request(**attributes: Any) -> Record:
    """A request with an operation of every kind, one of them failed."""
    record = units.open()
    for name, value in attributes.items():
        setattr(record, name, value)
    units.announce(record)
    outer = recorder.make_current(record.root)
    for subject in SUBJECTS:
        operation = recorder.begin(subject)
        operation.error = KeyError
        recorder.end(operation)
    recorder.make_current(outer)
    units.close(record)
    return record


def state(record: Record) -> dict[str, Any]:
    """All that is known of a record and of its operations."""
    operations = [
        {
            name: getattr(each, name)
            for name in ("start", "end", "error", "detail", "children_ns", "resumed_ns", "subject")
        }
        for each in record.operations
    ]
    values = {
        name: copy(value)
        for name, value in vars(record).items()
        if name not in ("operations", "root", "_phases")
    }
    return {**values, "operations": operations}


def test_every_kind_of_record(exporter, monkeypatch):
    """Whatever is known or unknown of a record and its operations, it is taken without a failure."""
    monkeypatch.setattr("djmetrics.guard.strict", True)
    with units.also(exporter):
        request()
        request(status=200, method="GET", route="<int:x>/", trace_id=1, span_id=1, outcome="disconnected")
        request(status=500, error=KeyError, queue_ns=5, first_byte_ns=5, request_size=5, response_size=0)
        request(status=599, view="\udcff", route="\x00", queries=10**9, cpu_ns=10**15)


def test_records_are_left_alone(exporter):
    """The next exporter gets the record as the first one did."""
    with fake_clock(tick=10):
        record = request(status=200)
        before = state(record)
        exporter.export(record)
        getattr(exporter, "flush", lambda: None)()
        assert state(record) == before


def test_spills_and_drops(exporter, monkeypatch):
    """A record that is counted in part, and one that is not to be seen, are taken too."""
    monkeypatch.setattr("djmetrics.guard.strict", True)
    monkeypatch.setattr(Record, "limit", 3)
    with units.also(exporter):
        request()
        record = units.open()
        units.announce(record)
        units.drop(record)
        units.close(record)
        recorder.end(recorder.begin(SUBJECTS[0]))
        units.flush()


def test_nothing_is_current_afterwards(exporter):
    """An exporter leaves the recorder alone."""
    with units.also(exporter):
        request()
        assert recorder.current_operation() is None
