"""What is kept of a record while it is open: its scopes, and which exceptions Sentry has been told of."""

import weakref
from collections import deque
from collections.abc import Callable

from sentry_sdk.scope import Scope

from ...record import Record

_REMEMBERED = 10


class Note:
    """What the exporter keeps of one record."""

    __slots__ = ("_reported", "current", "isolation")

    NAME = "sentry"
    """Under which name a record's notes hold it."""

    def __init__(self) -> None:
        self.isolation: Scope | None = None
        self.current: Scope | None = None
        self._reported: deque[Callable[[], BaseException | None]] | None = None

    def reported(self, error: BaseException) -> None:
        """Sentry has been told of ``error``. Only the last few are remembered."""
        if self._reported is None:
            self._reported = deque(maxlen=_REMEMBERED)
        self._reported.append(remembered(error))

    def let_go(self) -> None:
        """Hold no exception any longer: its traceback leads to frames that hold this note."""
        self._reported = None

    def knows(self, error: BaseException) -> bool:
        """Whether Sentry has been told of ``error``."""
        return any(known() is error for known in self._reported or ())


def remembered(error: BaseException) -> Callable[[], BaseException | None]:
    """A reference to ``error``: a weak one, but of Python's own exceptions, which allow none."""
    try:
        return weakref.ref(error)
    except TypeError:
        return lambda: error


def note_of(record: Record) -> Note | None:
    """The record's note, if it has one."""
    return None if record.notes is None else record.notes.get(Note.NAME)


def noted(record: Record) -> Note:
    """The record's note, made if it has none."""
    if record.notes is None:
        record.notes = {}
    found = record.notes.get(Note.NAME)
    if found is None:
        found = record.notes[Note.NAME] = Note()
    return found


def forget(record: Record) -> None:
    """The record is over: let its scopes and its exceptions go."""
    if record.notes is not None:
        note = record.notes.pop(Note.NAME, None)
        if note is not None:
            note.let_go()
