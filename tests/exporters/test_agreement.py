"""One session, three destinations: the same durations to the nanosecond, and the same counts."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once
from prometheus_client import REGISTRY

from djmetrics import runtime
from djmetrics.testing import record

from .sentry.receiver import Receiver, receiving

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]
SECOND, MILLISECOND = 1e9, 1e6
REQUESTS = 5


def fail(request: Any, number: int) -> HttpResponse:
    """Some work, and an exception."""
    cache.get("missing")
    with connection.cursor() as cursor:
        for _ in range(number):
            cursor.execute("SELECT 1 FROM sqlite_master")
            cursor.fetchall()
    raise LookupError(number)


urlpatterns = [path("agreement/<int:number>/", fail, name="agreement")]


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Where an application's own provider keeps its spans."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def sentry() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def of_view(name: str, **labels: str) -> float:
    """A sample of the page."""
    return REGISTRY.get_sample_value(name, {"view": "agreement", **labels}) or 0.0


def ns(seconds: float) -> int:
    return round(seconds * SECOND)


def test_three_destinations_agree(memory: InMemorySpanExporter, sentry: Receiver) -> None:
    """Prometheus's sums are the sums of the spans' and of the events' figures, and these are each record's."""
    request = {
        "http_request_method": "GET", "http_route": "agreement/<int:number>/",
        "http_response_status_code": "500", "error_type": "LookupError",
    }  # fmt: skip
    chosen = {"OPENTELEMETRY": {"MIN_LAYER_DURATION": 0}, "SENTRY": {"DSN": sentry.dsn}}
    with override_settings(DJMETRICS=chosen), record() as recorded:
        name = "http_server_request_duration_seconds"
        before = of_view(f"{name}_sum", **request), of_view(f"{name}_count", **request)
        phases = {phase: phase_of(phase) for phase in ("db", "cache", "view")}
        for number in range(REQUESTS):
            Client(raise_request_exception=False).get(f"/agreement/{number}/")
        assert runtime.flush(10)
        sum_ = ns(of_view(f"{name}_sum", **request)) - ns(before[0])
        count = of_view(f"{name}_count", **request) - before[1]
        in_phase = {phase: ns(phase_of(phase)) - ns(old) for phase, old in phases.items()}

    records = sorted(recorded.records, key=lambda each: each.start)
    servers = sorted((each for each in memory.get_finished_spans() if each.parent is None), key=started)
    events = {each["contexts"]["trace"]["trace_id"]: each for each in sentry.events}
    assert (len(records), len(servers), count) == (REQUESTS, REQUESTS, REQUESTS)
    assert sum_ == pytest.approx(sum(each.duration for each in records), abs=REQUESTS)  # a float of seconds
    for one, server in zip(records, servers, strict=True):
        known = events[f"{one.trace_id:032x}"]["contexts"]["djmetrics"]
        assert server.context is not None
        assert server.context.trace_id == one.trace_id
        assert server.end_time - server.start_time == one.duration  # type: ignore[operator]
        assert round(known["duration_ms"] * MILLISECOND) == one.duration
        attributes = server.attributes or {}
        assert attributes["django.request.db.queries"] == known["queries"] == one.queries
        for phase, took in one.phases.items():
            assert round(known["phases_ms"].get(phase, 0) * MILLISECOND) == took
            assert ns(attributes.get(f"django.request.phase.{phase}", 0.0)) == took  # type: ignore[arg-type]
    for phase, took in in_phase.items():
        assert took == pytest.approx(sum(each.phases[phase] for each in records), abs=REQUESTS)


def phase_of(phase: str) -> float:
    return of_view("django_request_phase_time_seconds_total", phase=phase)


def started(span: ReadableSpan) -> int:
    return span.start_time or 0
