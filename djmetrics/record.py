"""What exporters read: records, operations and what operations are about. Plain data, no behaviour.

All times are whole nanoseconds. ``start`` and ``end`` are of one monotonic clock; a record's ``started_at`` says when that
was, in nanoseconds since 1970.
"""

from collections.abc import Mapping
from typing import Any

PHASES = ("middleware", "url", "view", "template", "db", "cache", "other")
"""Where a record's time can go; the phases of a record sum to its duration."""

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


class Subject:
    """What an operation is about. Hooks make each subject once and share it among its operations.

    ``kind`` names the component ("db"), ``name`` the thing ("SELECT runs_run"), ``phase`` one of ``PHASES``, and
    ``attributes`` say more, by the names of ``semconv``.
    """

    __slots__ = ("attributes", "kind", "name", "phase")

    def __init__(
        self, kind: str, name: str, attributes: Mapping[str, str] | None = None, *, phase: str | None = None
    ) -> None:
        self.kind = kind
        self.name = name
        self.phase = phase or PHASE_OF_KIND.get(kind, "other")
        self.attributes: Mapping[str, str] = attributes or {}

    def __repr__(self) -> str:
        return f"Subject({self.kind!r}, {self.name!r}, {dict(self.attributes)!r})"


class Operation:
    """One timed piece of work inside a record.

    ``children_ns`` is what its child operations took, ``resumed_ns`` what it took when it went on after its end (the
    fetches of a query, the parts of a stream), ``error`` the class of the exception that left it, and ``detail`` whatever
    its hook keeps for exporters that know the kind. ``last_end`` is when its latest child ended.
    """

    # Most operations keep these as they are. Defaults of the class make an operation in half the time that slots take.
    end = 0
    children_ns = 0
    resumed_ns = 0
    last_end = 0
    error: type[BaseException] | None = None
    detail: Any = None
    start: int

    def __init__(self, subject: Subject, parent: "Operation", root: "Root") -> None:
        self.subject = subject
        self.parent = parent
        self.root = root

    @property
    def duration(self) -> int:
        """From its start to its end, with its children, without what it did when it was resumed."""
        return self.end - self.start

    @property
    def exclusive(self) -> int:
        """Its own time: all it took, without its children."""
        return self.end - self.start + self.resumed_ns - self.children_ns

    def __repr__(self) -> str:
        return f"<{self.subject.kind} {self.subject.name}: {self.duration} ns>"


class Root(Operation):
    """The operation that stands for a whole record.

    ``operations`` is where finished ones are put. ``record`` is None once the record is closed.
    ``concurrent`` says that operations ran side by side.
    """

    concurrent = False

    def __init__(self, subject: Subject, record: "Record") -> None:
        super().__init__(subject, self, self)
        self.record: Record | None = record
        self.operations = record.operations


class Statement:
    """One SQL text in one record: how often it ran, and from where once it ran suspiciously often."""

    __slots__ = ("count", "location", "sql", "subject")

    def __init__(self, subject: Subject, sql: str) -> None:
        self.subject = subject
        self.sql = sql
        self.count = 1
        self.location = ""


class Record:
    """One unit of work: an HTTP request, or the work of a process outside any.

    ``outcome`` is "completed", "disconnected" (the client went away) or "failed" (the response broke off).
    ``error`` is the class of the exception that nothing handled. Sizes are bytes, None where unknown.
    ``statements`` are its SQL texts by alias, ``folds`` the operations that stand for many, ``attributes`` the site's own.
    ``key`` tells its request from others while it is open.
    """

    # As in Operation.
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
    discarded = False
    status: int | None = None
    error: type[BaseException] | None = None
    queue_ns: int | None = None
    first_byte_ns: int | None = None
    request_size: int | None = None
    response_size: int | None = None
    trace_id = 0
    span_id = 0
    key = 0
    statements: dict[str, dict[str, Statement]] | None = None
    folds: dict[Subject, Operation] | None = None
    attributes: dict[str, Any] | None = None
    phases: dict[str, int] = dict.fromkeys(PHASES, 0)
    """Exclusive time by phase; set when the record is closed or spilled."""

    def __init__(self, subject: Subject, view: str) -> None:
        self.kind = subject.kind
        self.view = view
        self.operations: list[Operation] = []
        self.root = Root(subject, self)
