"""The components as pytest fixtures: started when the first test asks, stopped with the session.

Where a component is missing its tests are skipped with the package's name as the reason; with ``CI=true`` they fail.
"""

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import NoReturn, TypeVar

import pytest

from . import alertmanager as alertmanagers
from . import bugsink as bugsinks
from . import chromium as chromiums
from . import mariadb as mariadbs
from . import memcached as memcacheds
from . import postgresql as postgresqls
from . import prometheus as prometheuses
from . import redis as redises
from .process import Missing, binary

Server = TypeVar("Server")
StartBugsink = Callable[[str], bugsinks.Bugsink]
StartAlertmanager = Callable[[str], alertmanagers.Alertmanager]

# A test that asks for one of these is marked `components`.
FIXTURES = frozenset(
    (
        "alertmanager",
        "bugsink",
        "chromium",
        "mariadb",
        "memcached",
        "postgresql",
        "prometheus",
        "promtool",
        "redis",
        "wrk",
    )
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for a component."""
    for item in items:
        if isinstance(item, pytest.Function) and not FIXTURES.isdisjoint(asked_for(item)):
            item.add_marker(pytest.mark.components)


def asked_for(item: pytest.Function) -> set[str]:
    """The fixtures of a test, and what may be names of some among its parameters, for ``getfixturevalue``."""
    names = set(item.fixturenames)
    if "request" in names and hasattr(item, "callspec"):
        names.update(value for value in item.callspec.params.values() if isinstance(value, str))
    return names


def absent(reason: str) -> NoReturn:
    """Skip the test that asked for something this machine lacks; fail it where nothing may be lacking.

    That is what can be installed, and what a machine has or allows: namespaces, IPv6, being root. There is no package
    for these, and yet CI needs a machine that has them: what is skipped there is tried nowhere, and nobody notices.
    """
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def need(module: str, group: str = "servers") -> None:
    """Make sure that a Python package is installed; most of them speak to a server."""
    if importlib.util.find_spec(module) is None:
        absent(f"the Python package {module} is not installed (dependency group: {group})")


def program(name: str) -> str:
    """The path of a program that a test runs by itself."""
    try:
        return binary(name)
    except Missing as error:
        absent(str(error))


def started(running: Callable[[], AbstractContextManager[Server]]) -> Iterator[Server]:
    """Start a server for the life of a fixture."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running())
        except Missing as error:
            absent(str(error))
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgresqls.PostgreSQL]:
    """A PostgreSQL server; ``settings`` is an entry for DATABASES."""
    need("psycopg")
    yield from started(postgresqls.running)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[mariadbs.MariaDB]:
    """A MariaDB server; ``settings`` is an entry for DATABASES."""
    need("pymysql")
    mariadbs.use_pymysql()
    yield from started(mariadbs.running)


@pytest.fixture(scope="session")
def redis() -> Iterator[redises.Redis]:
    """A Redis server; ``settings`` is an entry for CACHES."""
    need("redis")
    yield from started(redises.running)


@pytest.fixture(scope="session")
def memcached() -> Iterator[memcacheds.Memcached]:
    """A memcached server; ``settings`` is an entry for CACHES."""
    need("pymemcache")
    yield from started(memcacheds.running)


@pytest.fixture(scope="session")
def prometheus() -> Iterator[prometheuses.Prometheus]:
    """A Prometheus server; ``scraping()`` adds a target."""
    yield from started(prometheuses.running)


@pytest.fixture(scope="session")
def chromium() -> Iterator[chromiums.Chromium]:
    """A headless browser; ``page()`` opens a page."""
    need("playwright")
    yield from started(chromiums.running)


@pytest.fixture
def alertmanager() -> Iterator[StartAlertmanager]:
    """A function that starts an Alertmanager for a webhook's address; each test starts its own."""
    with ExitStack() as stack:

        def start(webhook: str) -> alertmanagers.Alertmanager:
            try:
                return stack.enter_context(alertmanagers.running(webhook))
            except Missing as error:
                absent(str(error))

        yield start


@pytest.fixture
def bugsink() -> Iterator[StartBugsink]:
    """A function that starts a Bugsink for a webhook's address."""
    with ExitStack() as stack:

        def start(webhook: str) -> bugsinks.Bugsink:
            try:
                return stack.enter_context(bugsinks.running(webhook))
            except Missing as error:
                absent(str(error))

        yield start


@pytest.fixture(scope="session")
def promtool() -> Callable[..., str]:
    """A function that runs promtool: ``promtool("check", "metrics", stdin=page)``."""
    program("promtool")
    return prometheuses.promtool


@pytest.fixture(scope="session")
def wrk() -> str:
    """The path of the load generator wrk."""
    return program("wrk")
