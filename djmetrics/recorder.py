"""Operations: they begin, nest and end.

Hooks call ``begin`` and ``end`` around what they time (``begin_leaf`` and ``end_leaf`` where nothing can nest inside), and
``resume`` and ``pause`` where one operation goes on in several steps.

The current operation lives in a context variable, so that threads (through asgiref) and tasks nest under what started them.
It is set back by value, never by token: a token may not cross contexts, and a generator's may end in another one.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol

from . import clock, units
from .record import Operation, Record, Subject
from .units import outside, spill

_current: ContextVar[Operation | None] = ContextVar("djmetrics_operation", default=None)
_get, _set = _current.get, _current.set


def current_operation() -> Operation | None:
    """The operation that is running here, or None outside any."""
    operation = _get()
    return None if operation is outside else operation


def current_record() -> Record | None:
    """The record of the unit of work that is running here, or None outside any."""
    operation = _get()
    return None if operation is None or operation.root is outside else operation.root.record


def discard() -> None:
    """Leave the current record out of all data."""
    record = current_record()
    if record is not None:
        record.discarded = True


def make_current(operation: Operation | None) -> Operation | None:
    """Make ``operation`` the current one, and return the one before."""
    outer = _get()
    _set(operation)
    return outer


def begin(subject: Subject) -> Operation:
    """An operation begins that others may nest under; ``end`` it in a ``finally``."""
    parent = _get() or outside
    operation = Operation(subject, parent, parent.root)
    _set(operation)
    operation.start = clock.now()
    return operation


def end(operation: Operation) -> None:
    """The operation that ``begin`` returned is over."""
    operation.end = now = clock.now()
    parent = operation.parent
    _set(parent)
    start = operation.start
    parent.children_ns += now - start
    root = operation.root
    if start < parent.last_end:
        root.concurrent = True
    parent.last_end = now
    operations = root.operations
    operations.append(operation)
    if len(operations) >= units.limit:
        spill(root)


def begin_leaf(subject: Subject) -> Operation:
    """An operation begins that nothing can nest under; ``end_leaf`` it in a ``finally``."""
    parent = _get() or outside
    operation = Operation(subject, parent, parent.root)
    operation.start = clock.now()
    return operation


def end_leaf(operation: Operation) -> None:
    """The operation that ``begin_leaf`` returned is over."""
    operation.end = now = clock.now()
    parent = operation.parent
    start = operation.start
    parent.children_ns += now - start
    root = operation.root
    if start < parent.last_end:
        root.concurrent = True
    parent.last_end = now
    operations = root.operations
    operations.append(operation)
    if len(operations) >= units.limit:
        spill(root)


Layer = Callable[[Any], Any]


class Switch(Protocol):
    """Says whether a wrapper that is still in place shall do anything."""

    active: bool


def timed_layer(layer: Layer, subject: Subject, switch: Switch) -> Layer:
    """``layer`` with ``begin`` and ``end`` around it, written out: a request goes through some ten of these.

    Where ``switch`` is not active it is just called. Its subject's kind "handler" is not kept: it only takes its time out of the
    layer around it.
    """
    kept = subject.kind != "handler"

    def timed(request: Any) -> Any:
        if not switch.active:
            return layer(request)
        parent = _get() or outside
        root = parent.root
        operation = Operation(subject, parent, root)
        _set(operation)
        operation.start = start = clock.now()
        try:
            return layer(request)
        except BaseException as error:
            operation.error = error.__class__
            raise
        finally:
            operation.end = now = clock.now()
            _set(parent)
            parent.children_ns += now - start
            if start < parent.last_end:
                root.concurrent = True
            parent.last_end = now
            if kept:
                root.operations.append(operation)

    return timed


def timed_async_layer(layer: Layer, subject: Subject, switch: Switch) -> Layer:
    """``timed_layer`` for a coroutine function."""
    kept = subject.kind != "handler"

    async def timed(request: Any) -> Any:
        if not switch.active:
            return await layer(request)
        operation = begin(subject)
        try:
            return await layer(request)
        except BaseException as error:
            operation.error = error.__class__
            raise
        finally:
            end(operation)

    return timed


def folded(subject: Subject) -> Operation | None:
    """The one operation that stands for all of this subject in the current record; ``resume`` it for each of them.

    None outside any unit of work, which has no end at which to count it.
    """
    parent = _get()
    record = None if parent is None or parent.root is outside else parent.root.record
    if parent is None or record is None:
        return None
    if record.folds is None:
        record.folds = {}
    operation = record.folds.get(subject)
    if operation is None:
        operation = record.folds[subject] = Operation(subject, parent, parent.root)
        operation.start = clock.now()
        end_leaf(operation)
    return operation


def resume(operation: Operation) -> tuple[Operation | None, int]:
    """An operation goes on; give what this returns to ``pause``."""
    outer = _get()
    _set(operation)
    return outer, clock.now()


def pause(operation: Operation, resumed: tuple[Operation | None, int]) -> None:
    """The operation that was resumed stands still again."""
    outer, started = resumed
    elapsed = clock.now() - started
    operation.resumed_ns += elapsed
    (outer or outside).children_ns += elapsed
    _set(outer)


def resume_leaf() -> int:
    """As ``resume``, where nothing can nest inside; give what this returns to ``pause_leaf``."""
    return clock.now()


def pause_leaf(operation: Operation, started: int) -> None:
    """The operation that ``resume_leaf`` was called for stands still again."""
    elapsed = clock.now() - started
    operation.resumed_ns += elapsed
    (_get() or outside).children_ns += elapsed


def may_resume(operation: Operation) -> bool:
    """Whether the operation's record is a request's and still open, so that what it goes on to do is not lost."""
    return operation.root.record is not None and operation.root is not outside
