"""What is kept of a record while it is open: its scopes, and which exceptions Sentry has been told of."""

import weakref
from collections import deque
from collections.abc import Callable

from sentry_sdk.scope import Scope

from ...record import Record

_REMEMBERED = 10

Pair = tuple[Scope | None, Scope | None]
Remembered = deque[Callable[[], BaseException | None]]


class Note:
    """What the exporter keeps of one record: its scopes, the ``first`` it had, and those that were current ``outside``.

    The scopes of a pair are the isolation scope and the current scope.
    """

    __slots__ = ("_reported", "_told", "current", "first", "is_over", "isolation", "outside")

    NAME = "sentry"
    """Under which name a record's notes hold it."""

    def __init__(self) -> None:
        self.isolation: Scope | None = None
        self.current: Scope | None = None
        self.outside: Pair = (None, None)
        self.first: Pair = (None, None)
        self.is_over = False
        self._reported: Remembered | None = None
        self._told: Remembered | None = None

    def reported(self, error: BaseException) -> None:
        """We have told Sentry of ``error``. Only the last few are remembered."""
        self._reported = _and(self._reported, error)

    def told(self, error: BaseException) -> None:
        """The site, or an integration of the SDK's, has told Sentry of ``error``."""
        self._told = _and(self._told, error)

    def close(self) -> None:
        """Its record is over. Hold no exception any longer: its traceback leads to frames that hold this note."""
        self.is_over = True
        self._reported = self._told = None

    def has_reported(self, error: BaseException) -> bool:
        """Whether we have told Sentry of ``error``."""
        return any(known() is error for known in self._reported or ())

    def knows(self, error: BaseException) -> bool:
        """Whether Sentry has been told of ``error`` by anyone."""
        return self.has_reported(error) or any(known() is error for known in self._told or ())


def _and(known: Remembered | None, error: BaseException) -> Remembered:
    known = deque(maxlen=_REMEMBERED) if known is None else known
    known.append(remembered(error))
    return known


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
            note.close()
