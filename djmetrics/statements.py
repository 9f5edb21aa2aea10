"""SQL as a trace or an event may show it: its shape, without anything that was put into it.

Databases differ in what is a string, and a mistake would show what it hides. So wherever a text could be read in two
ways, none of it is shown.
"""

import re
from functools import lru_cache

MAX_TEXT = 4_000
"""Characters of a statement that are shown."""

MYSQL = frozenset({"mysql", "mariadb"})
SQLITE = "sqlite"
POSTGRESQL = "postgresql"

_BACKTICKS = MYSQL | {SQLITE}
_QUOTED_NAMES = frozenset({POSTGRESQL, "oracle.db"})
# To MySQL two minus signs without a space are no comment, and one that begins with an exclamation mark is run.
_MAY_BE_CODE = re.compile(r"--\S|/\*!")

# In the order in which a scanner meets them: what may hold data, and what must be stepped over so as not to be
# mistaken for it (quoted names). ``doubt`` is what hides an unknown part of what follows: a quote that nothing closes,
# a comment inside a comment (PostgreSQL nests them), a string that is quoted in a way that few databases know.
_TOKENS = r"""
    (?P<doubt> /\*(?:(?!\*/).)*/\* | \b[nN]?[qQ]' )
  | (?P<comment> /\*.*?\*/ | --[^\n]* )
  | (?P<name> "(?:[^"]|"")*" | `(?:[^`]|``)*` )
  | (?P<string> (?: \b[ENBXenbx] | \b[uU]& )? '(?:[^']|'')*' )
  | (?P<dollar> \$(?P<tag>(?:[^\W\d]\w*)?)\$ .*? \$(?P=tag)\$ )
  | (?P<mark> %\([^\W\d]\w*\)s | %s | \$\d+ | (?<!:):[^\W\d]\w* )
  | (?P<word> [^\W\d][\w$]* )
  | (?P<number> (?:\d|\.\d)(?:[eE][+-]\d|[\w.])* )
  | (?P<open> ['"`$\#\\] | /\* | \*/ )
"""
_TOKEN = re.compile(_TOKENS, re.VERBOSE | re.DOTALL)
_LIST = re.compile(r"\(\s*(?:%s|\?)(?:\s*,\s*(?:%s|\?))+\s*\)")
_ROWS = re.compile(r"(\([^()]*\))(?:\s*,\s*\1)+")
_SPACE = re.compile(r"\s+")
_BLANKS = {"string": "?", "comment": " ", "dollar": "?"}
# What a server's variable is set to need not be in quotes.
_SET = re.compile(r"(SET\s[^=]*?(?:=|\bTO\b)).*", re.IGNORECASE | re.DOTALL)
# Names in brackets, of SQLite and SQL Server, with a quote in them; to PostgreSQL that is an array of strings.
_BRACKETS = re.compile(r"""\[[^\]]*['"`]""")

# SQLite takes a name in double quotes for a string where nothing has that name. What stands in these places is a name.
_NAME = r'"(?:[^"]|"")*"'
_COLUMNS = re.compile(rf"\bINTO\s+{_NAME}\s*\((\s*{_NAME}(?:\s*,\s*{_NAME})*\s*)\)", re.IGNORECASE)
_NAMED = re.compile(
    rf"""(?: \. | \b(?:AS|(?<!DISTINCT\ )FROM|JOIN|INTO|UPDATE|TABLE|INDEX|EXISTS|SAVEPOINT|TO|SET)\ ) ({_NAME})
      | ({_NAME}) (?= \. )""",
    re.VERBOSE | re.IGNORECASE,
)


@lru_cache(maxsize=2_000)
def sanitised(sql: str, system: str) -> str:
    """The statement with ``?`` for each literal, without comments, lists of placeholders folded; "" if in doubt.

    ``system`` is ``db.system.name``: MySQL and MariaDB take double quotes for strings, SQLite sometimes does.
    """
    sql = sql.replace("\r\n", "\n")
    # What a backslash does to a quote depends on the server's settings; whether "\r" ends a comment, on the server.
    if "\\" in sql or "\r" in sql or (system != POSTGRESQL and _BRACKETS.search(sql)):
        return ""
    names = _names(sql) if system == SQLITE else frozenset()
    doubtful = False

    def replaced(found: re.Match[str]) -> str:
        nonlocal doubtful
        kind, text = found.lastgroup, found.group()
        if kind in ("word", "mark"):
            return text
        if kind == "comment":
            doubtful |= system in MYSQL and _MAY_BE_CODE.match(text) is not None
            return " "
        if kind == "name":
            doubtful |= text[0] == "`" and system not in _BACKTICKS
            return text if text[0] == "`" or system in _QUOTED_NAMES or text in names else "?"
        if kind == "dollar":
            doubtful |= system != POSTGRESQL
        elif kind in ("doubt", "open"):
            doubtful |= text != "#" or system != POSTGRESQL  # which has operators such as #>
            return text
        return "?"

    shown = _TOKEN.sub(replaced, sql)
    if doubtful:
        return ""
    shown = _LIST.sub("(?)", _SPACE.sub(" ", shown).strip())
    if (setting := _SET.fullmatch(shown)) is not None:
        shown = f"{setting[1]} ?"
    return _ROWS.sub(r"\1", shown)[:MAX_TEXT]


def _blanked(token: re.Match[str]) -> str:
    return _BLANKS.get(token.lastgroup or "", token.group())


def _names(sql: str) -> frozenset[str]:
    """What of a statement of SQLite stands in double quotes in a place where only a name can stand."""
    # Strings and comments are out of the way first, lest one of them make a string look like a name.
    bare = _TOKEN.sub(_blanked, sql)
    bare = _SPACE.sub(" ", bare)
    found = {name for pair in _NAMED.findall(bare) for name in pair if name}
    for columns in _COLUMNS.findall(bare):
        found.update(re.findall(_NAME, columns))
    return frozenset(found)
