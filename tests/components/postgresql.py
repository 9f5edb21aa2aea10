"""A PostgreSQL server that writes each statement to its log."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import process

USER = "postgres"
_PAST_DJANGO = ("BEGIN", "SELECT set_config('TimeZone'", "FETCH FORWARD", "CLOSE")
# "execute" names a prepared statement, or says that it is unnamed; a statement's further lines begin with a tab.
_STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:\n]+): (.*(?:\n\t.*)*)")


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    port: int
    log: Path

    @property
    def settings(self) -> dict[str, object]:
        """An entry for ``DATABASES``."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": USER,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
        }

    def statements(self) -> list[str]:
        """Every statement that clients sent so far, as the server logged it, oldest first."""
        return _STATEMENT.findall(self.log.read_text(errors="replace"))

    def operations(self) -> Counter[str]:
        """How many statements came by Django's cursors so far, by their first words.

        Left out is what is sent past them: psycopg begins a transaction before its first statement, and Django sets the
        time zone of a new connection by psycopg's own cursor, in the time of the connect. What ``iterator()``
        declares is the SELECT that it is for; psycopg fetches from it and closes it.
        """
        found = Counter(text.split()[0] for text in self.statements() if not text.startswith(_PAST_DJANGO))
        found["SELECT"] += found.pop("DECLARE", 0)
        return found


@contextmanager
def running() -> Iterator[PostgreSQL]:
    initdb, postgres = process.binary("initdb"), process.binary("postgres")
    port = process.free_port()
    # It refuses to run as root.
    with process.folder(owner=USER) as home:
        data = home / "data"
        process.run(
            [
                initdb,
                "-D",
                str(data),
                "-A",
                "trust",
                "-U",
                USER,
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            cwd=home,
            user=USER,
        )
        command = [
            *(postgres, "-D", str(data), "-p", str(port), "-k", str(home), "-h", "127.0.0.1", "-F"),
            *("-c", "log_statement=all"),
        ]
        log = home / "server.log"
        # The port accepts connections before the server does; its log says when it does.
        with process.running(command, ready=lambda: _is_ready(log), cwd=home, user=USER):
            yield PostgreSQL(port, log)


def _is_ready(log: Path) -> bool:
    return "database system is ready to accept connections" in log.read_text(errors="replace")
