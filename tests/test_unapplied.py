"""The migrations that databases lack: real databases, some of them down, and never one that waits for the count."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asgiref.local import Local
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.utils import ConnectionHandler
from django.test import override_settings

from djmetrics import runtime, unapplied
from djmetrics.unapplied import Unapplied

from .components.fixtures import need
from .components.process import free_port


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch, unblocked: None) -> Iterator[Callable[..., ConnectionHandler]]:
    """A function that puts these databases in the place of the site's."""

    def put(**settings: Any) -> ConnectionHandler:
        # Django's migrations ask by the alias, in its own one handler.
        monkeypatch.setattr(connections, "settings", ConnectionHandler(settings).settings)
        monkeypatch.setattr(connections, "_connections", Local(connections.thread_critical))
        return connections

    yield put
    connections.close_all()


@pytest.fixture
def unblocked(django_db_blocker: Any) -> Any:
    """These tests bring their own databases."""
    with django_db_blocker.unblock():
        yield


def sqlite(path: Path) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}


def migrate(handler: ConnectionHandler, *app: str) -> None:
    """Apply the migrations of an app, or all, to the default database of these."""
    executor = MigrationExecutor(handler["default"])
    executor.migrate(executor.loader.graph.leaf_nodes(*app))
    handler["default"].close()


def read(counts: Unapplied, seconds: float = 20.0) -> dict[tuple[str, ...], int]:
    """What it tells once its first count is over."""
    deadline = time.monotonic() + seconds
    counts.read()
    while not counts.settled() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert counts.settled()
    return dict(counts.read())


def wanted() -> int:
    """How many migrations the installed apps have."""
    return len(MigrationLoader(None).graph.nodes)


def test_counts_what_is_lacking(databases: Callable[..., ConnectionHandler], tmp_path: Path) -> None:
    """All of them at first, some after one app's, none after all."""
    handler = databases(default=sqlite(tmp_path / "db"))
    assert read(Unapplied()) == {("default",): wanted()}
    migrate(handler, "contenttypes")
    [some] = read(Unapplied()).values()
    assert 0 < some < wanted()
    migrate(handler)
    assert read(Unapplied()) == {("default",): 0}


def test_database_that_is_never_migrated_lacks_nothing(
    databases: Callable[..., ConnectionHandler], tmp_path: Path
) -> None:
    """A second database without a table of migrations belongs to somebody else."""
    databases(default=sqlite(tmp_path / "db"), legacy=sqlite(tmp_path / "legacy"))
    assert set(read(Unapplied())) == {("default",)}


@pytest.mark.components
def test_database_that_is_down_is_no_zero(
    databases: Callable[..., ConnectionHandler], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not told of at all, the others are, and nobody gets a traceback or a warning."""
    need("psycopg")
    down = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "site",
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
    }
    databases(default=down, other=sqlite(tmp_path / "missing" / "db"))
    with caplog.at_level(logging.INFO):
        assert read(Unapplied()) == {}
    assert caplog.records == []


def test_no_page_waits_for_a_database_that_hangs(
    databases: Callable[..., ConnectionHandler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first page waits a moment at most, the next ones not at all, and there is never a second thread."""
    databases(default=sqlite(tmp_path / "db"))
    release = threading.Event()
    begun: list[str] = []

    def hang(alias: str) -> None:
        begun.append(threading.current_thread().name)
        release.wait(20)

    monkeypatch.setattr(unapplied, "_lacking", hang)
    monkeypatch.setattr(unapplied, "PATIENCE", 0.1)
    monkeypatch.setattr(unapplied, "EVERY", 0.0)
    counts = Unapplied()
    try:
        start = time.monotonic()
        assert [counts.read() for _ in range(5)] == [{}] * 5
        assert time.monotonic() - start < 1.5
        assert begun == ["djmetrics-migrations"]
    finally:
        release.set()
        for each in counts._databases.values():
            assert each.thread is not None
            each.thread.join()


def test_one_that_hangs_hides_no_other(
    databases: Callable[..., ConnectionHandler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that does not answer is not told of; the others are, at the first page already."""
    databases(default=sqlite(tmp_path / "db"), legacy=sqlite(tmp_path / "legacy"))
    release, lacking = threading.Event(), unapplied._lacking

    def slow(alias: str) -> int | None:
        return lacking(alias) if alias == "default" else release.wait(20) or None

    monkeypatch.setattr(unapplied, "_lacking", slow)
    counts = Unapplied()
    try:
        assert counts.read() == {("default",): wanted()}
        assert counts.read() == {("default",): wanted()}
    finally:
        release.set()


def test_in_memory(databases: Callable[..., ConnectionHandler]) -> None:
    """Each thread has an in-memory database of its own: of the site's nothing can be told."""
    databases(default=sqlite(Path(":memory:")))
    assert read(Unapplied()) == {}


def test_counted_seldom_and_forgotten_when_old(
    databases: Callable[..., ConnectionHandler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fresh counts are used again; one that is too old is not shown."""
    databases(default=sqlite(tmp_path / "db"))
    calls: list[str] = []
    monkeypatch.setattr(unapplied, "_lacking", lambda alias: calls.append(alias) or 3)
    counts = Unapplied()
    assert read(counts) == {("default",): 3}
    assert [dict(counts.read()) for _ in range(3)] == [{("default",): 3}] * 3
    assert calls == ["default"]
    now = time.monotonic()
    monkeypatch.setattr(unapplied.time, "monotonic", lambda: now + unapplied.STALE + 1)
    monkeypatch.setattr(unapplied, "EVERY", 1e9)
    assert counts.read() == {}


def test_connections_are_its_own_and_closed(
    databases: Callable[..., ConnectionHandler], postgresql: Any
) -> None:
    """The server sees no connection of ours afterwards, and the site's transaction saw nothing."""
    fresh = {**postgresql.settings, "NAME": "counted"}  # other tests migrate their own
    with closing(ConnectionHandler({"default": postgresql.settings})["default"]) as other:
        other.cursor().execute("CREATE DATABASE counted")
    named = {**fresh, "OPTIONS": {"application_name": "djmetrics-count"}, "CONN_MAX_AGE": None}
    handler = databases(default=named)
    site = ConnectionHandler({"default": fresh})["default"]
    site.set_autocommit(False)
    try:
        with site.cursor() as cursor:
            cursor.execute("SELECT 1")
            [count] = read(Unapplied()).values()
            assert count == wanted()
            deadline = time.monotonic() + 5
            left = 1
            while left and time.monotonic() < deadline:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'djmetrics-count'"
                )
                [left] = cursor.fetchone()
                site.rollback()
                time.sleep(0.05)
        assert left == 0
        assert handler.all(initialized_only=True) == [], "this thread has opened none"
    finally:
        site.rollback()
        site.set_autocommit(True)
        site.close()


@pytest.mark.parametrize("on", [True, False])
def test_only_where_the_site_wants_it(
    databases: Callable[..., ConnectionHandler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on: bool
) -> None:
    """The page tells it with MIGRATIONS alone; without it no database is asked."""
    databases(default=sqlite(tmp_path / "db"))
    counts = Unapplied()
    monkeypatch.setattr(runtime, "_unapplied", counts)
    with override_settings(DJMETRICS={"MIGRATIONS": on}):
        if on:
            read(counts)
        page = "\n".join(
            str(sample)
            for family in runtime._collector.collect()
            for sample in family.samples  # type: ignore[union-attr]
        )
    assert ("django_migrations_unapplied" in page) == on
    assert bool(counts._databases) == on
