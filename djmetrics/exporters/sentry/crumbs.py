"""Breadcrumbs from a record's operations: what was done before an event, without data."""

from datetime import UTC, datetime
from typing import Any

from ...errors import error_name
from ...record import Operation, Record, Statement
from .choices import Event
from .summary import milliseconds, text_of

Crumb = dict[str, Any]

MOST = 50
"""How many operations become breadcrumbs: the last ones."""

_PER_OPERATION = "query"
"""The category of those that the SDK's Django integration makes of each statement."""

_KINDS = {"db": "query", "fetch": "query", "cache": "cache", "fragment": "cache"}
_LEFT_OUT = frozenset({"handler", "stream", "form"})
_SECOND = 1_000_000_000


def add_crumbs(event: Event, record: Record, most: int) -> None:
    """Put the record's breadcrumbs among those that the site made, in the order of time; ``most`` in all."""
    held = event.get("breadcrumbs") or {}
    if not isinstance(held, dict):
        return
    kept = [each for each in held.get("values") or () if each.get("category") != _PER_OPERATION]
    ours = [
        _crumb(record, operation)
        for operation in sorted(record.operations, key=lambda each: each.end)
        if operation.subject.kind not in _LEFT_OUT
    ]
    room = max(0, min(MOST, most - len(kept)))
    values = [*kept, *ours[len(ours) - room :]] if room else kept
    try:
        values.sort(key=lambda each: each["timestamp"])
    except (KeyError, TypeError):  # a breadcrumb of the site's with a time of another kind
        values = [*ours[-room:], *kept] if room else kept
    event["breadcrumbs"] = {**held, "values": values}


def _crumb(record: Record, operation: Operation) -> Crumb:
    subject = operation.subject
    category = _KINDS.get(subject.kind, subject.kind)
    if type(operation.detail) is Statement:
        message = text_of(operation.detail)
    else:
        what = subject.attributes.get("template") or subject.attributes.get("fragment") or subject.name
        message = record.view if subject.kind == "view" else what
    since = record.started_at + operation.end - record.start
    crumb: Crumb = {
        "type": "query" if category == "query" else "default",
        "category": category,
        "message": message,
        "level": "info" if operation.error is None else "error",
        "timestamp": datetime.fromtimestamp(since / _SECOND, UTC),
        "data": {"duration_ms": milliseconds(operation.end - operation.start + operation.resumed_ns)},
    }
    if operation.error is not None:
        crumb["data"]["error"] = error_name(operation.error)
    return crumb
