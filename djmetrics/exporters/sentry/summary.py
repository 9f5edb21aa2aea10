"""The ``djmetrics`` context of an event: a record's totals, without anything that was put into its statements."""

from collections.abc import Iterator
from typing import Any

from ... import semconv
from ...record import Operation, Record, Statement
from ...statements import sanitised

MOST = 5
"""How many statements are named, of the slowest and of the repeated ones."""

_MILLISECOND = 1_000_000


def milliseconds(ns: int) -> float:
    """Nanoseconds as milliseconds, to the last one, so that an event and a trace agree."""
    return round(ns / _MILLISECOND, 6)


def text_of(statement: Statement) -> str:
    """A statement without data; what it does and to which table, where its text may hold some."""
    system = statement.subject.attributes.get(semconv.DB_SYSTEM_NAME, "")
    return (sanitised(statement.sql, system) if statement.sql else "") or statement.subject.name


def summary(record: Record, now: int) -> dict[str, Any]:
    """What is known of a record, at its end or, while it is open, at the monotonic time ``now``. Times in ms."""
    finished = record.root.record is None
    hits, misses = _cache(record)
    found: dict[str, Any] = {
        "kind": record.kind,
        "duration_ms": milliseconds(record.duration if finished else now - record.start),
        "cpu_ms": milliseconds(record.cpu_ns),
        "phases_ms": {phase: milliseconds(ns) for phase, ns in _phases(record, finished).items() if ns},
        "queries": record.queries,
        "repeated_queries": record.repeated_queries,
        "cache_hits": hits,
        "cache_misses": misses,
    }
    if not finished:
        found["unfinished"] = True  # reported meanwhile: the totals are those up to then
    if record.queue_ns is not None:
        found["queue_ms"] = milliseconds(record.queue_ns)
    if record.status is not None:
        found["status"] = record.status
    if record.outcome != "completed":
        found["outcome"] = record.outcome
    if slowest := _slowest(record):
        found["slowest_statements"] = slowest
    if repeated := [_named(each) for each in repeated_statements(record)[:MOST]]:
        found["repeated_statements"] = repeated
    return found


def _phases(record: Record, finished: bool) -> dict[str, int]:
    if finished:
        return record.phases
    return {phase: max(0, ns) for phase, ns in record.own_ns.items()}


def _cache(record: Record) -> tuple[int, int]:
    hits, misses = record.spilled_hits, record.spilled_misses
    for operation in list(record.operations):
        if operation.subject.kind == "cache" and type(operation.detail) is tuple:
            hits += operation.detail[0]
            misses += operation.detail[1]
    return hits, misses


def _slowest(record: Record) -> list[dict[str, Any]]:
    took = {each: each.spilled_ns for each in _statements(record) if each.spilled_ns}
    for operation in list(record.operations):
        if type(operation.detail) is Statement:
            so_far = took.get(operation.detail, operation.detail.spilled_ns)
            took[operation.detail] = so_far + _whole(operation)
    slowest = sorted(took.items(), key=lambda pair: -pair[1])[:MOST]
    return [{**_named(statement), "duration_ms": milliseconds(ns)} for statement, ns in slowest]


def _whole(operation: Operation) -> int:
    return operation.end - operation.start + operation.resumed_ns


def _named(statement: Statement) -> dict[str, Any]:
    found: dict[str, Any] = {"statement": text_of(statement), "runs": statement.count}
    if statement.location:
        found["location"] = statement.location
    return found


def repeated_statements(record: Record) -> list[Statement]:
    """The statements that ran more than once and read or wrote rows, the most frequent first."""
    repeated = [each for each in _statements(record) if each.is_of_table and each.count > 1]
    return sorted(repeated, key=lambda each: -each.count)


def _statements(record: Record) -> Iterator[Statement]:
    for statements in list(record.statements.values()):
        yield from list(statements.values())
