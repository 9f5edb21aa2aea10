"""What may not leave unless the site lets personal data go: values in the messages of databases' errors."""

import re

from .choices import Event

_DRIVERS = ("django.db", "sqlite3", "psycopg", "psycopg2", "MySQLdb", "pymysql", "oracledb", "mysql")

# 'value' of any database; PostgreSQL's "value" at the end of a sentence, where "name" stands elsewhere.
_STRINGS = re.compile(r"'(?:[^']|'')*'")
_VALUE = re.compile(r":\s*\"[^\n]*\"|:\s*[^\s:]*\d[^\n]*$")


def scrub_messages(event: Event) -> None:
    """Take the values out of what databases say of errors: they quote the row that they refuse."""
    for each in (event.get("exception") or {}).get("values") or ():
        module = each.get("module") or ""
        if f"{module}.".startswith(tuple(f"{driver}." for driver in _DRIVERS)):
            each["value"] = scrubbed(each.get("value") or "")


def scrubbed(message: str) -> str:
    """The first line of a database's message without what may be a value."""
    first, _, rest = message.partition("\n")
    first = _VALUE.sub(": ?", _STRINGS.sub("'?'", first))
    return f"{first} …" if rest else first
