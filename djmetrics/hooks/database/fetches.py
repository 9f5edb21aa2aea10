"""Fetches: their time is added to the statement whose rows they bring."""

from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from django.db import utils as db_utils
from django.db.backends import utils as backend_utils
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from django.db.utils import DatabaseErrorWrapper

from ... import clock, recorder
from ...record import Operation, Record, Subject
from ...recorder import begin_leaf, end_leaf, pause_leaf, resume_leaf

FETCHES = "fetchone", "fetchmany", "fetchall"
"""The methods that PEP 249 has all cursors have."""

OPERATION = "_djmetrics_operation"
"""Where a cursor has the operation of its latest statement."""

_FETCH = Subject("fetch", "fetch", {"alias": ""})
_CEILING = 1000
_fetches: dict[str, Subject] = {}
_get = recorder.current.get


def _around_fetches() -> tuple[Any, ...]:
    """What a fetch goes through between Django's cursor and the driver's."""
    wrapper = DatabaseErrorWrapper
    functions = CursorWrapper.__getattr__, wrapper.__call__, wrapper.__enter__, wrapper.__exit__
    return *functions, CursorWrapper.WRAP_ERROR_ATTRS


def _from_file(function: Any, module: ModuleType) -> bool:
    return type(function) is FunctionType and function.__code__.co_filename == module.__file__


_own = _around_fetches()
_is_django = _from_file(_own[0], backend_utils) and all(_from_file(each, db_utils) for each in _own[1:4])


def is_plain(database: Any) -> bool:
    """Whether fetches on a connection go through nothing but Django's own code, which nobody has patched."""
    errors = database.wrap_database_errors
    return _is_django and type(errors) is DatabaseErrorWrapper and _around_fetches() == _own


def know_plain(record: Record, database: Any) -> None:
    """Look at a connection whose first statement in this record this is; to look at each fetch would cost too much."""
    root = record.root
    if database.alias not in record.statements:
        root.plain = (root.plain or not record.statements) and is_plain(database)


def _operation_of(cursor: Any) -> Operation | None:
    """The operation of a cursor's latest statement; none after ``stop``, and of what is no cursor of Django's."""
    try:
        operation: Operation | None = object.__getattribute__(cursor, OPERATION)
    except AttributeError:
        return None
    return operation


def _raising(held: list[BaseException]) -> Callable[[], None]:
    """A function that raises what is held, and lets go of it."""

    def again() -> None:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        raise held.pop()

    return again


def timed_fetch(name: str) -> Callable[..., Any]:
    """A method that stands for a fetch, which ``CursorWrapper`` passes on to its driver's through ``__getattr__``.

    PEP 249 has all drivers' cursors have these three. Where ``is_plain`` allows it, a fetch that works spares itself
    Django's ``__getattr__`` and the function that ``DatabaseErrorWrapper`` makes for each fetch; one that fails fails
    in that function, where Django's pages show it.
    """

    def original(cursor: CursorWrapper, /, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True
        return _inherited(cursor, name)(*args, **kwargs)

    def fetch(self: CursorWrapper, /, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        kind = type(self)
        if kind is not CursorWrapper and kind is not CursorDebugWrapper:
            return _fetch(self, original, args, kwargs)
        operation = self._djmetrics_operation
        running = _get()
        if (
            operation is None
            or running is None
            or (root := operation.root) is not running.root
            or not root.plain
            or kwargs
        ):
            return _fetch(self, original, args, kwargs)
        method = getattr(self.cursor, name)
        started = clock.now()
        try:
            return method(*args)
        except BaseException as error:
            return self.db.wrap_database_errors(_raising([error]))()
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
    __traceback_hide__ = True  # Django's error pages leave out such frames
    operation = _operation_of(cursor)
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
        __traceback_hide__ = True  # Django's error pages leave out such frames
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


def timed_rows(original: Callable[..., Any]) -> Callable[..., Any]:
    """``CursorWrapper.__iter__``: rows that are fetched by iterating."""

    def __iter__(self: CursorWrapper) -> Iterator[Any]:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = _operation_of(self)
        rows = original(self)
        yield from rows if operation is None else _Rows(rows, operation)

    return __iter__
