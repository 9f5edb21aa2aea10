"""From finished records to sent spans, in the background: bounded, counted, and never in a request's way."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ... import catalogue, guard, tally
from ...record import Record
from . import dice
from .background import Background
from .failures import THREAD, Failures, NotInstalledError
from .span import RequestSpan
from .spans import Spans
from .values import can_be_sent

NAME = "opentelemetry"
PATIENCE = 1.0
"""Seconds that the end of a process may take at most which served no request: a management command."""

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
        self._background = Background(self._work, queue_size, THREAD, self._close)
        self._failures = Failures()
        self._serves = False
        self._gave_up = False
        self.spans: Spans | None = None

    def add(self, record: Record, span: RequestSpan, weight: int) -> None:
        """Take a finished record; it counts for ``weight`` spans in the queue."""
        self._serves = self._serves or record.kind == "request"
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
        if self._receiver is None:
            return True
        return _in_time(self._receiver.force_flush, max(end - time.monotonic(), 0.001))

    def finish(self) -> None:
        """The process is about to end: send what waits. ``shutdown`` does not wait once more for what failed here."""
        self._gave_up = not self.force_flush(round(self._timeout * 1000))

    def shutdown(self) -> None:
        """Send what waits, in at most the time that the settings allow; what is left then is counted as dropped.

        A process that served no request waits less, and no longer once an attempt has failed: nobody who types a
        command waits for a collector that is away.
        """
        if self._serves:
            left = self._background.stop(0 if self._gave_up else self._timeout)
        else:
            left = self._background.stop(min(self._timeout, PATIENCE), self._failures.happened.is_set)
        counted("dropped", left)
        tally.tell()

    def _close(self) -> None:
        """Close this process's exporters, on the thread that used them: some wait for what they are about to send."""
        for exporter in self._exporters:
            try:
                exporter.shutdown()
            except Exception:
                guard.failed("exporters.opentelemetry.shutdown")
        self._failures.leave()
        dice.give_back()

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
            tally.tell()

    def _spans(self, item: Any) -> list[ReadableSpan]:
        if type(item) is not tuple:
            if can_be_sent(item):
                return [item]
            counted("failed", 1)
            return []
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
            if result is SpanExportResult.SUCCESS:
                self._gave_up = False
                self._failures.happened.clear()

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
            self._failures.watch()
            dice.take()
        return self._exporters


def _in_time(flush: Callable[[int], bool], seconds: float) -> bool:
    """Whether ``flush`` did it within ``seconds``: not every processor keeps to the time that it is given."""
    done: list[bool] = []

    def try_it() -> None:
        try:
            done.append(flush(max(round(seconds * 1000), 1)))
        except Exception:
            guard.failed("exporters.opentelemetry.flush")

    thread = threading.Thread(target=try_it, name=f"{THREAD}-flush", daemon=True)
    thread.start()
    thread.join(seconds)
    return any(done)


def _made(make: Callable[[], SpanExporter]) -> SpanExporter | None:
    """What ``make`` makes, or None: it may not be installed, and a variable may say what it does not take."""
    try:
        return make()
    except NotInstalledError:
        return None
    except Exception:
        guard.failed("exporters.opentelemetry.exporter")
        return None
