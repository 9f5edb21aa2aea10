"""What every test shares: the real components as fixtures, and a watch over what tests leave behind."""

import importlib.util
import os
from collections import Counter
from collections.abc import Callable, Iterator

import hypothesis
import pytest

# A deadline for each example would judge the machine. With CI set, hypothesis tries the same examples each time.
hypothesis.settings.register_profile("djmetrics", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("djmetrics")

# pytest loads readline, which tells the processes started from it, pytest-xdist's among them, how wide a terminal is
# that they do not have.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

pytest_plugins = ["tests.components.fixtures"]


def leak_finder() -> Callable[[], list[str]]:
    """``djmetrics.testing.leaks``: what is installed or open now, one line each."""
    if importlib.util.find_spec("djmetrics.testing") is None:
        return list
    from djmetrics.testing import leaks

    return leaks


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a hook installed, the recorder's context variable set or an operation open."""
    leaks = leak_finder()
    before = leaks()
    yield
    left = [leak for leak in leaks() if leak not in before]
    if left and request.node.get_closest_marker("allow_leaks") is None:
        pytest.fail("this test left behind: " + "; ".join(left), pytrace=False)


@pytest.fixture(autouse=True)
def settings_as_before() -> Iterator[None]:
    """Fail a test that leaves settings overridden, and put them back: the next one's site would be another."""
    from django.conf import settings

    before = settings._wrapped
    yield
    if settings._wrapped is not before:
        settings._wrapped = before
        pytest.fail("this test left settings overridden", pytrace=False)


@pytest.fixture(autouse=True)
def database_left_alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep Django from closing the test database's connection between requests, as its own test client does.

    A test without access to the database would fail at its first request, once another test had opened the connection.
    """
    from django.core.signals import request_finished, request_started
    from django.db import close_old_connections

    signals = [each for each in (request_started, request_finished) if each.disconnect(close_old_connections)]
    yield
    for each in signals:
        each.connect(close_old_connections)


@pytest.fixture(autouse=True)
def as_started_as_before() -> Iterator[None]:
    """Fail a test that leaves djmetrics stopped, and start it again: the next one's requests shall be recorded."""
    from django.apps import apps

    from djmetrics import runtime

    before = runtime.started()
    yield
    if before and apps.ready and not runtime.started():
        runtime.start()
        pytest.fail("this test left djmetrics stopped", pytrace=False)


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own failures are swallowed, as in production, and counted afresh."""
    from djmetrics import guard

    monkeypatch.setattr(guard, "strict", False)
    monkeypatch.setattr(guard, "counts", Counter())
    monkeypatch.setattr(guard, "pending", Counter())
