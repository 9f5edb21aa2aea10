"""A gunicorn from start to end: signals, upgrades, folders, the port for metrics."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.components.process import free_port

from .client import fetch, fetch_all
from .configurations import gunicorn
from .drivers import Configuration, Server, descendants, serving
from .page import Page, scrape, scrape_until

REQUESTS = "http_server_request_duration_seconds_count"


def wait_for(wanted: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not wanted() and time.monotonic() < deadline:
        time.sleep(0.05)
    return wanted()


@contextmanager
def running(*options: str, **env: str) -> Iterator[Server]:
    """A gunicorn with our line in its configuration."""
    with serving(Configuration("gunicorn", gunicorn(*options), env=env)) as server:
        yield server


def hellos(page: Page) -> float:
    """How many requests of the plainest view were counted."""
    return page.value(REQUESTS, view="hello")


def counted(server: Server, expected: float) -> float:
    """The count once it is as expected, or the time is over."""
    return hellos(scrape_until(server.port, lambda page: hellos(page) == expected))


def greeted(server: Server, times: int) -> float:
    """Ask for the plainest view so many times; return its count, which must have grown by as much."""
    before = hellos(scrape(server.port))
    fetch_all(server.port, ["/hello/"] * times)
    assert counted(server, before + times) == before + times
    return before + times


def test_folder_lives_as_long_as_the_master() -> None:
    """The folder for the workers' files is chosen at the start and removed at the end."""
    with running() as server:
        _, folder = server.worker()
        assert folder is not None
        assert folder.name.startswith(f"{server.pid}-")
        assert list(folder.glob("slot-*"))
    assert not folder.exists()


def test_reload_keeps_the_counts() -> None:
    """After HUP other workers answer, with the same figures."""
    with running() as server:
        old = server.worker_pids(2)
        before = greeted(server, 10)

        os.kill(server.pid, signal.SIGHUP)

        assert wait_for(lambda: not old & set(descendants(server.pid)))
        assert counted(server, before) == before
        greeted(server, 5)
        folder = server.worker()[1]
        assert folder is not None
        assert len(list(folder.glob("slot-*"))) <= 4  # old and new ones side by side for a moment


def test_more_and_fewer_workers_keep_the_counts() -> None:
    """TTIN adds a worker and its file, TTOU takes the worker away and leaves its counts."""
    with running() as server:
        os.kill(server.pid, signal.SIGTTIN)
        assert len(server.worker_pids(3)) == 3
        before = greeted(server, 12)
        os.kill(server.pid, signal.SIGTTOU)
        assert wait_for(lambda: len(descendants(server.pid)) == 2)
        assert counted(server, before) == before
        assert len(list(server.worker()[1].glob("slot-*"))) == 3  # type: ignore[union-attr]


def test_binary_upgrade_keeps_the_counts() -> None:
    """With USR2 two masters' workers answer with one set of figures; it outlives the old master."""
    with running("--pid", "gunicorn.pid") as server:
        pid_file = server.folder / "gunicorn.pid"
        before = greeted(server, 10)
        _, folder = server.worker()
        assert folder is not None

        os.kill(server.pid, signal.SIGUSR2)
        upgraded = server.folder / "gunicorn.pid.2"
        assert wait_for(upgraded.exists)
        assert wait_for(lambda: bool(descendants(int(upgraded.read_text()))))
        master = int(upgraded.read_text())
        try:
            assert len(server.worker_pids(4)) == 4
            greeted(server, 10)
            assert {counted(server, before + 10) for _ in range(6)} == {before + 10}
            os.kill(server.pid, signal.SIGTERM)
            assert wait_for(lambda: pid_file.exists() and int(pid_file.read_text()) == master)
            assert counted(server, before + 10) == before + 10
            assert folder.exists()
        finally:
            os.kill(master, signal.SIGTERM)
        assert wait_for(lambda: not folder.exists())


def test_given_folder_is_cleaned_of_ours_alone(tmp_path: Path) -> None:
    """In PROMETHEUS_MULTIPROC_DIR stale files of ours go at the start; nothing else does, then or at the end."""
    ours = tmp_path / "djmetrics"
    ours.mkdir()
    (ours / "slot-007.v1").write_bytes(b"of an earlier server")
    (tmp_path / "counter_1.db").touch()
    with running(PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as server:
        assert server.worker()[1] == ours
        assert not (ours / "slot-007.v1").exists()
    assert list(ours.glob("slot-*"))
    assert (tmp_path / "counter_1.db").exists()


def test_own_metrics_are_summed_in_prometheus_s_own_mode(tmp_path: Path) -> None:
    """With PROMETHEUS_MULTIPROC_DIR the site's own counters are totals over all workers, beside ours."""
    with running(PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as server:
        server.worker_pids(2)
        fetch_all(server.port, ["/order/"] * 12)

        pages = [scrape(server.port) for _ in range(4)]

        assert {page.value("site_orders_total") for page in pages} == {12}
        assert {page.value(REQUESTS, view="order") for page in pages} == {12}


@pytest.mark.parametrize(
    "conf,options,times",
    [
        ("gunicorn_without.py", (), 1),
        ("gunicorn_without.py", ("--workers", "1"), 0),
        ("gunicorn_with.py", (), 0),
    ],
    ids=["without", "without-one-worker", "with"],
)
def test_missing_line_is_said_once(conf: str, options: tuple[str, ...], times: int) -> None:
    """Of several workers without our line one says so, and no later one again."""
    with serving(Configuration("gunicorn", gunicorn(*options, conf=conf))) as server:
        old = server.worker_pids(1 if options else 2)
        os.kill(server.pid, signal.SIGHUP)
        assert wait_for(lambda: not old & set(descendants(server.pid)))
        server.worker_pids(1 if options else 2)

        log = (server.folder / "server.log").read_text()
    assert log.count("its configuration does not import djmetrics") == times
    assert log.count("gunicorn runs 2 worker processes") == times


def test_port_for_metrics_opens_before_the_first_request() -> None:
    """METRICS_PORT is served by one worker, at once, and by another one when that dies."""
    port = free_port()
    with running(SITE_METRICS_PORT=str(port)) as server:
        # Not that something accepts: the port was free a moment ago, for the tests beside this one too.
        assert wait_for(lambda: bool(listeners(server, port)))
        (first,) = listeners(server, port)
        os.kill(first, signal.SIGKILL)
        assert wait_for(lambda: bool(listeners(server, port) - {first}))
        server.worker_pids(2)
        fetch(server.port, "/hello/")
        assert scrape_until(port, lambda page: hellos(page) > 0).value("djmetrics_workers") == 2


def listeners(server: Server, port: int) -> set[int]:
    """The server's processes that listen on this port."""
    inodes = {
        fields[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (fields := line.split())[3] == "0A" and int(fields[1].split(":")[1], 16) == port
    }
    return {pid for pid in descendants(server.pid) if inodes & sockets(pid)}


def sockets(pid: int) -> set[str]:
    """The inodes of a process's open sockets; of one that ends meanwhile, none."""
    try:
        links = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return set()
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:")}
