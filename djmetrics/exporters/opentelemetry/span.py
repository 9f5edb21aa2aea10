"""The span that is current while a request runs: what other libraries see of its trace."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.util.types import Attributes, AttributeValue

from ...errors import error_name
from ...record import Operation, Record
from .ids import new_span_id
from .spilled import Spilled
from .values import MAX_ATTRIBUTES, bounded, clean, key_of, pairs, status_of, text_of, time_of

MAX_EVENTS = 128
MAX_IDS = 1_000


class RequestSpan(Span):
    """Stands for the server span, which is written only when its request is over.

    What is set on it is kept for that. It may be anything: without djmetrics such a call does nothing, so that none
    fails here. Whoever makes a child of it, or sends its context on, gets the operation that runs just then as the
    parent: the view, the template. ``outside`` is what was current before it.
    """

    def __init__(
        self,
        record: Record,
        flags: TraceFlags,
        state: TraceState | None,
        parent: SpanContext | None,
        running: Callable[[], Operation | None],
        ambient: Callable[[], Any],
    ) -> None:
        self.parent = parent
        self.attributes: dict[str, AttributeValue] = {}
        self.events: list[tuple[str, Mapping[str, AttributeValue], int]] = []
        self.links: list[tuple[SpanContext, Mapping[str, AttributeValue]]] = []
        self.name = ""
        self.status: Status | None = None
        self.dropped = 0
        self.ids: dict[Operation, int] = {}
        self.spilled: Spilled | None = None
        self.context = SpanContext(record.trace_id, record.span_id, False, flags, state)
        self.outside = Context()
        self.record: Record | None = record
        self._root = record.root
        self._running = running
        self._ambient = ambient

    def get_span_context(self) -> SpanContext:
        """The context of the operation that runs here, or of the request."""
        root = self._root
        if self.record is None:
            return self.context
        # From here on another library's spans may be around: operations look for them.
        root.ambient = self._ambient
        operation = self._running()
        if operation is None or operation is root or operation.root is not root:
            return self.context
        span_id = self.ids.get(operation)
        if span_id is None:
            if len(self.ids) >= MAX_IDS:
                return self.context
            span_id = self.ids.setdefault(operation, new_span_id())  # another thread may have been here first
        whole = self.context
        return SpanContext(whole.trace_id, span_id, False, whole.trace_flags, whole.trace_state)

    def is_recording(self) -> bool:
        """Whether what is set on it may be kept: it is not yet decided."""
        return self.record is not None

    def end(self, end_time: int | None = None) -> None:
        """Nothing: its end is the request's."""

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Keep an attribute for the server span."""
        kept = bounded(value)
        if self.record is None or not isinstance(key, str) or not key or kept is None:
            return
        key = key_of(key)
        if key in self.attributes or len(self.attributes) < MAX_ATTRIBUTES:
            self.attributes[key] = kept
        else:
            self.dropped += 1

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Keep attributes for the server span."""
        for key, value in pairs(attributes):
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Keep an event for the server span."""
        if self.record is None:
            return
        if len(self.events) >= MAX_EVENTS:
            self.dropped += 1
            return
        self.events.append((text_of(name), clean(attributes), time_of(timestamp) or time.time_ns()))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Keep a link for the server span."""
        if self.record is None or not isinstance(context, SpanContext):
            return
        if len(self.links) >= MAX_EVENTS:
            self.dropped += 1
            return
        self.links.append((context, clean(attributes)))

    def update_name(self, name: str) -> None:
        """Name the server span otherwise."""
        if self.record is not None:
            self.name = text_of(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Give the server span a status of the site's own. As the SDK has it, OK is final, and UNSET is no news.

        Of a description only what stands before the first colon is kept: OpenTelemetry's ``use_span`` writes the class
        of an exception and its message, which may hold data of a person.
        """
        given, known = status_of(status, description), self.status
        if self.record is None or given is None or (known is not None and known.is_ok):
            return
        self.status = given

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Keep the class of an exception as an event. Not its message, which may hold data of a person."""
        if isinstance(exception, BaseException):
            name = error_name(type(exception))
            self.add_event("exception", {"exception.type": name, **clean(attributes)}, timestamp)

    def close(self) -> None:
        """The request is over: keep nothing more, and hold its record no longer."""
        self.record = None
        self._root.ambient = None
