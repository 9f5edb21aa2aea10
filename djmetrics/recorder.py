"""Opens, nests and closes; the only reader of the clocks.

Hooks call ``begin`` and ``end`` around what they time (``begin_leaf`` and ``end_leaf`` where nothing can nest inside), and
``resume`` and ``pause`` where one operation goes on in several steps. Whoever knows a unit of work calls ``open``, ``enter``
and ``leave`` around each stretch of it, and ``close``.

The current operation lives in a context variable, so that threads (through asgiref) and tasks nest under what started them.
It is set back by value, never by token: a token may not cross contexts, and a generator's may end in another one.
"""

import threading
import types
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

from . import clock, guard, semconv
from .concurrency import share_phases
from .record import Operation, Record, Root, Subject


class Exporter(Protocol):
    """One destination. Each is given every record once, and never calls back."""

    def opened(self, record: Record) -> None:
        """A unit of work began."""

    def spill(self, record: Record, operations: Sequence[Operation]) -> None:
        """Operations of a record that is still open and holds too many: count them now."""

    def export(self, record: Record) -> None:
        """A unit of work is over; ``record.operations`` holds what was not spilled."""

    def dropped(self, record: Record) -> None:
        """A unit of work is over that shall not be counted."""


REQUEST = Subject("request", "request")
PROCESS = Subject("process", "process")

_now, _unix, _cpu = clock.now, clock.unix, clock.cpu
_current: ContextVar[Operation | None] = ContextVar("djmetrics_operation", default=None)
_exporters: tuple[Exporter, ...] = ()
_limit = 5000
_excluded: frozenset[str] = frozenset()
_spilling = threading.Lock()
_abandoned: deque[Record] = deque()


class _Lane(threading.local):
    """Whose CPU time is being taken on this thread."""

    record: Record | None = None


_lane = _Lane()


def _new_outside() -> Root:
    record = Record("process", PROCESS, semconv.OUTSIDE)
    record.started_at, record.start = _unix(), _now()
    record.root.start = record.start
    return record.root


_outside = _new_outside()


def configure(exporters: Sequence[Exporter], limit: int, excluded_views: frozenset[str] = frozenset()) -> None:
    """Say where records go and how many operations one may hold before it is counted in part."""
    global _exporters, _limit, _excluded
    _exporters, _limit, _excluded = tuple(exporters), limit, excluded_views


def use_clocks(now: object = clock.now, cpu: object = clock.cpu, unix: object = clock.unix) -> None:
    """Replace the clocks, in tests; without arguments the real ones come back."""
    globals().update(_now=now, _cpu=cpu, _unix=unix)


def current_operation() -> Operation | None:
    """The operation that is running here, or None outside any."""
    operation = _current.get()
    return None if operation is _outside else operation


def current_record() -> Record | None:
    """The record of the unit of work that is running here, or None outside any."""
    operation = _current.get()
    return None if operation is None or operation.root is _outside else operation.root.record


def begin(subject: Subject) -> Operation:
    """An operation begins that others may nest under; ``end`` it in a ``finally``."""
    parent = _current.get() or _outside
    operation = Operation(subject, parent, parent.root)
    _current.set(operation)
    operation.start = _now()
    return operation


def end(operation: Operation) -> None:
    """The operation that ``begin`` returned is over."""
    end_leaf(operation)
    parent = operation.parent
    _current.set(None if parent is _outside else parent)


def begin_leaf(subject: Subject) -> Operation:
    """An operation begins that nothing can nest under; ``end_leaf`` it in a ``finally``."""
    parent = _current.get() or _outside
    operation = Operation(subject, parent, parent.root)
    operation.start = _now()
    return operation


def end_leaf(operation: Operation) -> None:
    """The operation that ``begin_leaf`` returned is over."""
    operation.end = now = _now()
    # A task that outlives its request: what it still does is counted outside.
    record = operation.root.record or _outside.record
    parent = operation.parent
    start = operation.start
    parent.children_ns += now - start
    if start < parent.last_end:
        record.concurrent = True  # type: ignore[union-attr] # the outside record is never closed
    parent.last_end = now
    operations = record.operations  # type: ignore[union-attr]
    operations.append(operation)
    if len(operations) >= _limit:
        spill(record)  # type: ignore[arg-type]


def folded(subject: Subject) -> Operation | None:
    """The one operation that stands for all of this subject in the current record; ``resume`` it for each of them.

    None outside any unit of work, which has no end at which to count it.
    """
    parent = _current.get()
    record = None if parent is None or parent.root is _outside else parent.root.record
    if parent is None or record is None:
        return None
    operation = record.folds.get(subject)
    if operation is None:
        operation = record.folds[subject] = Operation(subject, parent, parent.root)
        operation.start = _now()
        end_leaf(operation)
    return operation


def resume(operation: Operation) -> tuple[Operation | None, int]:
    """An operation goes on; give what this returns to ``pause``."""
    outer = _current.get()
    _current.set(operation)
    return outer, _now()


def pause(operation: Operation, resumed: tuple[Operation | None, int]) -> None:
    """The operation that was resumed stands still again."""
    outer, started = resumed
    elapsed = _now() - started
    operation.resumed_ns += elapsed
    operation.laps += 1
    (outer or _outside).children_ns += elapsed
    _current.set(outer)


def resume_leaf() -> int:
    """As ``resume``, where nothing can nest inside; give what this returns to ``pause_leaf``."""
    return _now()


def pause_leaf(operation: Operation, started: int) -> None:
    """The operation that ``resume_leaf`` was called for stands still again."""
    elapsed = _now() - started
    operation.resumed_ns += elapsed
    operation.laps += 1
    (_current.get() or _outside).children_ns += elapsed


def may_resume(operation: Operation) -> bool:
    """Whether the operation's record is still open and its own, so that what it goes on to do is not lost."""
    return operation.root.record is not None and operation.root is not _outside


def open(subject: Subject = REQUEST, view: str = semconv.NO_VIEW) -> Record:
    """A unit of work begins."""
    record = Record(subject.kind, subject, view)
    record.started_at = _unix()
    record.start = record.root.start = _now()
    return record


def announce(record: Record) -> None:
    """Tell the exporters that ``record`` is open, now that it is known what it is about."""
    for exporter in _exporters:
        try:
            exporter.opened(record)
        except Exception:
            guard.failed(f"exporter {type(exporter).__name__}.opened")


Stay = tuple[Operation | None, Record | None, int]


def enter(record: Record) -> Stay:
    """From here on this thread or task works for ``record``; give what this returns to ``leave``.

    CPU time is taken from here to ``leave``, which must be called on the same thread.
    """
    outer, lane = _current.get(), _lane.record
    _current.set(record.root)
    if lane is record:
        return outer, lane, -1
    _lane.record = record
    return outer, lane, _cpu()


def leave(record: Record, stay: Stay) -> None:
    """This thread or task no longer works for ``record``."""
    outer, lane, cpu = stay
    if cpu >= 0:
        record.cpu_ns += _cpu() - cpu
        _lane.record = lane
    _current.set(outer)


def adopt(record: Record) -> Operation | None:
    """From here on this task works for ``record``; give what this returns to ``release``. ``stepped`` takes its CPU time."""
    outer = _current.get()
    _current.set(record.root)
    return outer


def release(outer: Operation | None) -> None:
    """This task no longer works for the record that it adopted."""
    _current.set(outer)


@types.coroutine
def stepped(awaitable: Awaitable[Any], record: Record) -> Generator[Any, Any, Any]:
    """Await ``awaitable`` and add the CPU time of its steps to ``record``: not that of other tasks between them."""
    steps: Any = awaitable.__await__()
    if not hasattr(steps, "send"):  # a plain iterator, which a hand-written awaitable may return
        return (yield from steps)
    step = steps.send
    argument: Any = None
    while True:
        started = _cpu()
        try:
            yielded = step(argument)
        except StopIteration as stop:
            return stop.value
        finally:
            record.cpu_ns += _cpu() - started
        try:
            argument = yield yielded
            step = steps.send
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as error:
            argument, step = error, steps.throw


def run_for(record: Record, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call ``function`` on a thread that works for ``record`` meanwhile, and add the thread's CPU time."""
    lane = _lane.record
    if lane is record:
        return function(*args, **kwargs)
    _lane.record = record
    started = _cpu()
    try:
        return function(*args, **kwargs)
    finally:
        record.cpu_ns += _cpu() - started
        _lane.record = lane


def single(subject: Subject, record: Record) -> Operation:
    """An operation of no duration right below the record's root, for what goes on in steps after it: a streamed body."""
    operation = Operation(subject, record.root, record.root)
    operation.start = operation.end = _now()
    record.operations.append(operation)
    return operation


def first_byte(record: Record) -> None:
    """The first byte of the response is there."""
    record.first_byte_ns = _now() - record.start


def discard() -> None:
    """Leave the current record out of all data."""
    record = current_record()
    if record is not None:
        record.discarded = True


def close(record: Record) -> None:
    """The unit of work is over: hand its record to the exporters. Only the first call counts."""
    root = record.root
    if root.record is None:
        return
    root.record = None
    record.end = root.end = _now()
    record.duration = record.end - record.start
    if record.discarded or record.view in _excluded:
        _give("dropped", record)
    else:
        add_phases(record, record.operations)
        if record.concurrent:
            share_phases(record)
        else:
            record.phases["other"] += record.duration - sum(record.phases.values())
        _give("export", record)
    while _abandoned:
        close(_abandoned.popleft())


def abandon(record: Record) -> None:
    """Close ``record`` when that is safe; for finalisers, which may run in the middle of anything."""
    _abandoned.append(record)


def add_phases(record: Record, operations: Sequence[Operation]) -> None:
    """Add the exclusive time of ``operations`` to their phases."""
    phases = record.phases
    for operation in operations:
        phases[operation.subject.phase] += (
            operation.end - operation.start + operation.resumed_ns - operation.children_ns
        )


def spill(record: Record) -> None:
    """Count the operations that a record holds and let go of them: a record is bounded, and the outside one never ends."""
    with _spilling:
        # Others may append meanwhile, always at the end.
        operations = record.operations[:]
        del record.operations[: len(operations)]
    record.spilled += len(operations)
    add_phases(record, operations)
    for exporter in _exporters:
        try:
            exporter.spill(record, operations)
        except Exception:
            guard.failed(f"exporter {type(exporter).__name__}.spill")


def flush() -> None:
    """Count what was recorded outside any unit of work, and what was abandoned."""
    while _abandoned:
        close(_abandoned.popleft())
    record = _outside.record
    if record is not None and record.operations:
        spill(record)


def reset() -> None:
    """Forget what was recorded outside any unit of work: in a forked child, where it is the parent's, and in tests."""
    global _outside, _spilling
    _spilling = threading.Lock()
    _abandoned.clear()
    _outside.record = None  # what still runs under it goes to the new one
    _outside = _new_outside()


def _give(method: str, record: Record) -> None:
    for exporter in _exporters:
        try:
            getattr(exporter, method)(record)
        except Exception:
            guard.failed(f"exporter {type(exporter).__name__}.{method}")
