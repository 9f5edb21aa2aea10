"""What a span says of its operation, and the server span of its request, by the semantic conventions' names."""

from collections.abc import Mapping

from opentelemetry.util.types import AttributeValue

from ... import semconv as s
from ...errors import error_name
from ...record import Operation, Record, Statement, Subject, said_of
from ...statements import sanitised
from .tree import Node
from .values import bounded

SECOND = 1_000_000_000

_NAMED = frozenset({"db", "middleware", "url", "timed"})
"""Kinds whose subjects' names say all."""

_CEILING = 5_000

Attributes = dict[str, AttributeValue]

_subjects: dict[Subject, Attributes] = {}


def of_request(record: Record, capture_path: bool, release: str = "") -> Attributes:
    """The totals of a record, and what it was about. Times are seconds, sizes bytes."""
    found: Attributes = {
        s.DJANGO_VIEW: record.view,
        s.DJANGO_OUTCOME: record.outcome,
        s.DJANGO_CPU: record.cpu_ns / SECOND,
        s.DJANGO_QUERIES: record.queries,
        s.DJANGO_REPEATED_QUERIES: record.repeated_queries,
        s.SAMPLING_DECISION: "kept" if record.kept else "dropped",
        s.SAMPLING_REASON: record.reason,
    }
    for name, value in (
        (s.DJANGO_RELEASE, release or None),
        (s.HTTP_REQUEST_METHOD, record.method or None),
        (s.HTTP_ROUTE, record.route or None),
        (s.HTTP_RESPONSE_STATUS_CODE, record.status),
        (s.URL_SCHEME, record.scheme or None),
        (s.URL_PATH, bounded(record.path or None) if capture_path else None),
        (s.HTTP_REQUEST_BODY_SIZE, record.request_size),
        (s.HTTP_RESPONSE_BODY_SIZE, record.response_size),
        (s.DJANGO_QUEUE, None if record.queue_ns is None else record.queue_ns / SECOND),
        (s.DJANGO_FIRST_BYTE, None if record.first_byte_ns is None else record.first_byte_ns / SECOND),
    ):
        if value is not None:
            found[name] = value
    if record.error is not None:
        found[s.ERROR_TYPE] = error_name(record.error)
    elif record.status is not None and record.status >= 500:
        found[s.ERROR_TYPE] = str(record.status)
    elif record.outcome == "failed":
        found[s.ERROR_TYPE] = s.OTHER
    for phase, ns in record.phases.items():
        if ns:
            found[s.DJANGO_PHASE + phase] = ns / SECOND
    found.update(_cache_totals(record))
    for key, value in said_of(record).items():
        if (kept := bounded(value)) is not None:
            found[s.DJANGO_ANNOTATION + key] = kept
    return found


def _cache_totals(record: Record) -> Attributes:
    hits, misses = record.spilled_hits, record.spilled_misses
    for operation in record.operations:
        if operation.subject.kind == "cache" and type(operation.detail) is tuple:
            hits += operation.detail[0]
            misses += operation.detail[1]
    return {s.DJANGO_CACHE_HITS: hits, s.DJANGO_CACHE_MISSES: misses}


def of_operation(node: Node, said: set[Statement]) -> Attributes:
    """What is known of one operation, or of those that a node stands for.

    ``said`` are the statements of which another span of the trace says how often they ran, and from where.
    """
    operation = node.operation
    subject = operation.subject
    found = _of_subject(subject).copy()
    if operation.error is not None:
        found[s.ERROR_TYPE] = error_name(operation.error)
    if operation.resumed_ns and node.count == 1:
        found[s.DJANGO_FETCH if subject.kind == "db" else s.DJANGO_RESUMED] = operation.resumed_ns / SECOND
    if node.count > 1:
        found[s.FOLDED_COUNT] = node.count
        found[s.FOLDED_DURATION] = node.duration / SECOND
    if type(operation.detail) is Statement:
        statement = operation.detail
        found.update(_of_statement(statement))
        if statement.count > 1 and statement not in said:
            said.add(statement)
            found[s.DJANGO_STATEMENT_COUNT] = statement.count
            found.update(_of_location(statement.location))
    elif subject.kind == "cache" and type(operation.detail) is tuple:
        found[s.DJANGO_CACHE_HITS], found[s.DJANGO_CACHE_MISSES] = operation.detail[:2]
    return found


def _of_subject(subject: Subject) -> Attributes:
    """A subject's attributes by their full names: those of Django's own words are led by ``django`` and the kind.

    What the span's name says already is left out.
    """
    found = _subjects.get(subject)
    if found is None:
        if len(_subjects) >= _CEILING:
            _subjects.clear()
        named = {} if subject.kind == "middleware" else subject.attributes
        found = _subjects[subject] = _named(subject.kind, named)
    return found


def _named(kind: str, attributes: Mapping[str, str]) -> Attributes:
    return {
        name if "." in name else f"django.{kind}.{name}": str(value)
        for name, value in attributes.items()
        if value
    }


def _of_statement(statement: Statement) -> Attributes:
    found: Attributes = {s.DB_QUERY_SUMMARY: statement.subject.name}
    if statement.sql:
        text = sanitised(statement.sql, statement.subject.attributes.get(s.DB_SYSTEM_NAME, ""))
        if text:
            found[s.DB_QUERY_TEXT] = text
    return found


def _of_location(location: str) -> Attributes:
    """``file:line in function`` by the conventions' names; nothing of ""."""
    if not location:
        return {}
    place, _, function = location.rpartition(" in ")
    path, _, line = place.rpartition(":")
    found: Attributes = {s.CODE_FILE_PATH: path, s.CODE_FUNCTION_NAME: function}
    if line.isdecimal():
        found[s.CODE_LINE_NUMBER] = int(line)
    return found


def name_of(operation: Operation, view: str) -> str:
    """A span's name: what is done, and with what."""
    subject = operation.subject
    kind, name = subject.kind, subject.name
    if kind == "view":
        return f"view {view}"
    if kind in _NAMED:
        return name
    what = subject.attributes.get("template") or subject.attributes.get("fragment") or name
    return kind if what == kind else f"{kind} {what}"
