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
    """The counts of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Mapping[tuple[str, ...], int] = {}
        self._counted_at: float | None = None
        self._begun_at: float | None = None
        self._thread: threading.Thread | None = None

    def read(self) -> Mapping[tuple[str, ...], int]:
        """What was counted last, by alias; what could not be counted is not among it. It may begin a new count."""
        try:
            thread = self._begin()
        except RuntimeError:  # no thread can be started
            return {}
        if thread is not None and self._counted_at is None:
            thread.join(PATIENCE)
        if self._counted_at is None or time.monotonic() - self._counted_at > STALE:
            return {}
        return self._counts

    def _begin(self) -> threading.Thread | None:
        """The thread that counts, started if it is time to; None where the last count is fresh."""
        with self._lock:
            now = time.monotonic()
            if self._begun_at is not None and now - self._begun_at < EVERY:
                return None
            if self._thread is not None and self._thread.is_alive():
                return None
            self._begun_at = now
            self._thread = threading.Thread(target=self._count, name="djmetrics-migrations", daemon=True)
            self._thread.start()
            return self._thread

    def _count(self) -> None:
        found: dict[tuple[str, ...], int] = {
            (alias,): number for alias in connections if (number := _lacking(alias)) is not None
        }
        self._counts, self._counted_at = found, time.monotonic()


def _lacking(alias: str) -> int | None:
    """The migrations that a database lacks; None where that cannot be told, or where it is not migrated at all."""
    connection = connections[alias]
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
