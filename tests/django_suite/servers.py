"""Real servers for the parts of Django's suite that need one: without them Django skips those tests."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any

from tests.components import memcached, postgresql, redis
from tests.components.process import Missing

CACHES: dict[str, tuple[str, Callable[[], AbstractContextManager[Any]]]] = {
    "redis": ("redis", redis.running),
    "memcached": ("pymemcache", memcached.running),
}


@contextmanager
def running(database: str = "sqlite") -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Start Redis and memcached where they are installed, and PostgreSQL if it is the ``database``.

    Yields the settings that they stand for, and a line about each cache that is missing. Raises Missing
    when the database is.
    """
    site: dict[str, Any] = {}
    absent = []
    with ExitStack() as stack:
        caches = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
        for name, (client, start) in CACHES.items():
            try:
                if find_spec(client) is None:
                    raise Missing(f"the Python package {client} is not installed")
                caches[name] = stack.enter_context(start()).settings
            except Missing as error:
                absent.append(f"no cache tests with {name}: {error}")
        if len(caches) > 1:
            site["CACHES"] = caches
        if database == "postgresql":
            settings = stack.enter_context(postgresql.running()).settings
            site["DATABASES"] = {"default": settings, "other": {**settings, "NAME": "other"}}
        yield site, absent
