"""Databases: every alias and thread; statements, connects, commits, rollbacks and fetches; never the SQL text."""

import sqlite3
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.backends.signals import connection_created
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.test.utils import CaptureQueriesContext
from django.utils.safestring import mark_safe
from prometheus_client import generate_latest

from djmetrics import runtime, sql
from djmetrics.hooks.database import fetches
from djmetrics.record import Operation, Record
from djmetrics.testing import capture, fake_clock, record

from .site import databases, request_record

SECRET = "planted5ecret"


@pytest.fixture(autouse=True)
def unblocked(django_db_blocker: Any) -> Iterator[None]:
    """These tests open databases of their own, in memory."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def db() -> Iterator[Any]:
    """An open database with a table of three rows."""
    with databases() as handler:
        open_db = handler["default"]
        with open_db.cursor() as cursor:
            cursor.execute("CREATE TABLE run (miles INTEGER UNIQUE)")
            cursor.executemany("INSERT INTO run VALUES (%s)", [(1,), (2,), (3,)])
        yield open_db


def names(operations: list[Operation]) -> list[str]:
    return [each.subject.name for each in operations]


def test_attributes(db):
    """Vendor, alias, operation and table."""
    with capture("db") as operations, db.cursor() as cursor:
        cursor.execute('SELECT * FROM "run"')

    assert [dict(each.subject.attributes) for each in operations] == [
        {
            "db.system.name": "sqlite",
            "alias": "default",
            "db.operation.name": "SELECT",
            "db.collection.name": "run",
        }
    ]


def test_connect_commit_and_rollback():
    """A connect, a commit and a rollback are operations of their own."""
    with databases() as handler, capture("db") as operations:
        db = handler["default"]
        db.connect()
        db.set_autocommit(False)
        db.commit()
        db.rollback()
        db.close()

    assert [name for name in names(operations) if name in ("CONNECT", "COMMIT", "ROLLBACK")] == [
        "CONNECT",
        "COMMIT",
        "ROLLBACK",
    ]


def test_connect_holds_its_own_statements():
    """What a backend sends to set a new connection up is inside the connect, and is not counted twice."""

    def set_up(connection: Any, **kwargs: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM sqlite_master")

    connection_created.connect(set_up)
    try:
        with fake_clock(tick=10), databases() as handler, record() as seen, request_record() as only:
            handler["default"].connect()
    finally:
        connection_created.disconnect(set_up)

    statement, connect = seen.operations
    assert (statement.subject.name, connect.subject.name) == ("SELECT sqlite_master", "CONNECT")
    assert statement.parent is connect
    assert only.phases["db"] == connect.duration


def test_nothing_to_commit():
    """Without a connection Django does nothing, and nothing is recorded."""
    with databases() as handler, capture("db") as operations:
        handler["default"].commit()
        handler["default"].rollback()

    assert names(operations) == []


def test_failed_connect():
    """A connection that cannot be opened is recorded with its error."""
    with (
        databases(broken={"NAME": "/nowhere/at/all.db"}) as handler,
        capture("db") as operations,
        pytest.raises(OperationalError),
    ):
        handler["broken"].ensure_connection()

    assert [(each.subject.name, each.error.__name__) for each in operations] == [
        ("CONNECT", "OperationalError")
    ]


def test_executemany_of_a_generator(db):
    """A generator of parameters reaches the driver unread; it is one operation."""
    with capture("db") as operations, db.cursor() as cursor:
        cursor.executemany("INSERT INTO run VALUES (%s)", ((number,) for number in range(10, 15)))
        cursor.execute("SELECT count(*) FROM run")
        assert cursor.fetchone() == (8,)

    assert names(operations) == ["INSERT run", "SELECT run"]


def test_error_by_class(db):
    """The exception is the one that plain Django raises, and is recorded by its class."""
    with capture("db") as operations, db.cursor() as cursor:
        with pytest.raises(IntegrityError) as caught:
            cursor.execute("INSERT INTO run VALUES (1)")
        with pytest.raises(OperationalError):
            cursor.execute("SELECT * FROM nothing")
        with pytest.raises(IntegrityError):
            cursor.executemany("INSERT INTO run VALUES (%s)", [(7,), (7,)])

    assert isinstance(caught.value.__cause__, sqlite3.IntegrityError)
    assert [each.error.__name__ for each in operations] == [
        "IntegrityError",
        "OperationalError",
        "IntegrityError",
    ]


def test_callproc():
    """A stored procedure is one CALL; its arguments reach the driver."""

    class Driver:
        def callproc(self, *args: Any) -> Any:
            return args

    with databases() as handler:
        cursor = CursorWrapper(Driver(), handler["default"])
        with capture("db") as operations:
            assert cursor.callproc("award") == ("award",)
            assert cursor.callproc("award", [1, 2]) == ("award", [1, 2])

    assert names(operations) == ["CALL", "CALL"]


def test_callproc_that_fails():
    """Its error is recorded."""

    class Driver:
        def callproc(self, *args: Any) -> Any:
            raise sqlite3.OperationalError

    with databases() as handler, capture("db") as operations, pytest.raises(OperationalError):
        CursorWrapper(Driver(), handler["default"]).callproc("award")

    assert [each.error.__name__ for each in operations] == ["OperationalError"]


FETCHES = {
    "fetchone": (lambda cursor: cursor.fetchone(), (1,)),
    "fetchmany": (lambda cursor: cursor.fetchmany(2), [(1,), (2,)]),
    "fetchmany by keyword": (lambda cursor: cursor.fetchmany(size=2), [(1,), (2,)]),
    "fetchall": (lambda cursor: cursor.fetchall(), [(1,), (2,), (3,)]),
    "iteration": (list, [(1,), (2,), (3,)]),
    "next": (lambda cursor: next(iter(cursor)), (1,)),
}


@pytest.mark.parametrize("name", FETCHES)
def test_fetches_belong_to_their_statement(db, name):
    """In a request the time to fetch is added to the statement; the rows are what they were."""
    fetch, rows = FETCHES[name]
    with fake_clock(tick=10), record() as seen, request_record(), db.cursor() as cursor:
        cursor.execute("SELECT miles FROM run")
        assert fetch(cursor) == rows

    assert names(seen.operations) == ["SELECT run"]
    assert seen.operations[0].duration == 10
    assert seen.operations[0].resumed_ns >= 10


@pytest.mark.parametrize("name", ["fetchone", "fetchmany", "fetchall"])
def test_fetches_outside_requests(db, name):
    """Outside any request they are operations of their own."""
    with record() as seen, db.cursor() as cursor:
        cursor.execute("SELECT miles FROM run")
        getattr(cursor, name)()

    assert [(each.subject.kind, each.subject.attributes["alias"]) for each in seen.operations] == [
        ("db", "default"),
        ("fetch", "default"),
    ]


def test_iteration_outside_requests(db):
    """The rows come as ever."""
    with db.cursor() as cursor:
        cursor.execute("SELECT miles FROM run")
        assert list(cursor) == [(1,), (2,), (3,)]


def test_fetch_after_the_request(db):
    """A cursor that outlives its request: its fetches are counted outside."""
    with record() as seen:
        with request_record():
            cursor = db.cursor()
            cursor.execute("SELECT miles FROM run")
        assert cursor.fetchone() == (1,)

    assert [each.subject.kind for each in seen.operations] == ["db", "fetch"]


def test_fetch_without_a_statement(db):
    """A cursor that ran nothing gives what the driver gives."""
    with request_record(), db.cursor() as cursor:
        assert cursor.fetchall() == []
        assert list(cursor) == []


def test_cursor_attributes(db):
    """Whatever else a cursor has is reached as before, and what it lacks is missing as before."""
    with db.cursor() as cursor:
        cursor.execute("SELECT miles FROM run")
        assert cursor.description[0][0] == "miles"
        with pytest.raises(AttributeError):
            cursor.nothing  # noqa: B018


@pytest.mark.django_db
def test_queries_equal_django_s_own_count():
    """Queries per request are those that CaptureQueriesContext captures, transactions' ends apart."""
    with CaptureQueriesContext(connection) as captured, request_record() as only:
        User.objects.create(username="a")
        User.objects.bulk_create([User(username="b"), User(username="c")])
        list(User.objects.prefetch_related("groups"))
        with transaction.atomic():
            User.objects.filter(username="a").update(username="d")
        with pytest.raises(DatabaseError), transaction.atomic():
            connection.cursor().execute("SELECT * FROM nothing")

    statements = [each["sql"] for each in captured if each["sql"] not in ("COMMIT", "ROLLBACK")]
    assert only.queries == len(statements) > 8


def test_debug_cursor(db):
    """With Django's debug cursor each statement is still one."""
    db.force_debug_cursor = True
    with record() as seen, request_record() as only, db.cursor() as cursor:
        cursor.execute("SELECT miles FROM run")
        cursor.executemany("INSERT INTO run VALUES (%s)", [(8,), (9,)])

    assert (only.queries, names(seen.operations)) == (2, ["SELECT run", "INSERT run"])


def many(cursor: Any, times: int) -> None:
    for number in range(times):
        cursor.execute("SELECT miles FROM run WHERE miles = %s", [number])


def test_repeated_queries(db):
    """Statements that are the same to the letter are counted, and where the fifth was sent from is kept."""
    with request_record() as only, db.cursor() as cursor:
        many(cursor, 7)
        cursor.execute("SELECT 1 FROM run")

    statements = only.statements["default"]
    repeated = statements["SELECT miles FROM run WHERE miles = %s"]
    assert (only.queries, only.repeated_queries, repeated.count) == (8, 6, 7)
    assert repeated.location == f"{__file__}:{many.__code__.co_firstlineno + 2} in many"
    assert statements["SELECT 1 FROM run"].location == ""


def test_few_repeats_keep_no_location(db):
    """Four times are counted, but not looked into."""
    with request_record() as only, db.cursor() as cursor:
        many(cursor, 4)

    assert (only.repeated_queries, [each.location for each in only.statements["default"].values()]) == (
        3,
        [""],
    )


def test_repeats_from(settings, db):
    """REPEATED_QUERIES says from how many on."""
    settings.DJMETRICS = {"REPEATED_QUERIES": 2}
    with request_record() as only, db.cursor() as cursor:
        many(cursor, 2)

    assert [bool(each.location) for each in only.statements["default"].values()] == [True]


@pytest.mark.django_db
def test_savepoints_are_no_repeats():
    """What the ORM sends around statements is not an N+1."""
    with request_record() as only:
        for _ in range(3):
            with transaction.atomic():
                pass

    assert (only.queries, only.repeated_queries) == (6, 0)


def test_aliases():
    """Each database under its alias, repeats apart."""
    with databases(second={}) as handler, record() as seen, request_record() as only:
        for alias in "default", "second", "default":
            with handler[alias].cursor() as cursor:
                cursor.execute("SELECT 1 FROM sqlite_master")

    selects = [each for each in seen.operations if each.subject.name.startswith("SELECT")]
    assert [each.subject.attributes["alias"] for each in selects] == ["default", "second", "default"]
    assert only.repeated_queries == 1


def test_threads():
    """A thread of its own uses a connection of its own, outside any request; one through asgiref is the request's."""
    import asyncio

    def work() -> None:
        with databases() as handler, handler["default"].cursor() as cursor:
            cursor.execute("SELECT 7 FROM sqlite_master")

    async def main() -> None:
        await sync_to_async(work)()

    with record() as seen:
        with request_record() as only:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            assert only.queries == 0
            asyncio.run(main())
        assert only.queries >= 1

    assert names(seen.operations).count("SELECT sqlite_master") == 2


@pytest.mark.parametrize(
    "text", [f"SELECT '{SECRET}' FROM run", f"-- {SECRET}\nSELECT 1", f"{SECRET} x", f"'{SECRET}'"]
)
def test_text_is_in_no_metric(db, text):
    """Neither a statement's text nor its parameters get onto the page, also when it fails."""
    with request_record(), db.cursor() as cursor:
        try:
            cursor.execute(text)
            cursor.execute("SELECT %s FROM run", [SECRET])
        except DatabaseError:
            pass

    page = generate_latest(runtime.page_registry()).decode()
    assert 'db_system_name="sqlite"' in page
    assert SECRET not in page.lower()


class Text(str):
    """A str of a class of its own."""


class Composed:
    """A statement that a driver composes itself: no text, equal by its content, and so without a hash."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Composed) and other.text == self.text


class Taking:
    """A driver's cursor that takes anything."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    def execute(self, sql: Any, params: Any = None) -> None:
        self.taken.append(sql)


@pytest.mark.parametrize(
    "given, name",
    [
        (Text("SELECT 1 FROM run"), "SELECT run"),
        (mark_safe("DELETE FROM run"), "DELETE run"),
        (Composed("SELECT 1 FROM run"), "_OTHER"),
        (b"SELECT 1 FROM run", "_OTHER"),
        (None, "_OTHER"),
    ],
)
def test_statement_that_is_no_plain_text(given, name):
    """It reaches the driver as the identical object, and is recorded as well as it can be."""
    driver = Taking()
    with databases() as handler, record() as seen, request_record() as only:
        for _ in range(2):
            CursorWrapper(driver, handler["default"]).execute(given)

    assert [each is given for each in driver.taken] == [True, True]
    assert names(seen.operations) == [name, name]
    assert only.queries == 2


def test_huge_statement_is_not_kept(db):
    """A statement of megabytes is recorded, but neither kept nor compared."""
    huge = f"SELECT miles FROM run WHERE miles IN ({','.join('1' * 20_000)})"
    with record() as seen, request_record() as only, db.cursor() as cursor:
        for _ in range(3):
            cursor.execute(huge)

    assert names(seen.operations) == ["SELECT run"] * 3
    assert (only.queries, only.repeated_queries, only.statements) == (3, 0, {"default": {}})
    assert huge not in sql._known.get(("default", "sqlite"), {})


def test_wrapper_that_blocks(db):
    """What an execute wrapper holds back did not run, and is not counted."""

    class Blocked(Exception):
        pass

    def block(execute: Any, *args: Any) -> Any:
        raise Blocked

    with request_record() as only, db.execute_wrapper(block), db.cursor() as cursor, pytest.raises(Blocked):
        cursor.execute("SELECT 1 FROM run")

    assert only.queries == 0


def test_wrapper_that_retries(db):
    """What an execute wrapper repeats ran twice, and is counted twice."""

    def retry(execute: Any, *args: Any) -> Any:
        execute(*args)
        return execute(*args)

    with record() as seen, request_record() as only, db.execute_wrapper(retry), db.cursor() as cursor:
        cursor.execute("SELECT 1 FROM run")

    assert (only.queries, names(seen.operations)) == (2, ["SELECT run", "SELECT run"])
    assert db.execute_wrappers == []


def test_own_failure_changes_nothing(db, lenient, monkeypatch):
    """Should we fail to describe a statement, it runs, and is recorded as an unknown one."""
    from djmetrics.hooks import database

    def fail(*args: object) -> None:
        raise LookupError

    monkeypatch.setattr(database, "subject_of", fail)
    with record() as seen, db.cursor() as cursor:
        cursor.execute("SELECT miles FROM run")
        assert cursor.fetchall() == [(1,), (2,), (3,)]

    assert names(seen.operations)[0] == "_OTHER"


def statements_of(only: Record) -> list[str]:
    return [text for texts in only.statements.values() for text in texts]


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_real_servers(server, request):
    """What the server itself logged is what was counted, procedures and composed statements included."""
    real = request.getfixturevalue(server)
    with databases(**{server: real.settings}) as handler:
        db = handler[server]
        with record() as seen, request_record() as only:
            with db.cursor() as cursor:
                cursor.execute("CREATE TABLE run (miles INTEGER)")
                cursor.executemany("INSERT INTO run VALUES (%s)", [(1,), (2,)])
                cursor.execute("SELECT miles FROM run")
                assert [row[0] for row in cursor] == [1, 2]
                if server == "postgresql":
                    from psycopg import sql as psycopg_sql

                    cursor.execute(psycopg_sql.SQL("SELECT * FROM {}").format(psycopg_sql.Identifier("run")))
                    cursor.execute(
                        "CREATE FUNCTION twice(x integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * x'"
                    )
                    cursor.callproc("twice", [4])
                    assert cursor.fetchone() == (8,)
                with pytest.raises(DatabaseError):
                    cursor.execute("SELECT * FROM nothing")
            db.close()

    mine = [each for each in seen.operations if each.subject.name.endswith(" run")]
    assert {each.subject.attributes["db.system.name"] for each in mine} == {server}
    assert "SELECT miles FROM run" in statements_of(only)
    logged = [each for each in real.statements() if "SELECT miles FROM run" in each]
    assert len(logged) == 1
    assert [each.error.__name__ for each in seen.operations if each.error] in (["ProgrammingError"],)


def test_pooled_and_copied_connections():
    """A connection wrapper that is made without a handler is recorded under its alias."""
    with databases() as handler:
        made = DatabaseWrapper(handler["default"].settings_dict, alias="copied")
        with capture("db") as operations, made.cursor() as cursor:
            cursor.execute("SELECT 1 FROM sqlite_master")
        made.connection.close()

    assert {each.subject.attributes["alias"] for each in operations} == {"copied"}


def test_aliases_that_are_remembered_are_bounded(monkeypatch):
    """However many aliases fetch without a statement, what is remembered of them has a limit."""
    monkeypatch.setattr(fetches, "_CEILING", 5)
    for number in range(20):
        cursor = CursorWrapper(None, SimpleNamespace(alias=f"alias {number}"))
        assert fetches._fetch_subject(cursor).attributes == {"alias": f"alias {number}"}

    assert len(fetches._fetches) <= 5
