"""What a statement is about, told from its first words; how often a record ran it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djmetrics import places, semconv, sql
from djmetrics.record import Record
from djmetrics.sql import OPERATIONS, describe, subject_of, track

from .trees import unit


class Connection:
    """As much of a connection as is looked at."""

    def __init__(self, alias: str = "default", vendor: str = "sqlite") -> None:
        self.alias = alias
        self.vendor = vendor


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_known", {})
    monkeypatch.setattr(sql, "_subjects", {})


@pytest.mark.parametrize(
    "text, expected",
    [
        ('SELECT "run"."id" FROM "run" WHERE "run"."id" = 1', ("SELECT", "run")),
        ("select id from run", ("SELECT", "run")),
        ("SELECT * FROM `run`", ("SELECT", "run")),
        ("SELECT * FROM [run]", ("SELECT", "run")),
        ('SELECT * FROM "public"."run"', ("SELECT", "run")),
        ("SELECT * FROM public.run r JOIN other o ON 1 = 1", ("SELECT", "run")),
        ("  \n SELECT *\nFROM\n  run", ("SELECT", "run")),
        ("SELECT 1", ("SELECT", "")),
        ("SELECT (1), * FROM (SELECT 1 FROM inner_table) x", ("SELECT", "inner_table")),
        ('INSERT INTO "run" ("miles") VALUES (1)', ("INSERT", "run")),
        ("INSERT OR IGNORE INTO run VALUES (1)", ("INSERT", "run")),
        ("REPLACE INTO run VALUES (1)", ("REPLACE", "run")),
        ('UPDATE "run" SET x = 1', ("UPDATE", "run")),
        ("UPDATE ONLY run SET x = 1", ("UPDATE", "run")),
        ('DELETE FROM "run"', ("DELETE", "run")),
        ('SAVEPOINT "s1_x2"', ("SAVEPOINT", "")),
        ('RELEASE SAVEPOINT "s1_x2"', ("RELEASE", "")),
        ("ROLLBACK TO SAVEPOINT x", ("ROLLBACK", "")),
        ("BEGIN", ("BEGIN", "")),
        ("COMMIT;", ("COMMIT", "")),
        ("PRAGMA foreign_keys = ON", ("PRAGMA", "")),
        ("EXPLAIN SELECT * FROM run", ("EXPLAIN", "")),
        ("WITH x AS (SELECT 1) SELECT * FROM x", ("WITH", "")),
        ("(SELECT 1 FROM run) UNION (SELECT 2)", ("_OTHER", "")),
        ("SELECT(1)", ("_OTHER", "")),
        ("-- a comment\nSELECT 1", ("SELECT", "")),
        ("planted secret", ("_OTHER", "")),
        ("", ("_OTHER", "")),
        ("   ", ("_OTHER", "")),
    ],
)
def test_describe(text, expected):
    """Operation and table; _OTHER and nothing where that is not plain."""
    assert describe(text) == expected


def test_long_names_are_cut():
    """A table's name has a limit."""
    assert describe(f"SELECT * FROM {'x' * 500}") == ("SELECT", "x" * 100)


def test_table_far_into_the_text():
    """A long statement is not searched to its end."""
    assert describe(f"SELECT {'x, ' * 10_000} FROM run") == ("SELECT", "")


@given(st.text(max_size=300))
def test_describe_anything(text):
    """Whatever is sent, the operation is one of a fixed list."""
    operation, table = describe(text)
    assert operation in OPERATIONS | {semconv.OTHER}
    assert len(table) <= 100


def test_subject_is_shared():
    """Statements of one operation on one table share their subject; aliases do not."""
    first = subject_of(Connection(), "SELECT a FROM run")
    assert subject_of(Connection(), "SELECT b FROM run") is first
    assert subject_of(Connection(), "SELECT a FROM run") is first
    assert subject_of(Connection("second"), "SELECT a FROM run") is not first
    assert first.name == "SELECT run"


@pytest.mark.parametrize(
    "vendor, system",
    [
        ("sqlite", "sqlite"),
        ("postgresql", "postgresql"),
        ("mysql", "mysql"),
        ("oracle", "oracle.db"),
        ("own", "own"),
    ],
)
def test_vendors(vendor, system):
    """Systems are named as OpenTelemetry names them."""
    assert subject_of(Connection(vendor=vendor), "SELECT 1").attributes["db.system.name"] == system


def test_mariadb():
    """Django's MySQL backend knows which of the two it speaks to, once it has asked; we do not ask."""
    known, unknown = Connection("known", "mysql"), Connection("unknown", "mysql")
    known.mysql_is_mariadb = True  # type: ignore[attr-defined]

    assert subject_of(known, "SELECT 1").attributes["db.system.name"] == "mariadb"
    assert subject_of(unknown, "SELECT 1").attributes["db.system.name"] == "mysql"


def test_what_is_kept_is_bounded(monkeypatch):
    """However many statements and tables, few are kept; long texts not at all."""
    monkeypatch.setattr(sql, "_CACHE_SIZE", 10)
    for number in range(100):
        subject_of(Connection(), f"SELECT {number} FROM t{number}")
    subject_of(Connection(), f"SELECT '{'x' * 5000}' FROM run")

    assert len(sql._subjects) <= 10
    (texts,) = sql._known.values()
    assert len(texts) <= 10
    assert max(map(len, texts)) < 100


def runs(record: Record, text: object, times: int = 1, alias: str = "default") -> None:
    for _ in range(times):
        track(record, Connection(alias), text)


def test_repeats():
    """From the second run on it is a repeat; each alias by itself; the place is kept from the fifth on."""
    with unit() as record:
        runs(record, "SELECT 1 FROM run", 4)
        runs(record, "SELECT 2 FROM run", 1)
        runs(record, "SELECT 1 FROM run", 3, alias="second")
        assert record.repeated_queries == 5
        assert record.statements["default"]["SELECT 1 FROM run"].location == ""
        runs(record, "SELECT 1 FROM run")
        assert record.statements["default"]["SELECT 1 FROM run"].location.endswith(" in runs")


@pytest.mark.parametrize("text", ["SAVEPOINT x", "BEGIN", "PRAGMA a", "SELECT(1)"])
def test_no_repeats(text):
    """What transactions and backends send by themselves is no N+1."""
    with unit() as record:
        runs(record, text, 9)

    assert record.repeated_queries == 0


def test_statements_are_bounded(monkeypatch):
    """A record keeps a number of texts, none of them long; the others are described, not compared."""
    monkeypatch.setattr(sql, "_STATEMENTS", 5)
    with unit() as record:
        for number in range(20):
            runs(record, f"SELECT {number} FROM run", 2)
        runs(record, "SELECT 'x'" + "x" * sql.MAX_TEXT, 3)

    assert len(record.statements["default"]) == 5
    assert record.repeated_queries == 5


@pytest.mark.parametrize("given", [None, b"SELECT 1", 5, [], {}])
def test_statement_that_is_no_text(given):
    """It is described as other, and never kept."""
    with unit() as record:
        statement = track(record, Connection(), given)
        track(record, Connection(), given)

    assert (statement.subject.name, statement.sql) == ("_OTHER", "")
    assert (record.repeated_queries, record.statements) == (0, {"default": {}})


def test_no_code_of_the_site(monkeypatch):
    """Where every frame is a framework's, there is no place."""
    monkeypatch.setattr(places, "_FOREIGN", ("",))
    with unit() as record:
        runs(record, "SELECT 1 FROM run", 5)

    assert record.statements["default"]["SELECT 1 FROM run"].location == ""


@pytest.mark.parametrize(
    "text",
    [
        'SELECT "copied from secretalice" AS x FROM runs_run',
        "SELECT $$from secretalice$$ FROM runs_run",
        "SELECT $a$from secretalice$a$ FROM runs_run",
        "SELECT E'a\\' from secretalice x' FROM runs_run",
        "SELECT 'open from secretalice",
    ],
)
def test_no_literal_becomes_a_table(text):
    """Whatever quotes a database knows; in doubt no table is named."""
    assert describe(text)[1] in ("runs_run", "")
