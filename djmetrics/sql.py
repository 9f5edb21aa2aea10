"""What a statement is about: its operation and its table, cheaply, and how often a record ran it.

The text is looked at no further than its first words, and never leaves through a metric.
"""

import re
import sys
from collections.abc import Mapping
from typing import Any, Protocol

from .places import code_place
from .record import Record, Statement, Subject

OPERATIONS = frozenset(
    [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "REPLACE",
        "MERGE",
        "WITH",
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "SAVEPOINT",
        "RELEASE",
        "ROLLBACK",
        "COMMIT",
        "BEGIN",
        "SET",
        "SHOW",
        "PRAGMA",
        "EXPLAIN",
        "CALL",
        "LOCK",
        "ANALYZE",
        "VACUUM",
        "COPY",
        "DECLARE",
        "FETCH",
        "CLOSE",
        "CONNECT",
    ]
)
"""First words that become ``db.operation.name``; any other is ``_OTHER``."""

MAX_TEXT = 10_000
"""Characters: longer texts (bulk inserts) are not kept to be compared."""

_CACHE_TEXT = 2_000
_CACHE_SIZE = 1_000
# Texts that one record keeps of each alias, to be compared: some 2 MB at most.
_STATEMENTS = 1_000
_SHORT_TEXT = 1_000
_LONG_STATEMENTS = 100

# What may hold data, or hide words: strings, comments, the arguments of functions (EXTRACT(YEAR FROM …)).
_STRINGS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|/\*.*?\*/|--[^\n]*", re.DOTALL)
# Where strings cannot be told from the rest: a backslash, PostgreSQL's dollar quotes, a quote that nothing closes.
_DOUBTFUL = re.compile(r"\\|\$\w*\$|'|(?<![\w])\"(?!\w+\")")
_ARGUMENTS = re.compile(r"(?<=\w)\([^()]*\)")
_NESTING = 4

# The table follows the first FROM, INTO or UPDATE; a name may be quoted, and led by a database and a schema.
_TABLE = re.compile(
    r"(?:\bFROM|\bINTO|^\s*UPDATE)\s+(?:ONLY\s+)?(?:[\"`\[]?\w+[\"`\]]?\.){0,2}[\"`\[]?([^\W\d]\w*)",
    re.IGNORECASE,
)
_TABLED = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE"})

# OpenTelemetry's db.system.name of Django's vendors.
_SYSTEMS = {"oracle": "oracle.db", "mysql": "mysql", "postgresql": "postgresql", "sqlite": "sqlite"}

_known: dict[tuple[str, str], dict[str, Subject]] = {}
_subjects: dict[tuple[str, str, str, str], Subject] = {}

repeated_from = 5
"""From how many runs of one text in one record on its place in the code is looked up."""


class Connection(Protocol):
    """What is needed of Django's connection."""

    alias: str
    vendor: str


def subject_of(connection: Connection, sql: Any) -> Subject:
    """The subject of a statement on ``connection``: the same object for all statements of an operation on a table."""
    alias = connection.alias
    kind = type(sql)
    if kind is str:
        known = _known.get((alias, connection.vendor))
        if known is not None and (found := known.get(sql)) is not None:
            return found
    # Another kind of text is not asked for its hash; what is no text at all is an object of the driver's.
    text = sql if kind is str else str.__str__(sql) if issubclass(kind, str) else ""
    operation, table = describe(text)
    key = (connection.vendor, alias, operation, table)
    subject = _subjects.get(key)
    if subject is None:
        if len(_subjects) >= _CACHE_SIZE:
            _subjects.clear()
        subject = _subjects[key] = Subject(
            "db", f"{operation} {table}".rstrip(), _attributes(connection, operation, table)
        )
    if kind is str and len(text) <= _CACHE_TEXT:
        texts = _known.setdefault((alias, connection.vendor), {})
        if len(texts) >= _CACHE_SIZE:
            texts.clear()
        texts[text] = subject
    return subject


def _attributes(connection: Connection, operation: str, table: str) -> Mapping[str, str]:
    # Django's own answer, once it has asked the server; to ask here would run a query.
    vendor = "mariadb" if vars(connection).get("mysql_is_mariadb") else connection.vendor
    return {
        "db.system.name": _SYSTEMS.get(vendor, vendor),
        "alias": connection.alias,
        "db.operation.name": operation,
        "db.collection.name": table,
    }


def _unless_name(found: re.Match[str]) -> str:
    """A name in double quotes as it is; whatever else is in quotes, or a comment, is blanked."""
    text = found.group()
    return text if text[0] == '"' and text[1:-1].isidentifier() else " "


def describe(text: str) -> tuple[str, str]:
    """The operation and the table of a statement; "_OTHER" and "" where they can't be told cheaply."""
    text = _STRINGS.sub(_unless_name, text[:MAX_TEXT])
    words = text[:200].split(None, 1)
    operation = words[0].upper().rstrip("(;") if words else ""
    if operation not in OPERATIONS:
        return "_OTHER", ""
    if operation not in _TABLED:
        return operation, ""
    if _DOUBTFUL.search(text):
        return operation, ""
    for _ in range(_NESTING):
        text = _ARGUMENTS.sub("", text)
    found = _TABLE.search(text)
    return operation, found.group(1)[:100] if found else ""


def track(record: Record, connection: Connection, sql: Any) -> Statement:
    """Count one more run of ``sql`` in ``record``."""
    statements = record.statements.get(connection.alias)
    statement = None if statements is None or type(sql) is not str else statements.get(sql)
    if statement is None:
        return first_run(record, connection, sql)
    again(record, statement)
    return statement


def first_run(record: Record, connection: Connection, sql: Any) -> Statement:
    """Count the run of a statement whose text the record has not got."""
    record.queries += 1
    subject = subject_of(connection, sql)
    statement = Statement(subject, "", subject.attributes["db.operation.name"] in _TABLED)
    statements = record.statements.setdefault(connection.alias, {})
    if (
        type(sql) is str
        and len(sql) <= MAX_TEXT
        and len(statements) < (_STATEMENTS if len(sql) <= _SHORT_TEXT else _LONG_STATEMENTS)
    ):
        statement.sql = sql
        statements[sql] = statement
    return statement


def again(record: Record, statement: Statement) -> None:
    """Count one more run of a statement that the record has."""
    record.queries += 1
    statement.count += 1
    if statement.is_of_table:
        record.repeated_queries += 1
        if statement.count == repeated_from:
            statement.location = code_place(sys._getframe(1))
