"""A memcached server."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import process


@dataclass(frozen=True, slots=True)
class Memcached:
    port: int

    @property
    def settings(self) -> dict[str, object]:
        """An entry for ``CACHES``."""
        return {
            "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
            "LOCATION": f"127.0.0.1:{self.port}",
        }


@contextmanager
def running() -> Iterator[Memcached]:
    program = process.binary("memcached")
    port = process.free_port()
    command = [program, "-l", "127.0.0.1", "-p", str(port), "-U", "0"]
    if process.is_root():
        # It refuses to run as root.
        command += ["-u", "nobody"]
    with process.folder() as home, process.running(command, ready=lambda: process.accepts(port), cwd=home):
        yield Memcached(port)
