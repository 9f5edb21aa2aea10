"""What exporters read: records, operations and what operations are about. Plain data, no behaviour.

All times are whole nanoseconds. ``start`` and ``end`` are of one monotonic clock; a record's ``started_at``
says when that was, in nanoseconds since 1970.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .phases import PHASES, exclusive_phases

__all__ = [
    "FLAG",
    "PHASES",
    "Layer",
    "Operation",
    "Record",
    "Root",
    "Statement",
    "Subject",
    "layer_operations",
    "said_of",
]

PHASE_OF_KIND = {
    "middleware": "middleware",
    "url": "url",
    "view": "view",
    "stream": "view",
    "template": "template",
    "compile": "template",
    "form": "template",
    "fragment": "template",
    "db": "db",
    "fetch": "db",
    "cache": "cache",
}

FLAG = "flag."
"""What sets a flag's name apart from the keys of annotations."""

_NOTHING = dict.fromkeys(PHASES, 0)


class Subject:
    """What an operation is about. Hooks make each subject once and share it among its operations.

    ``kind`` names the component ("db"), ``name`` the thing ("SELECT runs_run"), ``phase`` one of ``PHASES``,
    and ``attributes`` say more, by the names of ``semconv``.
    """

    __slots__ = ("attributes", "kind", "name", "phase")

    def __init__(
        self, kind: str, name: str, attributes: Mapping[str, str] | None = None, *, phase: str | None = None
    ) -> None:
        self.kind = kind
        self.name = name
        self.phase = phase if phase in PHASES else PHASE_OF_KIND.get(kind, "other")
        self.attributes: Mapping[str, str] = attributes or {}

    def __repr__(self) -> str:
        return f"Subject({self.kind!r}, {self.name!r}, {dict(self.attributes)!r})"


class Operation:
    """One timed piece of work inside a record.

    ``around`` is there only where a span of another library was current when it began: that span.
    ``children_ns`` is what its child operations took, ``resumed_ns`` what it took when it went on after its end
    (the fetches of a query, the parts of a stream), ``error`` the class of the exception that left it, and
    ``detail`` whatever its hook keeps for exporters that know the kind. ``last_end`` is when its latest child
    ended.
    """

    __slots__ = (
        "around", "children_ns", "detail", "end", "error", "last_end", "parent", "resumed_ns", "root", "start",
        "subject",
    )  # fmt: skip

    start: int
    end: int
    around: Any

    def __init__(self, subject: Subject, parent: "Operation", root: "Root") -> None:
        self.subject = subject
        self.parent = parent
        self.root = root
        self.children_ns = 0
        self.resumed_ns = 0
        self.last_end = 0
        self.error: type[BaseException] | None = None
        self.detail: Any = None

    @property
    def duration(self) -> int:
        """From its start to its end, with its children, without what it did when it was resumed."""
        return self.end - self.start

    @property
    def exclusive(self) -> int:
        """Its own time: all it took, without its children."""
        return self.end - self.start + self.resumed_ns - self.children_ns

    def __repr__(self) -> str:
        lasted = f"{self.duration} ns" if hasattr(self, "end") else "open"
        return f"<{self.subject.kind} {self.subject.name}: {lasted}>"


class Root(Operation):
    """The operation that stands for a whole record.

    ``operations`` and ``layers`` are where finished ones are put, ``own_ns`` is where the own time of both
    is added up by phase. ``record`` is None once the record is closed.
    ``resumable`` says whether its operations may go on after their end: until the record is closed, and not in
    the process's, which is counted any time. ``limit`` is how many operations are put there before they are
    counted. ``concurrent`` says that operations ran side by side, ``plain`` that the record is open and that nothing
    stands between its cursors and their drivers' but Django's own code. ``ambient``, where it is there, is asked when
    an operation begins for the span of another library that is current then.
    """

    __slots__ = (
        "ambient",
        "concurrent",
        "laps",
        "layers",
        "limit",
        "operations",
        "own_ns",
        "plain",
        "record",
        "resumable",
    )

    def __init__(self, subject: Subject, record: "Record") -> None:
        # Operation's own, written out.
        self.subject = subject
        self.parent = self.root = self
        self.children_ns = self.resumed_ns = self.last_end = 0
        self.error = self.detail = None
        self.record: Record | None = record
        self.operations = record.operations
        self.own_ns = record.own_ns
        self.layers = record.layers
        self.limit = record.limit
        self.laps: dict[Subject, int] | None = None
        self.ambient: Callable[[], Any] | None = None
        self.resumable = True
        self.concurrent = self.plain = False


class Layer(NamedTuple):
    """One layer of a request's way to its view: a middleware, or the URL resolver.

    Layers lie one inside the other on a request's one way in and out, so that all there is to know is when each
    began and ended, what it took itself (``own``, in nanoseconds), and the class of the exception that left it.
    """

    subject: Subject
    start: int
    end: int
    own: int
    error: type[BaseException] | None


class Statement:
    """One SQL text in one record: how often it ran, and from where once it ran suspiciously often.

    ``sql`` is "" where the text is not kept: it is too long, or no text. ``is_of_table`` says that it reads or writes
    rows, so that running it again is an N+1. ``spilled_ns`` is the time of those runs that the record holds no longer.
    """

    location = ""
    count = 1
    spilled_ns = 0

    def __init__(self, subject: Subject, sql: str, is_of_table: bool) -> None:
        self.subject = subject
        self.sql = sql
        self.is_of_table = is_of_table


class Record:
    """One unit of work: an HTTP request, or the work of a process outside any.

    ``outcome`` is "completed", "disconnected" (the client went away) or "failed" (the response broke off).
    ``error`` is the class of the exception that nothing handled. Sizes are bytes, None where unknown.
    ``own_ns`` is what its operations and layers took themselves, by phase;
    ``layers`` are the middlewares and the resolver that it went through, ``operations`` all else that was
    timed. ``statements`` are its SQL texts by alias, ``folds`` the operations that stand for many.
    ``key`` tells its request from others while it
    is open, ``announced`` are the exporters that know of it. ``carrier`` holds a request's headers while its record is
    announced, ``notes`` what a destination keeps of it while it is open.

    ``chosen`` says whether its trace was chosen at its start, None where nobody traces it; ``kept`` whether it is
    kept, and ``reason`` why; "" where nobody decided. ``annotations`` is what the site said of it, ``flags`` the
    latest value of each feature flag that it asked for. ``exception`` is the
    one of ``error``, where a destination wants it, until the exporters have seen the record; ``earlier_exceptions`` are
    those that were answered before it, by a page that then broke too, ``inner_exceptions`` those of tasks inside, which
    whoever ran them kept from the request.
    """

    # Most records keep most of these as they are. Defaults of the class make a record in a third of the time.
    method = ""
    route = ""
    outcome = "completed"
    start: int
    started_at: int
    end = 0
    duration = 0
    cpu_ns = 0
    queries = 0
    repeated_queries = 0
    spilled = 0
    spilled_hits = 0
    spilled_misses = 0
    discarded = False
    status: int | None = None
    error: type[BaseException] | None = None
    queue_ns: int | None = None
    first_byte_ns: int | None = None
    request_size: int | None = None
    response_size: int | None = None
    trace_id = 0
    span_id = 0
    path = ""
    scheme = ""
    chosen: bool | None = None
    kept = True
    reason = ""
    annotations: dict[str, Any] | None = None
    flags: dict[str, Any] | None = None
    exception: BaseException | None = None
    inner_exceptions: tuple[BaseException, ...] = ()
    earlier_exceptions: tuple[BaseException, ...] = ()
    carrier: Mapping[str, Any] | None = None
    notes: dict[str, Any] | None = None
    key = 0
    limit = 5000
    announced: tuple[Any, ...] = ()
    folds: dict[Subject, Operation] | None = None
    _phases: dict[str, int] | None = None

    def __init__(self, subject: Subject, view: str) -> None:
        self.kind = subject.kind
        self.view = view
        self.own_ns = _NOTHING.copy()
        self.operations: list[Operation] = []
        self.layers: list[Layer] = []
        self.statements: dict[str, dict[str, Statement]] = {}
        self.root = Root(subject, self)

    @property
    def phases(self) -> dict[str, int]:
        """Exclusive nanoseconds by phase of a closed record; they sum to its duration. Worked out when asked for."""
        if self._phases is None:
            self._phases = exclusive_phases(self)
        return self._phases


def said_of(record: Record) -> dict[str, Any]:
    """What the site said of a record, and the flags that it asked for, under the keys of the setting ANNOTATIONS."""
    flags = {FLAG + name: value for name, value in (record.flags or {}).items()}
    return {**(record.annotations or {}), **flags}


def layer_operations(record: Record) -> list[Operation]:
    """The layers of a record as operations right below its root, in the order of their ends."""
    operations = []
    for subject, start, end, own, error in record.layers:
        operation = Operation(subject, record.root, record.root)
        operation.start, operation.end, operation.error = start, end, error
        operation.children_ns = end - start - own
        operations.append(operation)
    return operations
