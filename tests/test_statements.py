"""SQL as a trace may show it: no literal comes out, whatever the database's ways to quote one; the shape stays."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from djmetrics.statements import MAX_TEXT, sanitised

SECRET = "zqsecretqz"
DIGITS = "918273645"

EVERYWHERE = ["'{}'", "'it''s {}'", "'{}''s'", "N'{}'", "-- {}\n", "/* {} */", "/* it's {} */", '/* " {} */']
NUMBERS = [
    DIGITS,
    f"-{DIGITS}",
    f"{DIGITS}.5",
    f".{DIGITS}",
    f"1e{DIGITS}",
    f"1.5e-{DIGITS}",
    f"1_000_{DIGITS}",
    f"0x{DIGITS}",
    f"0b1_{DIGITS}",
    f"0o{DIGITS}",
    f"a[1:{DIGITS}]",
    f"'1'::numeric({DIGITS})",
]
QUOTINGS = {
    "postgresql": [
        *("E'{}'", "e'it\\'s {}'", "U&'{}'", "B'{}'", "X'{}'", "$${}$$", "$$it's {}$$", "$tag${}$tag$"),
        *("$tag$ $Tag$ {} $TAG$ $$ {} $tag$", "$a$ $b$ {} $b$ {} $a$", "$é$ {} $é$", "ARRAY['{}', 'b']"),
        *("/* a /* b */ {} */", "/* /* ' */ ' {} */", "'a'\n'{}'", "'a\\'{}'", '$"$ " {} $"$', "{{'{}'}}"),
        *("$$ '$$ || '{}'", "-- it's\r {}\n", "`{}`"),
    ],
    "mysql": [
        *(
            '"{}"',
            '"it""s {}"',
            '"it\'s {}"',
            "'a \" {}'",
            "'it\\'s {}'",
            '"a\\" {}"',
            "_utf8mb4'{}'",
            "x'{}'",
        ),
        *("# {}\n", "# it's {}\n", "#' {}\n", '1--"{}\n{}"', "/*! {} */", "/*!50000 '{}' */", "`a'b` = '{}'"),
        *("a--'x\n{}'", "$$ ' {} ' $$", "$$ '$$' \"{}\""),
    ],
    "sqlite": [
        *('"{}"', '"it""s {}"', "x'{}'", "[it's] = '{}'", '[a"b] = "{}"', "$${}$$", "`a''b` || '{}'"),
        *('upper("{}")', '"{}" || a', "[it's] = 1 AND [it's] = '{}'"),
    ],
    "oracle.db": ["q'[it's {}]'", "nq'!{}!'", "Q'(a'b'c {})'", "n'{}'", "DATE '{}'"],
    "microsoft": ["[it's] = '{}'", '"{}"', "N'{}'", "[a'b] = '{}' AND [c'd] = '{}'"],
    "": ['"{}"', "'{}'", "$${}$$", "# {}\n"],
}
PLACES = [
    "SELECT {}",
    "SELECT a, {} FROM t",
    "SELECT f({}, b)",
    "SELECT a FROM t WHERE a = {}",
    "SELECT a FROM t WHERE a = {} AND b IN ({}, {})",
    "SELECT a FROM t WHERE {} = a",
    "SELECT a FROM t WHERE a LIKE {} ORDER BY {}",
    "SELECT a FROM t WHERE a IS DISTINCT FROM {}",
    "SELECT a FROM t WHERE a IS DISTINCT   FROM {}",
    "SELECT a FROM t WHERE a BETWEEN {} AND {}",
    "SELECT CASE WHEN a THEN {} WHEN {} THEN b ELSE {} END",
    "SELECT COALESCE({}, a), {} + 1, -{}, NOT {}",
    "INSERT INTO t (a, b) VALUES ({}, {}), (%s, {})",
    'INSERT INTO "t" ("a", "b") VALUES ({}, {})',
    "INSERT INTO t VALUES ({})",
    "UPDATE t SET a = {}, b = {} WHERE c",
    "SELECT a RETURNING {}",
    "SELECT a -- it's\n, {}",
    "SELECT '' {} ''",
    "{}",
]
NEIGHBOURS = [
    *("SELECT", "a", '"name"', "`name`", "%s", "%(a)s", "?", "$1", ":a", "=", ",", "(", ")", "''", "'it''s'"),
    *(
        '""',
        "1",
        "--",
        "/*",
        "*/",
        "#",
        "$",
        "$$",
        "[",
        "]",
        "'",
        '"',
        "`",
        "\n",
        "E",
        "x",
        ".",
        ";",
        "::",
        "\\",
    ),
]


def literals(system: str) -> list[str]:
    """Every way to write a literal that this database knows, with a secret in it."""
    return [each.replace("{{", "{").replace("}}", "}") for each in (*EVERYWHERE, *QUOTINGS[system], *NUMBERS)]


@pytest.mark.parametrize("system", QUOTINGS)
@pytest.mark.parametrize("place", PLACES)
def test_no_literal_comes_out(system, place):
    """In every place, in every way to quote."""
    for literal in literals(system):
        sql = place.replace("{}", literal).replace("{}", SECRET)
        shown = sanitised(sql, system)
        assert SECRET not in shown, (sql, shown)
        assert DIGITS not in shown.replace("_", ""), (sql, shown)


@pytest.mark.parametrize("system", QUOTINGS)
@pytest.mark.parametrize("place", PLACES)
def test_no_literal_comes_out_where_the_text_was_cut(system, place):
    """Nor where a quote is not closed: drivers and sites log what was cut, and send what is broken."""
    for literal in literals(system):
        sql = place.replace("{}", literal).replace("{}", SECRET)
        for end in range(1, 4):
            assert SECRET not in sanitised(sql[:-end], system), sql[:-end]


@pytest.mark.parametrize("system", QUOTINGS)
@given(data=st.data())
def test_no_literal_comes_out_among_anything(system, data):
    """Among other well-formed pieces in any order, each literal by the database's own rules stays hidden."""
    whole = [each for each in literals(system) if "\\" not in each]
    pieces = st.sampled_from([*whole, "a", "SELECT", ",", "(", ")", "%s", "''", "1", "\n", "=", ":a", "t.b"])
    sql = " ".join(data.draw(st.lists(pieces, max_size=8))).replace("{}", SECRET)
    shown = sanitised(sql, system)
    assert SECRET not in shown, (sql, shown)


@given(st.lists(st.sampled_from(NEIGHBOURS), max_size=12), st.sampled_from(list(QUOTINGS)))
@example(["'"] * 12, "")
def test_anything_is_taken(pieces, system):
    """Whatever is no SQL at all is taken; what is shown has no quoted string in it."""
    shown = sanitised("".join(pieces), system)
    assert "'" not in re.sub('"[^"]*"|`[^`]*`', "", shown)  # a name may have one in it


@pytest.mark.parametrize("system", ["postgresql", "sqlite", "mysql"])
def test_shape(system):
    """What the site's code wrote stays: names, placeholders, operators; lists and rows of placeholders are folded."""
    quote = "`" if system == "mysql" else '"'
    for sql, expected in (
        (
            'SELECT "a"."id", "a"."name" AS "n" FROM "app_a" AS "a" WHERE "a"."id" IN (%s, %s, %s) LIMIT 21',
            'SELECT "a"."id", "a"."name" AS "n" FROM "app_a" AS "a" WHERE "a"."id" IN (?) LIMIT ?',
        ),
        (
            'INSERT INTO "app_a" ("name", "age") VALUES (%s, %s), (%s, %s), (%s, %s)',
            'INSERT INTO "app_a" ("name", "age") VALUES (?)',
        ),
        (
            'UPDATE "app_a" SET "name" = %s WHERE "app_a"."id" = 5',
            'UPDATE "app_a" SET "name" = %s WHERE "app_a"."id" = ?',
        ),
        ('SAVEPOINT "s1"', 'SAVEPOINT "s1"'),
        ("SET app.user TO alice", "SET app.user TO ?"),
        ("SET LOCAL app.user = alice, app.tier = gold", "SET LOCAL app.user = ?"),
        ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"),
        ("SELECT 1", "SELECT ?"),
        ("SELECT a\n  -- why\n  FROM b /* c */ WHERE d", "SELECT a FROM b WHERE d"),
        ("SELECT a\r\nFROM b", "SELECT a FROM b"),
        ("SELECT t1.c2 FROM t1 WHERE x >= :y", "SELECT t1.c2 FROM t1 WHERE x >= :y"),
    ):
        assert sanitised(sql.replace('"', quote), system) == expected.replace('"', quote)


def test_what_only_postgresql_has():
    """Casts, arrays, dollar quotes and operators with a number sign are read as PostgreSQL reads them."""
    assert sanitised("SELECT a::date, $$b$$, c #> d, ARRAY['e'] FROM f", "postgresql") == (
        "SELECT a::date, ?, c #> d, ARRAY[?] FROM f"
    )


def test_sqlite_s_names():
    """A double-quoted word is a name in SQLite where one was used as such, else it may be a string."""
    sql = 'SELECT "t"."a" FROM "t" WHERE "a" = "b" ORDER BY "a"'
    assert sanitised(sql, "sqlite") == 'SELECT "t"."a" FROM "t" WHERE "a" = ? ORDER BY "a"'


def test_length():
    """A long text is cut after it was read."""
    shown = sanitised("SELECT " + ", ".join(f"column{n}" for n in range(2_000)) + " FROM t", "postgresql")
    assert len(shown) == MAX_TEXT
