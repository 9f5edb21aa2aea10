"""Finished records as spans of the SDK, with their exact times and ids."""

from collections.abc import Iterator

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from ... import semconv
from ...record import Operation, Record, Statement
from . import attributes
from .span import RequestSpan, new_span_id
from .tree import Node, Tree

_CLIENT = frozenset({"db", "cache"})
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class Spans:
    """Makes spans of records for one ``resource``.

    ``most`` is how many spans a trace may have, ``fold_after`` how many alike get one each. ``without`` are
    the databases, by ``db.system.name``, whose statements another instrumentation shows.
    """

    def __init__(
        self,
        resource: Resource,
        scope: InstrumentationScope,
        *,
        most: int,
        fold_after: int,
        capture_path: bool,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self._resource = resource
        self._scope = scope
        self._most = most
        self._fold_after = fold_after
        self._capture_path = capture_path
        self._without = without

    def of(self, record: Record, span: RequestSpan) -> Iterator[ReadableSpan]:
        """The spans of one record: the server span first, then parents before children."""
        operations = [*span.spilled, *record.operations]
        # Where the request was not chosen at its start, the others show nothing.
        if self._without and span.context.trace_flags.sampled:
            operations = [each for each in operations if each in span.ids or not self._is_shown(each)]
        # One span is the server's.
        tree = Tree(record, operations, span.ids, self._most - 1, self._fold_after)
        yield self._server(record, span, record.spilled - len(span.spilled) + tree.dropped)
        offset = record.started_at - record.start
        whole = span.context
        for node in tree.nodes:
            node.span_id = span.ids.get(node.operation) or new_span_id()
            yield self._operation(record, node, whole, self._parent(node, whole, offset), offset)

    def _is_shown(self, operation: Operation) -> bool:
        """Whether another instrumentation shows an operation: statements they do, connects and commits they do not."""
        if type(operation.detail) is not Statement:
            return False
        return operation.subject.attributes.get(semconv.DB_SYSTEM_NAME) in self._without

    def _parent(self, node: Node, whole: SpanContext, offset: int) -> SpanContext:
        above = node.parent
        around = node.around
        if isinstance(around, Span):
            context = around.get_span_context()
            # A layer that began inside the other library's span is nearer.
            is_outer = (
                above is not None and above.is_layer and above.operation.start + offset >= _start(around)
            )
            if context.trace_id == whole.trace_id and context.trace_flags.sampled and not is_outer:
                return context
        return whole if above is None else self._context(whole, above.span_id)

    def _context(self, whole: SpanContext, span_id: int) -> SpanContext:
        return SpanContext(whole.trace_id, span_id, False, _SAMPLED, whole.trace_state)

    def _server(self, record: Record, span: RequestSpan, dropped: int) -> ReadableSpan:
        found = attributes.of_request(record, self._capture_path)
        if dropped:
            found[semconv.DROPPED_OPERATIONS] = dropped
        if span.dropped:
            found[semconv.DROPPED_ATTRIBUTES] = span.dropped
        failed = (record.status or 0) >= 500 or record.error is not None or record.outcome == "failed"
        return ReadableSpan(
            # The conventions' word for a method that they do not know.
            span.name
            or f"{'HTTP' if record.method == semconv.OTHER else record.method} {record.route}".rstrip(),
            self._context(span.context, span.context.span_id),
            span.parent,
            self._resource,
            {**span.attributes, **found},
            [Event(name, each, at) for name, each, at in span.events],
            [Link(context, each) for context, each in span.links],
            SpanKind.SERVER,
            status=span.status or (_ERROR if failed else _UNSET),
            start_time=record.started_at,
            end_time=record.started_at + record.duration,
            instrumentation_scope=self._scope,
        )

    def _operation(
        self, record: Record, node: Node, whole: SpanContext, parent: SpanContext, offset: int
    ) -> ReadableSpan:
        operation = node.operation
        name = attributes.name_of(operation, record.view)
        end = record.end if operation.subject.kind == "stream" else node.end
        found = attributes.of_operation(node)
        if node.is_cut:
            found[semconv.CUT] = True
        return ReadableSpan(
            name if node.count == 1 else f"{name} × {node.count}",
            self._context(whole, node.span_id),
            parent,
            self._resource,
            found,
            kind=SpanKind.CLIENT if operation.subject.kind in _CLIENT else SpanKind.INTERNAL,
            status=_UNSET if operation.error is None else _ERROR,
            start_time=operation.start + offset,
            end_time=end + offset,
            instrumentation_scope=self._scope,
        )


def _start(span: Span) -> int:
    """When another library's span began, in nanoseconds since 1970; where that is unknown, just now."""
    return getattr(span, "start_time", None) or 1 << 63
