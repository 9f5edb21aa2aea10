"""Operations: they begin, nest and end.

Hooks call ``begin`` and ``end`` around what they time (``begin_leaf`` and ``end_leaf`` where nothing can nest
inside), and ``resume`` and ``pause`` where one operation goes on in several steps.

The current operation lives in a context variable, so that threads (through asgiref) and tasks nest under what
started them. It is set back by value, never by token: a token may not cross contexts, and a generator's may end
in another one.
"""

from collections.abc import Callable
from contextvars import ContextVar

from . import clock, units
from .record import Operation, Record, Subject
from .units import outside, spill

current: ContextVar[Operation | None] = ContextVar("djmetrics_operation", default=None)
"""The current operation; None or ``units.outside`` where there is none."""

_get, _set = current.get, current.set


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
        units.drop(record)


def disown() -> None:
    """In a forked child: the current record is the parent's to export, whatever the child still does in it."""
    record = current_record()
    if record is not None:
        record.discarded = True  # not by ``discard``: the exporters here know nothing of it


def make_current(operation: Operation | None) -> Operation | None:
    """Make ``operation`` the current one, and return the one before."""
    outer = _get()
    _set(operation)
    return outer


class _Begun(Operation):
    """An operation that begins where it is made: Python spares itself a call of a function that makes one."""

    __slots__ = ()

    def __init__(self, subject: Subject) -> None:
        parent = _get() or outside
        root = parent.root
        self.subject = subject
        self.parent = parent
        self.root = root
        self.children_ns = self.resumed_ns = self.last_end = 0
        self.error = self.detail = None
        _set(self)
        if root.ambient is not None:
            self.around = root.ambient()
        self.start = clock.now()


begin: Callable[[Subject], Operation] = _Begun
"""An operation begins that others may nest under; ``end`` it in a ``finally``."""


def end(operation: Operation) -> None:
    """The operation that ``begin`` returned is over."""
    operation.end = now = clock.now()
    parent = operation.parent
    _set(parent)
    start = operation.start
    took = now - start
    parent.children_ns += took
    root = operation.root
    root.own_ns[operation.subject.phase] += took - operation.children_ns
    if start < parent.last_end:
        root.concurrent = True
    parent.last_end = now
    operations = root.operations
    operations.append(operation)
    if len(operations) >= root.limit:
        spill(root)


def begin_leaf(subject: Subject) -> Operation:
    """An operation begins that nothing can nest under; ``end_leaf`` it in a ``finally``."""
    parent = _get() or outside
    root = parent.root
    operation = Operation(subject, parent, root)
    if root.ambient is not None:
        operation.around = root.ambient()
    operation.start = clock.now()
    return operation


def end_leaf(operation: Operation) -> None:
    """The operation that ``begin_leaf`` returned is over."""
    operation.end = now = clock.now()
    parent = operation.parent
    start = operation.start
    took = now - start
    parent.children_ns += took
    root = operation.root
    root.own_ns[operation.subject.phase] += took
    if start < parent.last_end:
        root.concurrent = True
    parent.last_end = now
    operations = root.operations
    operations.append(operation)
    if len(operations) >= root.limit:
        spill(root)


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


def resume(operation: Operation) -> tuple[Operation | None, int, int]:
    """An operation goes on; give what this returns to ``pause``."""
    outer = _get()
    _set(operation)
    return outer, operation.children_ns, clock.now()


def pause(operation: Operation, resumed: tuple[Operation | None, int, int]) -> None:
    """The operation that was resumed stands still again."""
    outer, children, started = resumed
    elapsed = clock.now() - started
    operation.resumed_ns += elapsed
    operation.root.own_ns[operation.subject.phase] += elapsed - operation.children_ns + children
    (outer or outside).children_ns += elapsed
    _set(outer)


def resume_leaf(operation: Operation) -> int:
    """As ``resume``, where nothing can nest inside; give what this returns to ``pause_leaf``.

    -1, and then there is nothing to pause, where the operation may not go on: its record is closed, or not the one
    that this code works for.
    """
    running = _get()
    if running is None or running.root is not operation.root or not running.root.resumable:
        return -1
    return clock.now()


def pause_leaf(operation: Operation, started: int) -> None:
    """The operation that ``resume_leaf`` was called for stands still again."""
    elapsed = clock.now() - started
    operation.resumed_ns += elapsed
    operation.root.own_ns[operation.subject.phase] += elapsed
    (_get() or outside).children_ns += elapsed
