"""Hooks are tested as in a process of their own: strict, freshly started, with no cache made yet."""

from collections import Counter
from collections.abc import Iterator

import pytest
from django.core.cache import caches

from djmetrics import guard, runtime, units


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Raise our own failures, and leave neither caches nor the patches of their classes behind."""
    monkeypatch.setattr(guard, "strict", True)
    monkeypatch.setattr(guard, "counts", Counter())
    monkeypatch.setattr(guard, "pending", Counter())
    restart()
    yield
    assert in_flight() == 0
    restart()


def restart() -> None:
    """Stop and start again, with no operation waiting and no cache of this thread."""
    runtime.stop()
    for alias in caches.settings:
        if hasattr(caches._connections, alias):
            delattr(caches._connections, alias)
    units.reset()
    runtime.start()


def in_flight() -> float:
    """What the page says of requests that are being served now, of all methods."""
    return sum(
        sample.value
        for family in runtime.page_registry().restricted_registry(["http_server_active_requests"]).collect()
        for sample in family.samples
    )


@pytest.fixture
def stopped() -> None:
    """Plain Django: no hook is installed until the test installs one; records are as long as ever."""
    runtime.stop()
    units.configure((), 5000)
