"""Databases: every alias, vendor and thread; statements, connects, commits, rollbacks and fetches."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from django.db import utils as db_utils
from django.db.backends import utils as backend_utils
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from django.db.utils import DatabaseErrorWrapper

from .. import guard, recorder
from ..patching import Patches
from ..record import Operation, Subject
from ..recorder import begin_leaf, end_leaf, pause_leaf, resume_leaf
from ..sql import subject_of, track
from . import Hook

_OPERATION = "_djmetrics_operation"
_UNKNOWN = Subject("db", "_OTHER")
_FETCH = Subject("fetch", "fetch", {"alias": ""})
_CEILING = 1000
_fetches: dict[str, Subject] = {}


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
            self.patches.add(CursorWrapper, name, _TimedFetch(name, self.patches))
        for method, verb in ("connect", "CONNECT"), ("_commit", "COMMIT"), ("_rollback", "ROLLBACK"):
            replace(BaseDatabaseWrapper, method, _timed_connection(verb))


def _timed_execute(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(self: CursorWrapper, sql: Any, params: Any, *args: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = _begin(self, sql)
        try:
            return original(self, sql, params, *args)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            end_leaf(operation)

    return execute


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


_NOTHING = contextlib.nullcontext()


def _django_only(function: Any, module: ModuleType) -> Any:
    """``function`` if it is the one that Django's ``module`` has in its file; None if somebody has patched it."""
    code = getattr(function, "__code__", None)
    return function if code is not None and code.co_filename == module.__file__ else None


class _TimedFetch:
    """Stands for a fetch, which ``CursorWrapper`` passes on through ``__getattr__``: so does this.

    What the cursor has not got it still has not got, and an error is translated where it was.
    """

    def __init__(self, name: str, patches: Patches) -> None:
        self._name = name
        self._patches = patches
        self._getattr = _django_only(CursorWrapper.__getattr__, backend_utils)
        self._wrapped = _django_only(DatabaseErrorWrapper.__call__, db_utils)

    def __get__(self, cursor: CursorWrapper | None, owner: type | None = None) -> Callable[..., Any]:
        if cursor is None:
            raise AttributeError(self._name)
        kind = type(cursor)
        if (
            (kind is CursorWrapper or kind is CursorDebugWrapper)
            and CursorWrapper.__getattr__ is self._getattr
            and DatabaseErrorWrapper.__call__ is self._wrapped
            and self._patches.active
        ):
            errors = cursor.db.wrap_database_errors
            if type(errors) is DatabaseErrorWrapper:
                # What these two do, in the frame that times it: Django makes a function for each fetch.
                return functools.partial(_fetch, cursor, getattr(cursor.cursor, self._name), errors)
        method = self._inherited(cursor)
        return functools.partial(_fetch, cursor, method, _NOTHING) if self._patches.active else method

    def _inherited(self, cursor: CursorWrapper) -> Callable[..., Any]:
        """What the cursor would have without us: of a class behind Django's, else by its ``__getattr__``."""
        method: Callable[..., Any]
        behind = type(cursor).__mro__[type(cursor).__mro__.index(CursorWrapper) + 1 :]
        if any(self._name in vars(klass) for klass in behind):
            method = getattr(super(CursorWrapper, cursor), self._name)
        else:
            method = cursor.__getattr__(self._name)
        return method


def _fetch(
    cursor: CursorWrapper,
    method: Callable[..., Any],
    errors: contextlib.AbstractContextManager[Any],
    /,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Add the time of a fetch to its statement."""
    operation = cursor.__dict__.get(_OPERATION)
    started = -1 if operation is None else resume_leaf(operation)
    if operation is None or started < 0:
        operation, started = begin_leaf(_fetch_subject(cursor)), -1
    try:
        with errors:
            return method(*args, **kwargs)
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
