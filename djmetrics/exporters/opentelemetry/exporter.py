"""The exporter: which finished records become traces."""

import atexit
import threading
from collections.abc import Callable, Sequence
from typing import Protocol
from weakref import WeakKeyDictionary

from opentelemetry.sdk.trace import SpanProcessor, Tracer
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from ... import catalogue
from ...record import Operation, Record
from .. import Exporter
from . import others
from .pipeline import Pipeline
from .provider import NAME, Provider
from .spans import Spans
from .spilled import Spilled
from .tracing import Tracing, span_of

_own: WeakKeyDictionary[SpanProcessor, Pipeline] = WeakKeyDictionary()
"""The pipelines of providers that we built: a provider stays when djmetrics is started anew, as in tests."""


class Choices(Protocol):
    """What of the site's settings matters here; see ``destinations.OpenTelemetry``."""

    @property
    def max_spans(self) -> int: ...
    @property
    def fold_after(self) -> int: ...
    @property
    def min_layer_duration(self) -> float: ...
    @property
    def queue_size(self) -> int: ...
    @property
    def shutdown_timeout(self) -> float: ...
    @property
    def capture_path(self) -> bool: ...
    @property
    def sample_rate(self) -> float | None: ...


class OpenTelemetryExporter(Exporter):
    """Hands kept records to the pipeline.

    ``running`` tells which operation runs where it is called; ``service``, ``release`` and ``version`` name the site,
    its release, and djmetrics's.
    """

    def __init__(
        self,
        choices: Choices,
        running: Callable[[], Operation | None],
        *,
        service: str,
        release: str,
        version: str,
    ) -> None:
        self._choices = choices
        self._version = version
        self._release = release
        self._pipeline: Pipeline | None = None
        self._built_pipeline: Pipeline | None = None
        self._joining = threading.RLock()
        self._joined: Tracer | None = None
        self._provider = Provider(self._built, service, release, version)
        self.context = Tracing(self._tracer, running, choices.sample_rate)

    def spill(self, record: Record, operations: Sequence[Operation]) -> None:
        """Keep what its trace shall show of them: those that other libraries' spans hang on, and of all else some."""
        span = span_of(record)
        if span is None:
            return
        if span.spilled is None:
            span.spilled = Spilled(self._choices.max_spans, self._choices.fold_after)
        span.spilled.add(operations, span.ids)

    def export(self, record: Record) -> None:
        """Queue a record whose trace is kept."""
        span = span_of(record)
        if span is None:
            return
        span.close()
        if record.kept and self._pipeline is not None:
            kept = 0 if span.spilled is None else len(span.spilled.operations)
            weight = 1 + len(record.layers) + len(record.operations) + kept
            # As many spans as there may be of it; and a small queue shall take it when it is empty.
            self._pipeline.add(record, span, min(weight, self._choices.max_spans, self._choices.queue_size))

    def dropped(self, record: Record) -> None:
        """Nobody shall see it."""
        span = span_of(record)
        if span is not None:
            span.close()

    def flush(self, seconds: float) -> bool:
        """Wait until all that was exported is handed on, at most ``seconds``; whether it is."""
        return self._pipeline is None or self._pipeline.force_flush(round(seconds * 1000))

    def finish(self) -> None:
        """Hand on what waits, in at most the time that the settings allow."""
        if self._pipeline is not None:
            self._pipeline.finish()

    def after_fork(self) -> None:
        """In a child: what another thread was doing is not done here, and the process is another one."""
        self._provider.after_fork()
        self._joining, self._joined = threading.RLock(), None

    def close(self) -> None:
        """Hand on what waits. The pipeline of a provider of ours goes on: the provider does, and others use it."""
        pipeline = self._pipeline
        if pipeline is not None and pipeline not in _own.values():
            atexit.unregister(pipeline.shutdown)
            pipeline.shutdown()

    def _built(self, makers: list[Callable[[], SpanExporter]]) -> SpanProcessor:
        self._built_pipeline = Pipeline(self._choices.queue_size, self._choices.shutdown_timeout, makers)
        return self._built_pipeline

    def _tracer(self) -> Tracer | None:
        tracer = self._provider.tracer()
        if tracer is not None and tracer is not self._joined:
            with self._joining:
                if tracer is not self._joined:
                    self._join(tracer)
                    self._joined = tracer
        return tracer

    def _join(self, tracer: Tracer) -> None:
        """Lead the pipeline to where the tracer's spans go."""
        choices = self._choices
        receiver = tracer.span_processor
        if self._built_pipeline is not None:
            _own[receiver] = self._built_pipeline
            self._built_pipeline = None
        if receiver in _own:
            self._pipeline = _own[receiver]
        else:
            self._pipeline = Pipeline(choices.queue_size, choices.shutdown_timeout, receiver=receiver)
            # Registered after the application's own: it runs before that.
            atexit.register(self._pipeline.shutdown)
        self._pipeline.spans = Spans(
            self._provider.here(tracer.resource),
            InstrumentationScope(NAME, self._version),
            most=choices.max_spans,
            fold_after=choices.fold_after,
            capture_path=choices.capture_path,
            release=self._release,
            shortest_layer=round(choices.min_layer_duration * catalogue.NANOSECONDS),
            without=frozenset().union(*others.drivers().values()),
        )
