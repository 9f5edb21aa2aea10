"""A scope of Sentry's for each unit of work: what its code tells the SDK is on its own events, and on no other's."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sentry_sdk.client import BaseClient
from sentry_sdk.scope import Scope, ScopeType, _current_scope, _isolation_scope

from ...record import Record
from .clients import Clients, reports_requests
from .notes import Note, Pair, note_of

Before = tuple[Note, Pair]

_latest: ContextVar[Note | None] = ContextVar("djmetrics_sentry_note", default=None)
"""The note of the record that was last current here; its scopes may still be, should it be over."""


def _here() -> Pair:
    """The isolation scope and the current scope that are current here.

    Where they are a record's that is over, because the site left a scope of its own after the record, they are what was
    around that: else its user and tags would be on the events of all that comes later on this thread.
    """
    isolation, current = _isolation_scope.get(), _current_scope.get()
    note = _latest.get()
    if note is None or not note.is_over:
        return isolation, current
    (first_isolation, first_current), outside = note.first, note.outside
    return (
        outside[0] if isolation is note.isolation or isolation is first_isolation else isolation,
        outside[1] if current is note.current or current is first_current else current,
    )


class Scopes:
    """Sentry's notion of what is going on: an ``ambient.Context``.

    Each unit of work has copies of those around it. Where there is none, as on a server's threads, the SDK makes a
    current scope should it be asked for one.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def begin(self, record: Record) -> None:
        """Give the record its scope, unless the SDK's Django integration makes some for its request."""
        client = self._clients.current()
        if client is None or has_its_own(record, client):
            return
        around, current = outside = _here()
        note = Note()
        note.outside = outside
        note.current = None if current is None else current.fork()
        note.isolation = isolation = Scope(ScopeType.ISOLATION) if around is None else around.fork()
        isolation.clear_breadcrumbs()
        isolation.set_new_propagation_context()  # else all requests of a thread were one trace
        note.first = isolation, note.current
        if record.notes is None:
            record.notes = {}
        record.notes[Note.NAME] = note

    def enter(self, record: Record) -> Before | None:
        """Make the record's scopes current."""
        note = note_of(record)
        if note is None or note.isolation is None:
            return None
        before = note, _here()
        _latest.set(note)
        _isolation_scope.set(note.isolation)
        _current_scope.set(note.current)
        return before

    def leave(self, before: Before | None) -> None:
        """Make current what was before. By value: a token may be given back only where it was got."""
        if before is not None:
            note, (isolation, current) = before
            note.isolation, note.current = _isolation_scope.get(), _current_scope.get()
            _isolation_scope.set(isolation)
            _current_scope.set(current)

    def keep(self) -> None:
        """Nothing: a record's scopes are kept in its note from one step to the next."""

    def restore(self, kept: None) -> None:
        """Nothing: ``enter`` did it."""

    def identity(self) -> None:
        """None: the ids of a trace are the record's."""

    @contextmanager
    def of(self, record: Record) -> Iterator[None]:
        """The record's scopes are current inside the block."""
        before = self.enter(record)
        try:
            yield
        finally:
            self.leave(before)


def has_its_own(record: Record, client: BaseClient) -> bool:
    """Whether the SDK's Django integration looks after this record: its scopes and its exceptions."""
    return record.kind == "request" and reports_requests(client)
