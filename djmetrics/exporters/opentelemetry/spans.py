"""Finished records as spans of the SDK, with their exact times and ids."""

from collections.abc import Iterator

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from ... import semconv
from ...errors import error_name, mro
from ...record import Operation, Record, Statement
from . import attributes
from .ids import new_span_id
from .span import RequestSpan
from .tree import Node, Tree
from .values import sound, sound_values

_CLIENT = frozenset({"db", "cache"})
_KINDS = {"request": SpanKind.SERVER, "task": SpanKind.CONSUMER}
_NO_FAILURES = frozenset(
    {
        # What Django answers with a page of its own: the client asked for what is not to be had.
        "django.http.response.Http404",
        "django.core.exceptions.PermissionDenied",
        "django.core.exceptions.SuspiciousOperation",
        # What ends work that nobody wants any more: the client went away, or a generator was closed.
        "asyncio.exceptions.CancelledError",
        "GeneratorExit",
    }
)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class _Hashed(Resource):
    """A resource that works its hash out once: encoders ask for it with each span, and it is made of all attributes."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(dict(resource.attributes), resource.schema_url)
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        return self._hash


class Spans:
    """Makes spans of records for one ``resource``.

    ``most`` is how many spans a trace may have, ``fold_after`` how many alike get one each, ``shortest_layer`` the own
    time in nanoseconds below which a middleware or the resolver gets none, ``release`` the site's. ``without`` are
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
        shortest_layer: int = 0,
        release: str = "",
        without: frozenset[str] = frozenset(),
    ) -> None:
        self._resource = _Hashed(resource)
        self._scope = scope
        self._most = most
        self._fold_after = fold_after
        self._capture_path = capture_path
        self._shortest_layer = shortest_layer
        self._release = release
        self._without = without

    def of(self, record: Record, span: RequestSpan) -> Iterator[ReadableSpan]:
        """The spans of one record: the server span first, then parents before children."""
        spilled = span.spilled
        operations = [*([] if spilled is None else spilled.operations), *record.operations]
        # Where the request was not chosen at its start, the others show nothing.
        if self._without and span.context.trace_flags.sampled:
            operations = [each for each in operations if each in span.ids or not self._is_shown(each)]
        # One span is the server's.
        tree = Tree(
            record, operations, span.ids, self._most - 1, self._fold_after, self._shortest_layer, spilled
        )
        lost = record.spilled - (0 if spilled is None else spilled.shown)
        yield self._server(record, span, lost + tree.dropped, tree.omitted)
        offset = record.started_at - record.start
        whole = span.context
        said: set[Statement] = set()
        for node in tree.nodes:
            node.context = self._context(whole, span.ids.get(node.operation) or new_span_id())
            yield self._operation(record, node, self._parent(node, whole, offset), offset, said)

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
        return above.context or whole if above is not None else whole

    def _context(self, whole: SpanContext, span_id: int) -> SpanContext:
        return SpanContext(whole.trace_id, span_id, False, _SAMPLED, whole.trace_state)

    def _server(self, record: Record, span: RequestSpan, dropped: int, omitted: int) -> ReadableSpan:
        found = attributes.of_request(record, self._capture_path, self._release)
        if dropped:
            found[semconv.DROPPED_OPERATIONS] = dropped
        if omitted:
            found[semconv.OMITTED_LAYERS] = omitted
        if span.dropped:
            found[semconv.DROPPED_ATTRIBUTES] = span.dropped
        failed = (record.status or 0) >= 500 or record.error is not None or record.outcome == "failed"
        return ReadableSpan(
            span.name or sound(_name(record)),
            self._context(span.context, span.context.span_id),
            span.parent,
            self._resource,
            {**span.attributes, **sound_values(found)},
            [Event(name, each, at) for name, each, at in span.events],
            [Link(context, each) for context, each in span.links],
            _KINDS.get(record.kind, SpanKind.INTERNAL),
            status=span.status or (_ERROR if failed else _UNSET),
            start_time=record.started_at,
            end_time=record.started_at + record.duration,
            instrumentation_scope=self._scope,
        )

    def _operation(
        self, record: Record, node: Node, parent: SpanContext, offset: int, said: set[Statement]
    ) -> ReadableSpan:
        operation = node.operation
        name = sound(attributes.name_of(operation, record.view))
        end = record.end if operation.subject.kind == "stream" else node.end
        found = attributes.of_operation(node, said)
        if node.is_cut:
            found[semconv.CUT] = True
        return ReadableSpan(
            name if node.count == 1 else f"{name} × {node.count}",
            node.context,
            parent,
            self._resource,
            sound_values(found),
            kind=SpanKind.CLIENT if operation.subject.kind in _CLIENT else SpanKind.INTERNAL,
            status=_UNSET if operation.error is None or _is_no_failure(operation.error) else _ERROR,
            start_time=operation.start + offset,
            end_time=end + offset,
            instrumentation_scope=self._scope,
        )


def _name(record: Record) -> str:
    """Method and route of a request, as the conventions want it; else what kind of work it was, and which."""
    if not record.method:
        return record.view.strip("()")
    # The conventions' word for a method that they do not know.
    return f"{'HTTP' if record.method == semconv.OTHER else record.method} {record.route}".rstrip()


def _is_no_failure(error: type[BaseException]) -> bool:
    """Whether an exception that left an operation is an answer, or an end that somebody asked for."""
    return any(error_name(each) in _NO_FAILURES for each in mro(error))


def _start(span: Span) -> int:
    """When another library's span began, in nanoseconds since 1970; where that is unknown, just now."""
    return getattr(span, "start_time", None) or 1 << 63
