"""Stretches of work: which thread or task works for which record, and the CPU time that it uses meanwhile.

A request's work may wander over threads and share an event loop's with others. Its CPU time is the sum of its
stretches.
"""

import threading
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

from . import ambient, clock
from .record import Operation, Record
from .recorder import current as current_operation


class _Lane(threading.local):
    """Whose CPU time is being taken on this thread."""

    record: Record | None = None


_lane = _Lane()


def current() -> Record | None:
    """The record that this thread's CPU time is being added to."""
    return _lane.record


Stay = tuple[Operation | None, Record | None, int, ambient.Before | None]
StayInTask = tuple[Operation | None, ambient.Before | None]


def enter(record: Record) -> Stay:
    """From here on this thread works for ``record``; give what this returns to ``leave``, on the same thread."""
    outer, lane = current_operation.get(), _lane.record
    current_operation.set(record.root)
    around = ambient.enter(record) if ambient.contexts else None
    if lane is record:
        return outer, lane, -1, around
    _lane.record = record
    return outer, lane, clock.cpu(), around


def leave(record: Record, stay: Stay) -> None:
    """This thread no longer works for ``record``."""
    outer, lane, cpu, around = stay
    if cpu >= 0:
        record.cpu_ns += clock.cpu() - cpu
        _lane.record = lane
    if around is not None:
        ambient.leave(around)
    current_operation.set(outer)


def enter_task(record: Record) -> StayInTask:
    """From here on this task works for ``record``; give what this returns to ``leave_task``."""
    outer = current_operation.get()
    current_operation.set(record.root)
    return outer, ambient.enter(record) if ambient.contexts else None


def leave_task(stay: StayInTask) -> None:
    """This task no longer works for the record. What its steps cost was taken by ``stepped``."""
    outer, around = stay
    if around is not None:
        ambient.leave(around)
    current_operation.set(outer)


def run_for(record: Record, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call ``function`` on a thread that works for ``record`` meanwhile, and add the thread's CPU time."""
    __traceback_hide__ = True  # Django's error pages leave out such frames
    lane = _lane.record
    if lane is record:
        return function(*args, **kwargs)
    _lane.record = record
    started = clock.cpu()
    try:
        return function(*args, **kwargs)
    finally:
        record.cpu_ns += clock.cpu() - started
        _lane.record = lane


async def _await(awaitable: Awaitable[Any]) -> Any:
    __traceback_hide__ = True  # Django's error pages leave out such frames
    return await awaitable


async def _generator() -> AsyncGenerator[None, None]:
    yield


def _step_type() -> type:
    step = _generator().__anext__()
    step.close()
    return type(step)


_AsyncGeneratorStep = _step_type()

# Past what the site's class makes of it.
_traceback = vars(BaseException)["__traceback__"]


@types.coroutine
def stepped(awaitable: Awaitable[Any], record: Record) -> Generator[Any, Any, Any]:
    """Await ``awaitable`` and add the CPU time of its steps to ``record``: not that of other tasks between them."""
    __traceback_hide__ = True  # Django's error pages leave out such frames
    kind = type(awaitable)
    if kind is types.CoroutineType:
        steps: Any = awaitable
    elif kind is _AsyncGeneratorStep:
        steps = awaitable.__await__()
    else:  # whatever else can be awaited need not be driven as these are
        return (yield from _await(awaitable).__await__())
    argument: Any = None
    thrown: list[BaseException] = []
    while True:
        started = clock.cpu()
        try:
            # Popped, so that nothing here keeps an exception alive that the work has dealt with.
            yielded = steps.throw(thrown.pop()) if thrown else steps.send(argument)
        except StopIteration as stop:
            return stop.value
        finally:
            record.cpu_ns += clock.cpu() - started
        argument = None
        try:
            argument = yield yielded
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as error:
            # It came through this frame first, which is not the site's.
            traceback = _traceback.__get__(error)
            _traceback.__set__(error, None if traceback is None else traceback.tb_next)
            thrown.append(error)
            del traceback
