"""From finished records to sent spans, in the background: bounded, counted, and never in a request's way."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ... import catalogue, guard, tally
from ...record import Record
from .background import Background
from .span import RequestSpan
from .spans import Spans

NAME = "opentelemetry"
_AT_ONCE = 512


def counted(result: str, amount: int) -> None:
    """Count spans by how they ended."""
    if amount:
        tally.add(catalogue.EXPORTED, (NAME, result), amount)


class Pipeline(SpanProcessor):
    """Makes spans of records on a thread of its own and hands them on.

    Without ``receiver`` it sends them itself, with what the functions ``makers`` make: a span processor for a provider
    of ours, whose other spans it takes too. With one, an application's own processor, it gives them to that.
    """

    def __init__(
        self,
        queue_size: int,
        timeout: float,
        makers: Sequence[Callable[[], SpanExporter]] = (),
        receiver: SpanProcessor | None = None,
    ) -> None:
        self._makers = makers
        self._receiver = receiver
        self._timeout = timeout
        self._exporters: list[SpanExporter] = []
        self._exporters_pid = 0
        self._background = Background(self._work, queue_size, "djmetrics-spans", self._close)
        self.spans: Spans | None = None

    def add(self, record: Record, span: RequestSpan, weight: int) -> None:
        """Take a finished record; it counts for ``weight`` spans in the queue."""
        if not self._background.put((record, span), weight):
            counted("dropped", weight)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing: a span is taken when it ends."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span of the site's own, or of another library's."""
        if span.context is not None and span.context.trace_flags.sampled and not self._background.put(span):
            counted("dropped", 1)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until all that was added is handed on, and by an application's own processor too; whether it is."""
        end = time.monotonic() + timeout_millis / 1000
        if not self._background.flush(timeout_millis / 1000):
            return False
        left = max(round((end - time.monotonic()) * 1000), 1)
        return self._receiver is None or self._receiver.force_flush(left)

    def shutdown(self) -> None:
        """Send what waits, in at most the time that the settings allow; what is left then is counted as dropped."""
        counted("dropped", self._background.stop(self._timeout))

    def _close(self) -> None:
        """Close this process's exporters, on the thread that used them: some wait for what they are about to send."""
        for exporter in self._exporters:
            try:
                exporter.shutdown()
            except Exception:
                guard.failed("exporters.opentelemetry.shutdown")

    def _work(self, items: list[Any]) -> None:
        token = context_api.attach(
            context_api.set_value(context_api._SUPPRESS_INSTRUMENTATION_KEY, True, Context())
        )
        try:
            waiting: list[ReadableSpan] = []
            for item in items:
                waiting += self._spans(item)
                if len(waiting) >= _AT_ONCE:
                    self._send(waiting)
                    waiting = []
            self._send(waiting)
        finally:
            context_api.detach(token)

    def _spans(self, item: Any) -> list[ReadableSpan]:
        if type(item) is not tuple:
            return [item]
        record, span = item
        try:
            return [] if self.spans is None else list(self.spans.of(record, span))
        except Exception:
            counted("failed", 1 + len(record.operations))
            guard.failed("exporters.opentelemetry.spans")
            return []

    def _send(self, spans: list[ReadableSpan]) -> None:
        if not spans:
            return
        if self._receiver is not None:
            self._hand_on(self._receiver, spans)
            return
        exporters = self._own_exporters()
        if self._makers and not exporters:
            counted("failed", len(spans))
        for exporter in exporters:
            try:
                result = exporter.export(spans)
            except Exception:
                result = SpanExportResult.FAILURE
                guard.failed("exporters.opentelemetry.send")
            counted("sent" if result is SpanExportResult.SUCCESS else "failed", len(spans))

    def _hand_on(self, receiver: SpanProcessor, spans: list[ReadableSpan]) -> None:
        for span in spans:
            try:
                receiver.on_end(span)
            except Exception:
                counted("failed", 1)
                guard.failed("exporters.opentelemetry.on_end")
            else:
                counted("sent", 1)

    def _own_exporters(self) -> list[SpanExporter]:
        """Those of this process: a connection of the parent's is the parent's."""
        if self._exporters_pid != os.getpid():
            self._exporters_pid = os.getpid()
            self._exporters = [made for make in self._makers if (made := _made(make)) is not None]
        return self._exporters


def _made(make: Callable[[], SpanExporter]) -> SpanExporter | None:
    """What ``make`` makes, or None: a variable may say what it does not take."""
    try:
        return make()
    except Exception:
        guard.failed("exporters.opentelemetry.exporter")
        return None
