"""How many migrations each database lacks, for the metrics page: counted beside the requests, seldom.

Counting reads the migrations' files and asks each database. It happens on a thread of its own, with connections of
its own that are closed at its end, so that no request waits for it and no transaction of the site's sees it.
"""

import logging
import threading
import time
from collections.abc import Mapping

from django.db import DEFAULT_DB_ALIAS, connections

logger = logging.getLogger("djmetrics")

EVERY = 300.0
"""Seconds from one count to the next."""
PATIENCE = 1.0
"""Seconds that the page waits for the first count of a process."""
STALE = 900.0
"""Seconds after which a count is no longer shown, should the next one hang."""


class Unapplied:
    """The counts of this process, each database's by itself: one that hangs keeps no other from being told of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._databases: dict[str, _Database] = {}

    def read(self) -> Mapping[tuple[str, ...], int]:
        """What was counted last, by alias; what could not be counted is not among it. It may begin new counts."""
        end = time.monotonic() + PATIENCE
        with self._lock:
            databases = [self._databases.setdefault(alias, _Database(alias)) for alias in connections]
            for database in databases:
                database.begin()
        for database in databases:
            database.wait(end)
        return {
            (each.alias,): each.number for each in databases if each.number is not None and each.is_fresh()
        }

    def settled(self) -> bool:
        """Whether no first count is under way."""
        return all(each.counted_at is not None for each in self._databases.values())


class _Database:
    """One database's count."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.number: int | None = None
        self.counted_at: float | None = None
        self.thread: threading.Thread | None = None
        self._begun_at: float | None = None

    def begin(self) -> None:
        """Start a count if it is time to, and none is under way."""
        now = time.monotonic()
        if self._begun_at is not None and now - self._begun_at < EVERY:
            return
        if self.thread is not None and self.thread.is_alive():
            return
        self._begun_at = now
        thread = threading.Thread(target=self._count, name="djmetrics-migrations", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be started
            return
        self.thread = thread

    def wait(self, end: float) -> None:
        """Wait for a first count, until the monotonic time ``end`` at most."""
        if self.counted_at is None and self.thread is not None:
            self.thread.join(max(0.0, end - time.monotonic()))

    def is_fresh(self) -> bool:
        """Whether the last count may still be shown."""
        return self.counted_at is not None and time.monotonic() - self.counted_at <= STALE

    def _count(self) -> None:
        self.number = _lacking(self.alias)
        self.counted_at = time.monotonic()


def _lacking(alias: str) -> int | None:
    """The migrations that a database lacks; None where that cannot be told, or where it is not migrated at all."""
    connection = connections[alias]
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        return None  # this thread has one of its own, and it is empty
    try:
        # Here, since most processes of most sites never need it.
        from django.db.migrations.executor import MigrationExecutor

        executor = MigrationExecutor(connection)
        if alias != DEFAULT_DB_ALIAS and not executor.loader.applied_migrations:
            return None
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except Exception as error:  # the database is down, or a migration cannot be imported
        logger.debug("djmetrics cannot tell which migrations %s lacks: %r", alias, error)
        return None
    finally:
        try:
            connection.close()
        except Exception as error:
            logger.debug("djmetrics could not close its connection to %s: %r", alias, error)
