"""gunicorn's hooks by themselves. Under a real gunicorn: tests/servers."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from djmetrics import folders, gunicorn, gunicorn_check, workers


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A base and an environment of its own for each test."""
    monkeypatch.setattr(folders, "_base", lambda: tmp_path)
    monkeypatch.setattr(folders, "_held", {})
    for name in (workers.ENVIRONMENT, workers.PROMETHEUS_ENVIRONMENT):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    yield tmp_path
    for folder in list(folders._held):
        folders.release(folder)


@pytest.fixture
def server() -> SimpleNamespace:
    """What the hooks use of gunicorn's arbiter."""
    return SimpleNamespace(cfg=SimpleNamespace(uid=os.geteuid(), gid=os.getegid(), env_orig={}))


def chosen() -> Path:
    """The folder that the workers will be told."""
    return Path(os.environ[workers.ENVIRONMENT])


def test_one_line_imports_the_hooks_and_nothing_else() -> None:
    """``import *`` brings only names that gunicorn knows as settings."""
    assert set(gunicorn.__all__) == {
        "child_exit", "on_exit", "on_reload", "on_starting", "post_worker_init", "pre_exec",
    }  # fmt: skip


def test_master_chooses_a_folder_and_removes_it(server: SimpleNamespace) -> None:
    """The folder lives as long as the master."""
    gunicorn.on_starting(server)
    folder = chosen()
    assert folder.is_dir()
    assert folders.is_private(folder)
    gunicorn.on_exit(server)
    assert not folder.exists()


def test_upgraded_master_stays_in_the_folder(server: SimpleNamespace) -> None:
    """The new master of a binary upgrade finds the folder in its environment, and keeps it in use."""
    gunicorn.on_starting(server)
    folder = chosen()
    gunicorn.pre_exec(server)
    assert server.cfg.env_orig == {workers.ENVIRONMENT: str(folder)}

    old = folders._held.pop(folder)
    gunicorn.on_starting(server)  # the new master, with the environment handed on
    assert chosen() == folder
    new = folders._held.pop(folder)
    folders._held[folder] = old
    gunicorn.on_exit(server)  # the old master ends
    assert folder.is_dir()
    folders._held[folder] = new
    gunicorn.on_exit(server)
    assert not folder.exists()


def test_given_folder_is_cleaned_at_start_and_kept(
    server: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In PROMETHEUS_MULTIPROC_DIR our stale files go at the start; the folder and others' files stay."""
    monkeypatch.setenv(workers.PROMETHEUS_ENVIRONMENT, str(tmp_path / "prometheus"))
    ours = tmp_path / "prometheus" / "djmetrics"
    ours.mkdir(parents=True)
    (ours / "slot-000.v1").touch()
    (ours.parent / "counter_1.db").touch()

    gunicorn.on_starting(server)
    assert chosen() == ours
    assert list(ours.iterdir()) == []
    (ours / "slot-000.v1").touch()
    gunicorn.on_exit(server)

    assert (ours / "slot-000.v1").exists()
    assert (ours.parent / "counter_1.db").exists()


def test_reload_with_our_line_new_chooses_a_folder(server: SimpleNamespace) -> None:
    """A line that was added while gunicorn runs works from the next HUP on; a second one changes nothing."""
    gunicorn.on_reload(server)
    folder = chosen()
    gunicorn.on_reload(server)
    assert chosen() == folder


def test_dead_worker_s_gauges_go_in_prometheus_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: SimpleNamespace
) -> None:
    """Where the site uses prometheus_client's multiprocess mode, its live gauges of a dead worker are removed."""
    monkeypatch.setenv(workers.PROMETHEUS_ENVIRONMENT, str(tmp_path))
    for name in ("gauge_liveall_41.db", "gauge_liveall_42.db", "counter_41.db"):
        (tmp_path / name).touch()
    gunicorn.child_exit(server, SimpleNamespace(pid=41))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_41.db", "gauge_liveall_42.db"]


def test_dead_worker_needs_nothing_elsewhere(server: SimpleNamespace) -> None:
    """Without prometheus_client's multiprocess mode there is nothing to do, and nothing fails."""
    gunicorn.child_exit(server, SimpleNamespace(pid=41))


@pytest.mark.parametrize(
    "configured,has_line,expected", [(3, False, 3), (3, True, None), (1, False, None), (None, False, None)]
)
def test_workers_know_that_our_line_is_missing(
    configured: int | None, has_line: bool, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of several workers, whose master has not loaded our module; a process that is none says nothing."""
    worker = SimpleNamespace(cfg=SimpleNamespace(workers=configured)) if configured else None
    monkeypatch.setattr(workers, "gunicorn_worker", lambda: worker)
    if not has_line:
        monkeypatch.delitem(sys.modules, "djmetrics.gunicorn")
    assert gunicorn_check.workers_here() == expected
