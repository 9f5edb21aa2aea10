"""Units of work besides requests: management commands and tasks."""

from asyncio import CancelledError
from typing import NamedTuple

from . import guard, lanes, recorder, units
from .record import Operation, Record, Subject

_CEILING = 1000
_subjects: dict[tuple[str, str], Subject] = {}


class Running(NamedTuple):
    """A unit of work that was begun here, or an ``operation`` of the one that was running already."""

    record: Record | None = None
    stay: lanes.Stay | None = None
    stay_in_task: lanes.StayInTask | None = None
    operation: Operation | None = None


def begin(kind: str, name: str, *, in_task: bool = False) -> Running | None:
    """Work of this kind ("command", "task") begins; give what this returns to ``end``, on the same thread.

    Inside a unit of work it is an operation of that; else a unit of its own, whose view is its kind and name. A task
    inside a command is one of its own, too: a command that runs tasks is a worker, which may never end. ``in_task``
    says that it runs in an asyncio task beside others.
    """
    try:
        subject = _subject_of(kind, name)
        around = recorder.current_record()
        if around is not None and not (kind == "task" and around.kind == "command"):
            return Running(operation=recorder.begin(subject))
        record = units.open(subject, f"({kind} {name})")
        units.announce(record)
        if in_task:
            return Running(record, stay_in_task=lanes.enter_task(record))
        return Running(record, lanes.enter(record))
    except Exception:
        guard.failed(f"{kind}.begin")
        return None


def failed(running: Running | None, error: BaseException, is_reported: bool = True) -> None:
    """An exception left the work; ``is_reported`` says whether it is one that nobody expected.

    Work that was cancelled has not failed, as a request has not whose client went away.
    """
    if running is None:
        return
    is_cancelled = issubclass(type(error), CancelledError)
    if running.operation is not None:
        running.operation.error = type(error)
        record = recorder.current_record()
        # Whoever calls a command is given its exception; who ran a task keeps it from the request.
        if (
            record is not None
            and is_reported
            and not is_cancelled
            and running.operation.subject.kind == "task"
        ):
            units.broke_inside(record, error)
    elif running.record is not None and is_cancelled:
        running.record.outcome = "disconnected"
    elif running.record is not None:
        running.record.outcome = "failed"
        if is_reported:
            units.broke(running.record, error)
        else:
            running.record.error = type(error)


def end(running: Running | None) -> None:
    """The work is over."""
    if running is None:
        return
    try:
        if running.operation is not None:
            recorder.end(running.operation)
        if running.record is None:
            return
        if running.stay is not None:
            lanes.leave(running.record, running.stay)
        if running.stay_in_task is not None:
            lanes.leave_task(running.stay_in_task)
        units.close(running.record)
    except Exception:
        guard.failed("work.end")


def _subject_of(kind: str, name: str) -> Subject:
    subject = _subjects.get((kind, name))
    if subject is None:
        if len(_subjects) >= _CEILING:
            _subjects.clear()
        subject = _subjects[kind, name] = Subject(kind, name, {kind: name})
    return subject
