"""SQL as a trace or an event may show it: its shape, without anything that was put into it."""

import re
from functools import lru_cache

MAX_TEXT = 4_000
"""Characters of a statement that are shown."""

MYSQL = frozenset({"mysql", "mariadb"})

# In the order in which a scanner meets them: what may hold data, and what must be stepped over so as not to be
# mistaken for it (quoted names).
_TOKENS = r"""
    (?P<comment> /\*.*?\*/ | --[^\n]* )
  | (?P<name> "(?:[^"]|"")*" | `(?:[^`]|``)*` )
  | (?P<string> (?: \b[ENBX] | \bU& )? '(?:[^']|'')*' )
  | (?P<dollar> \$(?P<tag>[A-Za-z_]\w*)\$ .*? \$(?P=tag)\$ | \$\$ .*? \$\$ )
  | (?P<mark> %\(\w+\)s | %s | \$\d+ | :\w+ | \? )
  | (?P<word> [^\W\d]\w* (?:\$\w*)? )
  | (?P<number> 0[xX][0-9a-fA-F]+ | (?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? )
  | (?P<open> ['"`] | /\* )
"""
_TOKEN = re.compile(_TOKENS, re.VERBOSE | re.DOTALL | re.IGNORECASE)
_LIST = re.compile(r"\(\s*(?:%s|\?)(?:\s*,\s*(?:%s|\?))+\s*\)")
_ROWS = re.compile(r"(\([^()]*\))(?:\s*,\s*\1)+")
# SQLite takes a name in double quotes for a string where no column has that name.
_COMPARED = re.compile(
    r"(?:[=<>|]|\b(?:LIKE|GLOB|MATCH|REGEXP|BETWEEN|AND|OR|THEN|ELSE|WHEN))\s*\Z", re.IGNORECASE
)
_LISTED = re.compile(r"\b(?:IN|VALUES)\s*\(\s*(?:[^()]*,\s*)?\"", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


@lru_cache(maxsize=2_000)
def sanitised(sql: str, system: str) -> str:
    """The statement with ``?`` for each literal, without comments, lists of placeholders folded; "" if in doubt.

    ``system`` is ``db.system.name``: MySQL and MariaDB take double quotes for strings, SQLite sometimes does.
    """
    # What a backslash does to a quote depends on the server's settings.
    if "\\" in sql or (system == "sqlite" and _LISTED.search(sql)):
        return ""
    doubtful = False

    def replaced(found: re.Match[str]) -> str:
        nonlocal doubtful
        if found["comment"]:
            return " "
        if found["string"] or found["number"] or found["dollar"]:
            return "?"
        if found["name"] and _is_string(found, system):
            return "?"
        doubtful |= found["open"] is not None  # a quote that nothing closes: what follows may be anything
        return found.group()

    shown = _TOKEN.sub(replaced, sql)
    if doubtful:
        return ""
    shown = _LIST.sub("(?)", _SPACE.sub(" ", shown).strip())
    return _ROWS.sub(r"\1", shown)[:MAX_TEXT]


def _is_string(found: re.Match[str], system: str) -> bool:
    """Whether the database may take a quoted name for a string."""
    if found["name"][0] == "`":
        return False
    if system in MYSQL:
        return True
    followed = found.string[found.end() :][:1] == "."
    return (
        system == "sqlite"
        and not followed
        and _COMPARED.search(found.string[: found.start()][-40:]) is not None
    )
