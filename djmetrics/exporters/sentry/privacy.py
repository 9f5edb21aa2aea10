"""What may not leave unless the site lets personal data go: values in the messages of databases and of Django."""

import re
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from .choices import Event

_DRIVERS = (
    "django.db", "sqlite3", "psycopg", "psycopg2", "MySQLdb", "pymysql", "oracledb", "cx_Oracle", "mysql", "pyodbc",
    "mssql",
)  # fmt: skip

# What a message may begin with: what follows is the name of a table, a column or a constraint, or in quotes.
_KNOWN = re.compile(
    r"\(\d+|(?:unique|not null|foreign key|check) constraint failed|no such (?:table|column|function)|"
    r"duplicate key value|null value in column|(?:insert or )?update or delete on table|insert or update on table|"
    r"new row for relation|value too long|value |invalid input |numeric field overflow|integer out of range|"
    r"relation |column |table |syntax error|near |time zone |date/time |division by zero|deadlock|lock |"
    r"could not |canceling |current transaction |connection |server closed|too many|database |duplicate entry|"
    r"data too long|incorrect |unknown |cannot |lost connection|permission denied|disk |attempt to write",
    re.IGNORECASE,
)
# From the first quote to the last: none of the databases escapes those in a value.
_QUOTED = re.compile(r"[\"'`].*[\"'`]|[\"'`].*$")

# Django's own, which say what they were given: a look-up's value or its name, a form's field.
_TELLING = frozenset({"BadRequest", "FieldError", "SuspiciousOperation", "ValidationError"})
_GIVEN = re.compile(r"[\"'`“].*[\"'`”]", re.DOTALL)
_FIELD = re.compile(r"(Field '[^']*' expected .*? but got ).*", re.DOTALL)
# PostgreSQL's names, as far as nothing else is in quotes before them.
_NAMED = re.compile(r"(?:[^\"'`]*\b(?:constraint|relation|table|column) \"[A-Za-z_]\w*\")+")
_NAME = re.compile(r"syntax error|[\w.]+(?:, [\w.]+)*")


def scrub_messages(event: Event) -> None:
    """Take the values out of what databases say of errors, which quote the row that they refuse, and Django.

    An exception's cause stands before it, and that of one of Django's is the driver's, whatever that is called.
    """
    values: list[dict[str, Any]] = list((event.get("exception") or {}).get("values") or ())
    nothing: dict[str, Any] = {}
    for each, following in zip_longest(values, values[1:], fillvalue=nothing):
        if _is_of(each, _DRIVERS) or _is_of(following, ("django.db",)):
            each["value"] = scrubbed(each.get("value") or "")
        elif _tells(each) or _tells(following):
            each["value"] = _field_given(each.get("value") or "")


def _tells(value: dict[str, Any]) -> bool:
    """Whether it is an exception of Django's that says what it was given."""
    if _is_of(value, ("django.core.exceptions",)):
        return value.get("type") in _TELLING
    return (
        value.get("type") in ("TypeError", "ValueError")
        and _FIELD.match(value.get("value") or "") is not None
    )


def _field_given(message: str) -> str:
    field = _FIELD.match(message)
    return f"{field[1]}?" if field else _GIVEN.sub("?", message)


def _is_of(value: dict[str, Any], packages: Iterable[str]) -> bool:
    return f"{value.get('module') or ''}.".startswith(tuple(f"{each}." for each in packages))


def scrubbed(message: str) -> str:
    """The first line of a database's message without what may be a value; "…" for one of an unknown kind."""
    first, _, rest = message.partition("\n")
    if not first:
        return message
    if _KNOWN.match(first) is None:
        return "…"
    named = _NAMED.match(first)
    head = named.group() if named else ""
    shown = head + _QUOTED.sub("?", first[len(head) :])
    before, colon, after = shown.partition(": ")
    if colon and after != "?" and (_NAME.fullmatch(after) is None or any(each.isdigit() for each in after)):
        shown = f"{before}: ?"
    return f"{shown} …" if rest else shown
