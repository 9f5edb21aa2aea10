"""A scope of Sentry's for each unit of work: what its code tells the SDK is on its own events, and on no other's."""

from collections.abc import Iterator
from contextlib import contextmanager

from sentry_sdk.client import BaseClient
from sentry_sdk.scope import Scope

from ...record import Record
from .clients import Clients, reports_requests
from .notes import Note, note_of

Before = tuple[Scope, Scope]


class Scopes:
    """Sentry's notion of what is going on: an ``ambient.Context``."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def begin(self, record: Record) -> None:
        """Give the record its scopes, unless the SDK's Django integration makes some for its request."""
        client = self._clients.current()
        if client is None or has_its_own(record, client):
            return
        isolation = Scope.get_isolation_scope().fork()
        isolation.clear_breadcrumbs()
        isolation.set_new_propagation_context()  # else all requests of a thread were one trace
        note = Note()
        note.scopes = isolation, Scope.get_current_scope().fork()
        if record.notes is None:
            record.notes = {}
        record.notes[Note.NAME] = note

    def enter(self, record: Record) -> Before | None:
        """Make the record's scopes current."""
        note = note_of(record)
        if note is None or note.scopes is None:
            return None
        before = Scope.get_isolation_scope(), Scope.get_current_scope()
        _set(note.scopes)
        return before

    def leave(self, before: Before | None) -> None:
        """Make current what was before. By value: a token may be given back only where it was got."""
        if before is not None:
            _set(before)

    @contextmanager
    def of(self, record: Record) -> Iterator[None]:
        """The record's scopes are current inside the block."""
        before = self.enter(record)
        try:
            yield
        finally:
            self.leave(before)


def _set(scopes: Before) -> None:
    Scope.set_isolation_scope(scopes[0])
    Scope.set_current_scope(scopes[1])


def has_its_own(record: Record, client: BaseClient) -> bool:
    """Whether the SDK's Django integration looks after this record: its scopes and its exceptions."""
    return record.kind == "request" and reports_requests(client)
