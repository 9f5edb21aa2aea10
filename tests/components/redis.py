"""A Redis server without persistence."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import process


@dataclass(frozen=True, slots=True)
class Redis:
    port: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def settings(self) -> dict[str, object]:
        """An entry for ``CACHES``."""
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": self.url}


@contextmanager
def running() -> Iterator[Redis]:
    program = process.binary("redis-server")
    port = process.free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with process.folder() as home, process.running(command, ready=lambda: process.accepts(port), cwd=home):
        yield Redis(port)
