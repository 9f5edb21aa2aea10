"""A MariaDB server that writes each statement to its general log."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import process

USER = "mysql"
NAME = "djmetrics"
# Django looks at the version of mysqlclient and PyMySQL's own is far from it.
MYSQLCLIENT_VERSION = (2, 2, 7, "final", 0)


@dataclass(frozen=True, slots=True)
class MariaDB:
    port: int
    log: Path

    @property
    def settings(self) -> dict[str, object]:
        """An entry for ``DATABASES``; the process that uses it must have called ``use_pymysql`` before."""
        return {
            "ENGINE": "django.db.backends.mysql",
            "NAME": NAME,
            "USER": "root",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "TEST": {"CHARSET": "utf8mb4"},
        }

    def statements(self) -> list[str]:
        """Every statement that clients sent so far, as the server logged it, oldest first."""
        mark = " Query\t"
        lines = self.log.read_text(errors="replace").splitlines()
        return [line.split(mark, 1)[1] for line in lines if mark in line]

    def operations(self) -> Counter[str]:
        """How many statements came by Django's cursors so far, by their first words.

        Left out is what is sent past them: PyMySQL makes statements of what is called as functions, which are
        set_autocommit() and, in the time of the connect, the connection's character set.
        """
        past = ("SET AUTOCOMMIT", "SET NAMES")
        return Counter(text.split()[0] for text in self.statements() if not text.startswith(past))


def use_pymysql() -> None:
    """Let PyMySQL stand in for mysqlclient, which would have to be compiled."""
    import pymysql

    pymysql.version_info = MYSQLCLIENT_VERSION
    pymysql.install_as_MySQLdb()


@contextmanager
def running() -> Iterator[MariaDB]:
    install, server = process.binary("mariadb-install-db"), process.binary("mariadbd")
    port = process.free_port()
    user = USER if process.is_root() else None
    with process.folder(owner=USER) as home:
        data, log = home / "data", home / "general.log"
        process.run(
            [
                *(install, "--no-defaults", f"--datadir={data}", f"--tmpdir={home}"),
                *("--auth-root-authentication-method=normal", "--skip-test-db"),
            ],
            cwd=home,
            user=user,
        )
        (setup := home / "setup.sql").write_text(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4;\n")
        setup.chmod(0o644)
        command = [
            *(server, "--no-defaults", f"--datadir={data}", f"--tmpdir={home}", f"--socket={home / 's'}"),
            *(f"--pid-file={home / 'pid'}", f"--port={port}", "--bind-address=127.0.0.1"),
            *(f"--init-file={setup}", "--general-log", f"--general-log-file={log}"),
        ]
        with process.running(command, ready=lambda: process.accepts(port), cwd=home, user=user):
            yield MariaDB(port, log)
