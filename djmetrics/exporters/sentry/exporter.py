"""The exporter: which finished records become events."""

import atexit
from collections import deque
from collections.abc import Callable
from typing import Any

import sentry_sdk
from sentry_sdk.client import BaseClient

from ...errors import is_normal_exit
from ...record import Record
from .. import Exporter
from .alerts import Alerts
from .choices import Choices, Hook
from .clients import Clients, ignores, scrubbing
from .enrichment import RECORD, Enrichment
from .exceptions import event_of
from .frames import frame_options
from .notes import forget, note_of, noted, remembered
from .scopes import Scopes, has_its_own

_LATE = 4


class SentryExporter(Exporter):
    """Reports what broke and what was too slow.

    ``current`` gives the record that is open where it is called, ``record_of`` the one that an exception is about to
    end, ``now`` the monotonic time in nanoseconds. ``scrub`` is the site's scrubbing hook, ``release`` its release.
    ``start`` must be called before it is used, and ``close`` puts back what that changed in the SDK.
    """

    def __init__(
        self,
        choices: Choices,
        *,
        current: Callable[[], Record | None],
        record_of: Callable[[BaseException], Record | None],
        now: Callable[[], int],
        release: str = "",
        scrub: Hook | None = None,
    ) -> None:
        hook = None if scrub is None else scrubbing(scrub)
        self._choices = choices
        self._current = current
        self._record_of = record_of
        self._clients = Clients(choices, release, hook)
        self.context = Scopes(self._clients)
        self._enrichment = Enrichment(self._clients, self._find, now, release, hook)
        self._alerts = Alerts(choices)
        # Records that were closed before the SDK's own integration learned of their exceptions.
        self._late: deque[tuple[Callable[[], BaseException | None], Record]] = deque(maxlen=_LATE)

    def start(self) -> None:
        """Enrich all events of this process from now on."""
        scope = sentry_sdk.get_global_scope()
        if self._enrichment not in scope._event_processors:
            scope.add_event_processor(self._enrichment)  # type: ignore[arg-type]
        atexit.register(self.close)

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until all that was exported is handed on, at most ``seconds``. The SDK does not say whether it is."""
        sentry_sdk.flush(timeout=seconds)
        return True

    def finish(self) -> None:
        """The process is about to end: send what waits, in what time sentry-sdk allows itself."""
        self.flush(self._choices.shutdown_timeout)

    def after_fork(self) -> None:
        """In a child: what another thread held is free."""
        self._clients.after_fork()
        self._alerts.after_fork()

    def close(self) -> None:
        """Leave the SDK as it was; what waits in a client of ours is sent, for as long as a process's end may take."""
        atexit.unregister(self.close)
        processors: list[Any] = sentry_sdk.get_global_scope()._event_processors
        if self._enrichment in processors:
            processors.remove(self._enrichment)
        self._clients.close()

    def export(self, record: Record) -> None:
        """Report the exceptions that nothing handled, and what the record's figures give cause for."""
        if record.exception is None and not record.inner_exceptions and not self._alerts.wanted:
            forget(record)
            return
        client = self._clients.current()
        try:
            if client is not None:
                self._broken(record, client)
                self._alert(record)
        finally:
            forget(record)

    def dropped(self, record: Record) -> None:
        """Nobody shall see it: its exceptions neither."""
        forget(record)

    def _broken(self, record: Record, client: BaseClient) -> None:
        own = () if record.exception is None else (*record.earlier_exceptions, record.exception)
        for error in (*record.inner_exceptions, *own):
            note = note_of(record)
            if _is_expected(error, record) or (note is not None and note.knows(error)):
                continue
            # What broke inside, in a task, the SDK's integration does not see.
            is_inner = any(each is error for each in record.inner_exceptions)  # a class may say what is equal
            if not is_inner and has_its_own(record, client):
                if not ignores(client, error):  # else it never comes
                    self._late.append((remembered(error), record))
            else:
                self._report(record, error, client)

    def _report(self, record: Record, error: BaseException, client: BaseClient) -> None:
        event: Any
        options = frame_options(client, self._choices.local_variables)
        event, hint = event_of(error, options, {"type": "djmetrics", "handled": False})
        noted(record).reported(error)
        outer = self._current()
        if outer is not None:
            noted(outer).reported(error)  # it may end the one around it too, as a command's ends a request
        with self.context.of(record):
            sentry_sdk.capture_event(event, hint={**hint, RECORD: record})

    def _alert(self, record: Record) -> None:
        event: Any
        for event in self._alerts.of(record):
            with self.context.of(record):
                sentry_sdk.capture_event(event, hint={RECORD: record})

    def _find(self, error: BaseException | None) -> Record | None:
        record = self._current()
        if record is not None or error is None:
            return record
        return self._record_of(error) or self._taken_late(error)

    def _taken_late(self, error: BaseException) -> Record | None:
        for each in list(self._late):
            if each[0]() is error:
                self._late.remove(each)
                return each[1]
        return None


def _is_expected(error: BaseException, record: Record) -> bool:
    """Whether it is how a process is ended, and no failure."""
    kind = type(error)  # a class may say that it is another
    if issubclass(kind, SystemExit):
        return record.kind != "request" or is_normal_exit(error)
    return issubclass(kind, KeyboardInterrupt | GeneratorExit)
