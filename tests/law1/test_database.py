"""Databases: statements, parameters, cursors, transactions."""

import sqlite3
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.utils import DatabaseErrorWrapper
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from djmetrics import runtime
from tests.hooks.site import databases as more_databases
from tests.hooks.site import request_record
from tests.law1 import site
from tests.law1.worlds import note, same, told

pytestmark = pytest.mark.django_db


class Params(list):
    """Parameters whose identity shows at the driver; they say when they are asked for their length."""

    known = "the very parameters"

    def __len__(self):
        note("len of the parameters")
        return super().__len__()


def rolled_back(scenario):
    """Leave no rows to the other world."""

    def inside(world):
        with transaction.atomic():
            try:
                return scenario(world)
            finally:
                transaction.set_rollback(True)

    return inside


def test_parameters_pass_by_identity():
    """The driver gets the very objects, once, and generators are not looked into."""

    def rows():
        for number in range(3):
            note("gives", number)
            yield (f"g{number}",)

    @rolled_back
    def scenario(world):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s", Params([1]))
            note(cursor.fetchone(), cursor.rowcount, [column[0] for column in cursor.description])
            cursor.executemany("INSERT INTO auth_group (name) VALUES (%s)", rows())
            cursor.execute("SELECT 1", None)
            cursor.execute(sql="SELECT 2", params=())
            note(cursor.lastrowid, cursor.fetchall())

    same(scenario)


def test_calls_that_are_wrong():
    """Wrong calls fail with the same words."""

    def scenario(world):
        cursor = connection.cursor()
        for name, args, kwargs in [
            ("execute", (), {}),
            ("execute", ("SELECT 1", [], 1), {}),
            ("execute", (5,), {}),
            ("executemany", ("x",), {}),
            ("execute", ("SELECT %s",), {}),
            ("callproc", ("p",), {}),
            ("callproc", (), {}),
            ("fetchmany", ("a",), {}),
            ("callproc", ("p",), {"kparams": {}}),
            ("nextset", (), {}),
            ("nothing", (), {}),
            ("fetchone", (1,), {}),
        ]:
            with transaction.atomic():
                try:
                    note(name, getattr(cursor, name)(*args, **kwargs))
                except Exception as error:
                    note(name, told(error))
                    transaction.set_rollback(True)
        cursor.close()
        try:
            cursor.fetchone()
        except Exception as error:
            note(told(error))

    same(scenario)


def test_cursor_iteration():
    """Rows come one at a time; closing early closes the driver's cursor, throwing translates the driver's errors."""

    def view(request, **kwargs):
        from django.http import HttpResponse

        for end in "exhaust", "close", "throw", "drop":
            cursor = connection.cursor()
            cursor.execute("SELECT 1 UNION SELECT 2 UNION SELECT 3")
            rows = iter(cursor)
            note(end, next(rows), type(rows).__name__)
            try:
                if end == "exhaust":
                    note(list(rows))
                elif end == "close":
                    rows.close()
                elif end == "throw":
                    rows.throw(sqlite3.IntegrityError("thrown"))
            except Exception as error:
                note(told(error))
            del rows
            try:
                note("still", cursor.fetchone())
            except Exception as error:
                note(told(error))
            cursor.close()
        return HttpResponse("ok")

    def scenario(world):
        site.show(view)
        world.wsgi({"PATH_INFO": "/v/1/"})
        view(None)

    same(scenario)


def test_execute_wrappers():
    """Wrappers see, change, repeat and refuse statements as before, however they call on; the list stays as it was."""

    def scenario(world):
        def seeing(execute, sql, params, many, context):
            note(
                "wrapper",
                sql,
                many,
                sorted(context),
                execute.__name__ if hasattr(execute, "__name__") else "partial",
            )
            return execute(sql, params, many, context)

        def twice(execute, sql, params, many, context):
            execute(sql, params, many, context)
            return execute(sql, params, many, context)

        def by_name(execute, sql, params, many, context):
            return execute(sql, **{"param_list" if many else "params": params})

        def refusing(execute, *args):
            raise DatabaseError("refused")

        note("before", connection.execute_wrappers)
        for wrapper in seeing, twice, by_name, refusing:
            with connection.execute_wrapper(wrapper), connection.cursor() as cursor:
                try:
                    cursor.execute("SELECT 1")
                    note(cursor.fetchall())
                    cursor.executemany("DELETE FROM auth_group WHERE id = %s", [(1,), (2,)])
                except Exception as error:
                    note(told(error))
        note("after", connection.execute_wrappers)

    same(scenario)


def test_cursor_shows_the_same():
    """What can be asked of a cursor is what its driver's cursor has; the three fetches all have, says PEP 249."""

    class Bare:
        """A driver's cursor that can do nothing, and so is none."""

    class Renaming(CursorWrapper):
        def __getattr__(self, name):
            note("asked for", name)
            return super().__getattr__(name)

    def scenario(world):
        note(
            [
                hasattr(CursorWrapper(Bare(), connection), name)
                for name in ("execute", "nextset", "scroll", "rownumber")
            ]
        )
        for name in "fetchone", "fetchmany", "fetchall":
            try:
                note(getattr(CursorWrapper(Bare(), connection), name)())
            except Exception as error:
                note(told(error))
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            renaming = Renaming(cursor.cursor, connection)
            note(renaming.fetchone(), renaming.rowcount, renaming.connection is connection.connection)

    same(scenario)


def test_queries_are_logged_the_same():
    """``connection.queries``, ``CaptureQueriesContext`` and ``assertNumQueries`` count what they counted."""

    @rolled_back
    def scenario(world):
        with CaptureQueriesContext(connection) as captured:
            Group.objects.create(name="a")
            list(
                Group.objects.filter(name__in=["a", "b"])
                .values_list("name", flat=True)
                .iterator(chunk_size=1)
            )
            Group.objects.bulk_create([Group(name=f"b{n}") for n in range(3)])
            note(Group.objects.count(), Group.objects.filter(name="zz").first())
        note([query["sql"] for query in captured.captured_queries])

    same(scenario)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", [None, ValueError, SystemExit, "rollback"])
def test_transactions(fault, settings):
    """Atomic requests, savepoints, and what runs on commit, in the same order with the same statements."""
    from django.http import HttpResponse

    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    connection.settings_dict["ATOMIC_REQUESTS"] = True

    def view(request, **kwargs):
        note("atomic", connection.in_atomic_block, connection.savepoint_ids)
        for name in "first", "second":
            transaction.on_commit(lambda name=name: note("committed", name))
        Group.objects.get_or_create(name="in the view", defaults={"pk": 77})
        try:
            with transaction.atomic():
                Group.objects.create(name="in the view")
        except DatabaseError as error:
            note(told(error))
        if fault == "rollback":
            transaction.set_rollback(True)
        elif fault:
            raise fault("out")
        return HttpResponse("ok")

    def scenario(world):
        site.show(view)
        try:
            world.wsgi({"PATH_INFO": "/v/1/"})
        except SystemExit as error:
            note(told(error))
        note(sorted(Group.objects.values_list("name", flat=True)))
        Group.objects.all().delete()

    try:
        same(scenario)
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False


words = st.sampled_from(
    [
        "SELECT",
        "select",
        "FROM",
        "auth_group",
        "(",
        ")",
        "*",
        "1",
        "'",
        "--",
        ";",
        "WITH",
        "\n",
        "UPDATE",
        "ü",
    ]
)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(
    sql=st.lists(words, max_size=8).map(" ".join)
    | st.text(max_size=20)
    | st.none()
    | st.integers()
    | st.binary()
)
def test_any_statement(sql):
    """Whatever is given as SQL reaches the driver as it is and fails, or not, in the same way."""

    @rolled_back
    def scenario(world):
        with connection.cursor() as cursor:
            try:
                cursor.execute(sql)
                note(cursor.fetchall())
            except Exception as error:
                note(told(error))

    same(scenario)


@pytest.mark.parametrize("first", [True, False], ids=["before us", "after us"])
@pytest.mark.parametrize(
    "owner, name",
    [
        (CursorWrapper, "__getattr__"),
        (DatabaseErrorWrapper, "__call__"),
        (DatabaseErrorWrapper, "__enter__"),
        (DatabaseErrorWrapper, "__exit__"),
    ],
)
def test_somebody_elses_patch_is_called(monkeypatch, owner, name, first):
    """What somebody has put in the place of Django's ways to a fetch is called for each fetch."""
    original = vars(owner)[name]

    def theirs(self, *about):
        note("theirs", [getattr(each, "__name__", each) for each in about])
        return original(self, *about)

    def scenario(world):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            note(cursor.fetchone(), cursor.fetchall())

    runtime.stop()
    if first:
        monkeypatch.setattr(owner, name, theirs)
    runtime.start()
    monkeypatch.setattr(owner, name, theirs)
    same(scenario)
    runtime.stop()
    monkeypatch.undo()
    runtime.start()


def test_cursors_without_a_connection_of_djangos():
    """A wrapper around what knows no alias, one that makes its own fetches, and one that inherits them."""

    class Own(CursorWrapper):
        def __init__(self):
            pass

        def __getattr__(self, name):
            note("asked", name)
            return {"fetchone": lambda: 7}[name]

    class Behind:
        def fetchone(self):
            return "behind"

    class Mixed(CursorWrapper, Behind):
        pass

    def scenario(world):
        raw = sqlite3.connect(":memory:")
        cursor = raw.execute("SELECT 1")
        bare = SimpleNamespace(wrap_database_errors=connection.wrap_database_errors)
        note(CursorWrapper(cursor, bare).fetchone())
        note(Own().fetchone())
        note(Mixed(cursor, connection).fetchone())
        raw.close()

    same(scenario)


class Own:
    """A connection's own way to turn the driver's errors into Django's; it swallows what is of the wrong type."""

    def __call__(self, function):
        def inner(*args):
            with self:
                return "through it", function(*args)

        return inner

    def __enter__(self):
        note("enter")

    def __exit__(self, kind, error, traceback):
        note("exit", kind)
        return kind is TypeError


@pytest.mark.parametrize("first", ["execute", "executemany"])
def test_connection_with_errors_of_its_own(first):
    """Its fetches go through it, whichever alias came first and however its first statement ran."""

    def scenario(world):
        with more_databases(other={}) as databases:
            other = databases["other"]
            with databases["default"].cursor() as cursor:
                cursor.execute("SELECT 1")
                note(cursor.fetchone())
            other.wrap_database_errors = Own()
            with other.cursor() as cursor:
                if first == "executemany":
                    cursor.executemany("DELETE FROM sqlite_master WHERE 0", [])
                cursor.execute("SELECT 1")
                note(cursor.fetchone(), cursor.fetchmany("many"))

    same(inside_a_request(scenario))


def inside_a_request(scenario):
    """With a record open in the one world."""

    def inside(world):
        if not world.measured:
            return scenario(world)
        with request_record():
            return scenario(world)

    return inside


def test_errors_that_stay_the_drivers(monkeypatch):
    """A site may take a fetch out of those whose errors Django turns into its own."""
    monkeypatch.setattr(CursorWrapper, "WRAP_ERROR_ATTRS", frozenset())

    def scenario(world):
        with connection.cursor() as cursor:
            cursor.execute("SELECT abs(x) FROM (SELECT 1 x UNION ALL SELECT -9223372036854775808)")
            try:
                cursor.fetchall()
            except Exception as error:
                note(type(error), told(error))

    same(inside_a_request(scenario))


def test_fetch_that_somebody_gave_to_djangos_cursor(monkeypatch):
    """Theirs stays, and is called."""

    def fetchone(self):
        note("theirs")
        return self.cursor.fetchone()

    runtime.stop()
    monkeypatch.setattr(CursorWrapper, "fetchone", fetchone, raising=False)
    runtime.start()

    def scenario(world):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            note(cursor.fetchone(), cursor.fetchall())

    same(inside_a_request(scenario))
    assert vars(CursorWrapper)["fetchone"] is fetchone
    runtime.stop()
    assert vars(CursorWrapper)["fetchone"] is fetchone
    monkeypatch.undo()
    runtime.start()


def test_cursors_that_live_on():
    """What was bound or begun before a stop, and a class that took a method with it, works afterwards."""
    with connection.cursor() as cursor:
        cursor.cursor.execute("SELECT 1 UNION SELECT 2 UNION SELECT 3")
        bound, rows = cursor.fetchone, iter(cursor)

        class Taken(CursorWrapper):
            __iter__ = CursorWrapper.__iter__

        runtime.stop()
        assert (bound(), next(rows)) == ((1,), (2,))
        assert list(Taken(cursor.cursor, connection)) == [(3,)]
        rows.close()
        runtime.start()


def test_methods_lent_to_others():
    """A class that is no cursor of Django's may have borrowed them."""

    class Lent:
        __slots__ = ("cursor", "db")
        __iter__ = CursorWrapper.__iter__
        _execute = CursorWrapper._execute

    def scenario(world):
        with connection.cursor() as cursor:
            lent = Lent()
            lent.cursor, lent.db = cursor.cursor, connection
            lent._execute("SELECT 1 UNION SELECT 2", None)
            note(list(lent))

    same(inside_a_request(scenario))


def test_words_of_the_drivers():
    """A driver's fetch may take any keyword."""

    class Raw:
        def fetchmany(self, /, *args, **kwargs):
            return args, kwargs

    def scenario(world):
        note(CursorWrapper(Raw(), connection).fetchmany(2, **{"self": 1, "cursor": 2, "name": 3, "args": 4}))

    same(inside_a_request(scenario))
