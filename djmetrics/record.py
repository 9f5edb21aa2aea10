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
    fetches of a query, the parts of a stream) in ``laps`` steps, ``error`` the class of the exception that left it, and
    ``detail`` whatever its hook keeps for exporters that know the kind.
    """

    __slots__ = (
        "children_ns", "detail", "end", "error", "laps", "last_end", "parent", "resumed_ns", "root", "start", "subject",
    )  # fmt: skip

    start: int
    parent: "Operation"
    root: "Root"

    def __init__(self, subject: Subject, parent: "Operation", root: "Root") -> None:
        self.subject = subject
        self.parent = parent
        self.root = root
        self.end = 0
        self.children_ns = 0
        self.resumed_ns = 0
        self.last_end = 0
        self.laps = 0
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
        return f"<{self.subject.kind} {self.subject.name}: {self.duration} ns>"


class Root(Operation):
    """The operation that stands for a whole record; ``record`` is None once the record is closed."""

    __slots__ = ("record",)

    def __init__(self, subject: Subject, record: "Record") -> None:
        super().__init__(subject, self, self)
        self.record: Record | None = record


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
    ``concurrent`` says that operations ran side by side. ``attributes`` are the site's own (``annotate``).
    """

    __slots__ = (
        "attributes", "concurrent", "cpu_ns", "discarded", "duration", "end", "error", "first_byte_ns", "folds", "key",
        "kind", "method", "operations", "outcome", "phases", "queries", "queue_ns", "repeated_queries", "request_size",
        "response_size", "root", "route", "span_id", "spilled", "start", "started_at", "statements", "status", "trace_id",
        "view",
    )  # fmt: skip

    start: int
    started_at: int

    def __init__(self, kind: str, subject: Subject, view: str) -> None:
        self.kind = kind
        self.view = view
        self.root = Root(subject, self)
        self.operations: list[Operation] = []
        self.phases = dict.fromkeys(PHASES, 0)
        self.statements: dict[str, dict[str, Statement]] = {}
        self.folds: dict[Subject, Operation] = {}
        self.attributes: dict[str, Any] = {}
        self.end = self.duration = self.cpu_ns = self.queries = self.repeated_queries = self.spilled = 0
        self.concurrent = self.discarded = False
        self.method = self.route = ""
        self.outcome = "completed"
        self.status: int | None = None
        self.error: type[BaseException] | None = None
        self.queue_ns: int | None = None
        self.first_byte_ns: int | None = None
        self.request_size: int | None = None
        self.response_size: int | None = None
        self.trace_id = self.span_id = 0
        self.key = 0
