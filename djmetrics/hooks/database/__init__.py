"""Databases: every alias, vendor and thread; statements, connects, commits, rollbacks and fetches."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper

from ... import clock, guard, recorder
from ...record import Operation, Subject
from ...recorder import begin_leaf, end_leaf
from ...sql import again, first_run, subject_of, track
from ...units import spill
from .. import Hook
from .fetches import FETCHES, OPERATION, know_plain, timed_fetch, timed_rows

_UNKNOWN = Subject("db", "_OTHER")
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
        replace(CursorWrapper, "__iter__", timed_rows)
        self.patches.add(CursorWrapper, OPERATION, None)
        for name in FETCHES:
            self.patches.add(CursorWrapper, name, timed_fetch(name))
        for method, verb in ("connect", "CONNECT"), ("_commit", "COMMIT"), ("_rollback", "ROLLBACK"):
            replace(BaseDatabaseWrapper, method, _timed_connection(verb))


def _timed_execute(original: Callable[..., Any]) -> Callable[..., Any]:
    # A page runs dozens of these. So this is ``_begin`` and ``end_leaf``, written out for a statement of a request;
    # whatever is unusual about it goes the longer way.
    # ``__dict__`` is left alone: once it was asked for, Python finds every attribute of the cursor more slowly.
    def execute(self: CursorWrapper, sql: Any, params: Any, *args: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        parent = _get()
        if (
            parent is None
            or type(sql) is not str
            or not (root := parent.root).resumable
            or ((kind := type(self)) is not CursorWrapper and kind is not CursorDebugWrapper)
        ):
            return _call(original, sql, self, sql, params, *args)
        try:
            record: Any = root.record
            database = self.db
            statements = record.statements.get(database.alias)
            if statements is None:
                know_plain(record, database)
                statement = first_run(record, database, sql)
            elif (statement := statements.get(sql)) is None:
                statement = first_run(record, database, sql)
            else:
                again(record, statement)
            operation = Operation(statement.subject, parent, root)
            operation.detail = statement
            if root.ambient is not None:
                operation.around = root.ambient()
            self._djmetrics_operation = operation
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


def _timed_executemany(original: Callable[..., Any]) -> Callable[..., Any]:
    def executemany(self: CursorWrapper, sql: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True
        return _call(original, sql, self, sql, *args, **kwargs)

    return executemany


def _timed_callproc(original: Callable[..., Any]) -> Callable[..., Any]:
    def callproc(self: CursorWrapper, procname: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True
        return _call(original, "CALL", self, procname, *args, **kwargs)

    return callproc


def _call(
    original: Callable[..., Any], text: Any, cursor: CursorWrapper, /, *args: Any, **kwargs: Any
) -> Any:
    """Call what runs the statement ``text`` on ``cursor``."""
    __traceback_hide__ = True
    operation = _begin(cursor, text)
    try:
        return original(cursor, *args, **kwargs)
    except BaseException as error:
        operation.error = type(error)
        raise
    finally:
        end_leaf(operation)


def _begin(cursor: CursorWrapper, sql: Any) -> Operation:
    """Begin the operation of a statement; tell the record that it ran."""
    try:
        record = recorder.current_record()
        if record is None:
            operation = begin_leaf(subject_of(cursor.db, sql))
        else:
            know_plain(record, cursor.db)
            statement = track(record, cursor.db, sql)
            operation = begin_leaf(statement.subject)
            operation.detail = statement
        with suppress(AttributeError):  # a class of slots that borrows Django's methods
            object.__setattr__(cursor, OPERATION, operation)
        return operation
    except Exception:
        guard.failed("hooks.database.execute")
        return begin_leaf(_UNKNOWN)


def _timed_connection(verb: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Time a method of the connection. Connecting runs statements of its own, so others may nest."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def method(self: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> Any:
            __traceback_hide__ = True  # Django's error pages leave out such frames
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
