"""Databases: every alias, vendor and thread; statements, connects, commits, rollbacks and fetches."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from django.db import utils as db_utils
from django.db.backends import utils as backend_utils
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from django.db.utils import DatabaseErrorWrapper

from .. import clock, guard, recorder
from ..record import Operation, Subject
from ..recorder import begin_leaf, end_leaf, pause_leaf, resume_leaf
from ..sql import again, first_run, subject_of, track
from ..units import spill
from . import Hook

_OPERATION = "_djmetrics_operation"
_UNKNOWN = Subject("db", "_OTHER")
_FETCH = Subject("fetch", "fetch", {"alias": ""})
_CEILING = 1000
_fetches: dict[str, Subject] = {}
_get = recorder.current.get


class DatabaseHook(Hook):
    """Wraps the innermost methods that every Django backend goes through.

    ``connection.execute_wrappers`` is the documented seam, but it is per connection and per thread, sees no
    connect, commit, fetch or ``callproc``, and its list shows whoever reads it that we are there.
    ``CursorWrapper._execute`` lies inside those wrappers: what they hold back is not counted, what they repeat
    is.
    """

    name = "database"

    def patch(self) -> None:
        replace = self.patches.replace
        replace(CursorWrapper, "_execute", _timed_execute)
        replace(CursorWrapper, "_executemany", _timed_executemany)
        replace(CursorWrapper, "callproc", _timed_callproc)
        replace(CursorWrapper, "__iter__", _timed_rows)
        for name in "fetchone", "fetchmany", "fetchall":
            self.patches.add(CursorWrapper, name, _timed_fetch(name))
        for method, verb in ("connect", "CONNECT"), ("_commit", "COMMIT"), ("_rollback", "ROLLBACK"):
            replace(BaseDatabaseWrapper, method, _timed_connection(verb))


def _timed_execute(original: Callable[..., Any]) -> Callable[..., Any]:
    # A page runs dozens of these. So this is ``_begin`` and ``end_leaf``, written out for a statement of a request;
    # whatever is unusual about it goes the longer way.
    def execute(self: CursorWrapper, sql: Any, params: Any, *args: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        parent = _get()
        if parent is None or type(sql) is not str or not (root := parent.root).resumable:
            return _execute(original, self, sql, params, *args)
        try:
            here = self.__dict__
            database = here["db"]
            record = root.record
            statements = record.statements.get(database.alias)  # type: ignore[union-attr] # open, for it is resumable
            statement = None if statements is None else statements.get(sql)
            if statement is None:
                statement = first_run(record, database, sql)  # type: ignore[arg-type]
            else:
                again(record, statement)  # type: ignore[arg-type]
            operation = Operation(statement.subject, parent, root)
            operation.detail = statement
            if root.ambient is not None:
                operation.around = root.ambient()
            here[_OPERATION] = operation
        except Exception:
            guard.failed("hooks.database.execute")
            operation = begin_leaf(_UNKNOWN)
        operation.start = start = clock.now()
        try:
            return original(self, sql, params, *args)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            operation.end = end = clock.now()
            took = end - start
            parent.children_ns += took
            root.own_ns["db"] += took
            if start < parent.last_end:
                root.concurrent = True
            parent.last_end = end
            operations = root.operations
            operations.append(operation)
            if len(operations) >= root.limit:
                spill(root)

    return execute


def _execute(original: Callable[..., Any], cursor: CursorWrapper, sql: Any, *args: Any) -> Any:
    __traceback_hide__ = True
    operation = _begin(cursor, sql)
    try:
        return original(cursor, sql, *args)
    except BaseException as error:
        operation.error = type(error)
        raise
    finally:
        end_leaf(operation)


def _timed_executemany(original: Callable[..., Any]) -> Callable[..., Any]:
    def executemany(self: CursorWrapper, sql: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = _begin(self, sql)
        try:
            return original(self, sql, *args, **kwargs)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            end_leaf(operation)

    return executemany


def _begin(cursor: CursorWrapper, sql: Any) -> Operation:
    """Begin the operation of a statement; tell the record that it ran."""
    try:
        record = recorder.current_record()
        if record is None:
            operation = begin_leaf(subject_of(cursor.db, sql))
        else:
            statement = track(record, cursor.db, sql)
            operation = begin_leaf(statement.subject)
            operation.detail = statement
        cursor.__dict__[_OPERATION] = operation
        return operation
    except Exception:
        guard.failed("hooks.database.execute")
        return begin_leaf(_UNKNOWN)


def _timed_callproc(original: Callable[..., Any]) -> Callable[..., Any]:
    def callproc(self: CursorWrapper, procname: Any, *args: Any, **kwargs: Any) -> Any:
        operation = _begin(self, "CALL")
        try:
            return original(self, procname, *args, **kwargs)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            end_leaf(operation)

    return callproc


def _django_only(function: Any, module: ModuleType) -> Any:
    """``function`` if it is the one that Django's ``module`` has in its file; None if somebody has patched it."""
    code = getattr(function, "__code__", None)
    return function if code is not None and code.co_filename == module.__file__ else None


def _timed_fetch(name: str) -> Callable[..., Any]:
    """A method that stands for a fetch, which ``CursorWrapper`` passes on to its driver's through ``__getattr__``.

    PEP 249 has all drivers' cursors have these three. It does what Django's ``__getattr__`` and the function that
    ``DatabaseErrorWrapper`` makes for each fetch do, as long as these are Django's own.
    """
    getattr_ = _django_only(CursorWrapper.__getattr__, backend_utils)
    wrapped = _django_only(DatabaseErrorWrapper.__call__, db_utils)

    def original(cursor: CursorWrapper, *args: Any, **kwargs: Any) -> Any:
        return _inherited(cursor, name)(*args, **kwargs)

    def fetch(self: CursorWrapper, *args: Any, **kwargs: Any) -> Any:
        kind = type(self)
        if kind is not CursorWrapper and kind is not CursorDebugWrapper:
            return _fetch(self, original, args, kwargs)
        here = self.__dict__
        operation = here.get(_OPERATION)
        running = _get()
        if operation is None or running is None or (root := operation.root) is not running.root:
            return _fetch(self, original, args, kwargs)
        errors = here["db"].wrap_database_errors
        if (
            not root.resumable
            or type(errors) is not DatabaseErrorWrapper
            or CursorWrapper.__getattr__ is not getattr_
            or DatabaseErrorWrapper.__call__ is not wrapped
        ):
            return _fetch(self, original, args, kwargs)
        method = getattr(here["cursor"], name)
        started = clock.now()
        try:
            with errors:
                return method(*args, **kwargs)
        finally:
            elapsed = clock.now() - started
            operation.resumed_ns += elapsed
            root.own_ns["db"] += elapsed
            running.children_ns += elapsed

    fetch.__name__, fetch.__qualname__ = name, f"{CursorWrapper.__name__}.{name}"
    return fetch


def _inherited(cursor: CursorWrapper, name: str) -> Callable[..., Any]:
    """What the cursor would have without us: of a class behind Django's, else by its ``__getattr__``."""
    method: Callable[..., Any]
    behind = type(cursor).__mro__[type(cursor).__mro__.index(CursorWrapper) + 1 :]
    if any(name in vars(klass) for klass in behind):
        method = getattr(super(CursorWrapper, cursor), name)
    else:
        method = cursor.__getattr__(name)
    return method


def _fetch(cursor: CursorWrapper, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Add the time of a fetch to its statement, if that can go on; else it is an operation of its own."""
    operation = cursor.__dict__.get(_OPERATION)
    started = -1 if operation is None else resume_leaf(operation)
    if operation is None or started < 0:
        operation, started = begin_leaf(_fetch_subject(cursor)), -1
    try:
        return original(cursor, *args, **kwargs)
    finally:
        if started < 0:
            end_leaf(operation)
        else:
            pause_leaf(operation, started)


def _fetch_subject(cursor: CursorWrapper) -> Subject:
    """The subject of a fetch that belongs to no statement."""
    try:
        alias = vars(cursor)["db"].alias
        subject = _fetches.get(alias)
        if subject is None:
            if len(_fetches) >= _CEILING:
                _fetches.clear()
            subject = _fetches[alias] = Subject("fetch", "fetch", {"alias": alias})
    except Exception:  # no connection of Django's
        subject = _FETCH
    return subject


class _Rows:
    """The rows that are fetched by iterating over a cursor: each step is added to the statement."""

    __slots__ = ("_operation", "_rows")

    def __init__(self, rows: Iterator[Any], operation: Operation) -> None:
        self._rows = rows
        self._operation = operation

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> Any:
        started = resume_leaf(self._operation)
        if started < 0:
            return next(self._rows)
        try:
            return next(self._rows)
        finally:
            pause_leaf(self._operation, started)

    def __getattr__(self, name: str) -> Any:
        # ``yield from`` hands ``throw`` and ``close`` on to Django's own generator.
        return getattr(self._rows, name)


def _timed_rows(original: Callable[..., Any]) -> Callable[..., Any]:
    def __iter__(self: CursorWrapper) -> Iterator[Any]:
        operation = self.__dict__.get(_OPERATION)
        rows = original(self)
        yield from rows if operation is None else _Rows(rows, operation)

    return __iter__


def _timed_connection(verb: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Time a method of the connection. Connecting runs statements of its own, so others may nest."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def method(self: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> Any:
            if verb != "CONNECT" and self.connection is None:
                return original(self, *args, **kwargs)  # nothing to commit: Django does nothing either
            operation = recorder.begin(subject_of(self, verb))
            try:
                return original(self, *args, **kwargs)
            except BaseException as error:
                operation.error = type(error)
                raise
            finally:
                recorder.end(operation)

        return method

    return make
