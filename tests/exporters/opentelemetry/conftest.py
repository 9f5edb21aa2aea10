"""The site with traces switched on, and its spans in memory."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.test import override_settings
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

from djmetrics import guard, tally, units
from djmetrics.exporters.opentelemetry import OpenTelemetryExporter

from . import site

Switch = Callable[..., AbstractContextManager[OpenTelemetryExporter]]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Raise our own failures; no provider is set yet, nothing is counted, and no thread is left."""
    monkeypatch.setattr(guard, "strict", True)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(site, "tracer", trace.ProxyTracer("site"))
    tally.reset()
    site.seen.clear()
    before = set(threading.enumerate())
    yield
    left = [each for each in threading.enumerate() if each not in before and each.name == "djmetrics-spans"]
    for each in left:
        each.join(5)
    assert not [each for each in left if each.is_alive()]


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own failures are swallowed, as in production."""
    monkeypatch.setattr(guard, "strict", False)


@pytest.fixture
def switched_on() -> Switch:
    """A function that switches traces on with these settings, for a block; it gives the exporter."""

    @contextmanager
    def switch(**chosen: Any) -> Iterator[OpenTelemetryExporter]:
        with override_settings(
            DJMETRICS={"OPENTELEMETRY": {"MIN_LAYER_DURATION": 0, **chosen}},
            ROOT_URLCONF="tests.exporters.opentelemetry.site",
        ):
            (exporter,) = (each for each in units._exporters if isinstance(each, OpenTelemetryExporter))
            try:
                yield exporter
            finally:
                exporter.flush(10)
                provider = trace._TRACER_PROVIDER
                if provider is not None:
                    provider.shutdown()

    return switch


class Spans:
    """What an application's own provider exported."""

    def __init__(self, provider: TracerProvider, exporter: InMemorySpanExporter) -> None:
        self.provider = provider
        self._exporter = exporter
        self.all: list[ReadableSpan] = []

    def take(self) -> "Spans":
        """Look now, once all is handed on."""
        for each in units._exporters:
            if isinstance(each, OpenTelemetryExporter):
                assert each.flush(10)
        self.all = list(self._exporter.get_finished_spans())
        return self

    def named(self, *names: str) -> list[ReadableSpan]:
        """Those of these names, in the order of their starts."""
        return sorted(
            (each for each in self.all if each.name in names), key=lambda each: each.start_time or 0
        )

    def one(self, name: str) -> ReadableSpan:
        """The only one of this name."""
        (found,) = self.named(name)
        return found

    def server(self) -> ReadableSpan:
        """The only server span."""
        (found,) = (each for each in self.all if each.kind is trace.SpanKind.SERVER)
        return found

    def parent(self, span: ReadableSpan) -> ReadableSpan | None:
        """The span above."""
        if span.parent is None:
            return None
        return next((each for each in self.all if each.context.span_id == span.parent.span_id), None)

    def above(self, span: ReadableSpan) -> list[str]:
        """The names of all spans above, without middlewares: the nearest first."""
        names = []
        while (found := self.parent(span)) is not None:
            span = found
            if "iddleware" not in span.name:
                names.append(span.name)
        return names

    def orphans(self) -> list[str]:
        """The spans whose parent is missing."""
        return [each.name for each in self.all if each.parent is not None and self.parent(each) is None]


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Spans:
    """An application's own provider, which keeps spans in memory."""
    return memory_of(TracerProvider(shutdown_on_exit=False))


def memory_of(provider: TracerProvider) -> Spans:
    """Make ``provider`` the application's, and keep what it exports."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    site.tracer = provider.get_tracer("site")
    return Spans(provider, exporter)
