"""Workers are killed, recycled and replaced: no counter falls, nothing piles up, the dead leave no gauge behind."""

import contextlib
import os
import re
import signal
import threading
import time

from .client import Caller, Reply, attempt_all, fetch
from .conftest import Truth
from .drivers import Server, descendants
from .page import Page, scrape, scrape_until

REQUESTS = "http_server_request_duration_seconds_count"
CLIENTS = 4
RISING = ("_total", "_count", "_sum", "_bucket")
ACTIVE = "http_server_active_requests"


def patient_scrape(port: int, *, seconds: float = 10.0) -> Page:
    """Scrape although workers die: the one that would have answered may have."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return scrape(port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def in_flight(server: Server, requests: int) -> Page:
    """The page once so many are in flight: one that was answered before may be for a moment longer."""
    return scrape_until(server.port, lambda page: page.value(ACTIVE) == requests, seconds=1)


def kill(server: Server, pid: int, number: signal.Signals = signal.SIGKILL, *, seconds: float = 10.0) -> None:
    """End a worker and wait until it is gone and a request is answered again; recycling may be quicker."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    deadline = time.monotonic() + seconds
    while pid in descendants(server.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    attempt_until_answered(server.port, deadline)


def attempt_until_answered(port: int, deadline: float) -> None:
    """Ask for the smallest view until an answer comes. Raises ``OSError`` after the deadline."""
    while True:
        try:
            fetch(port, "/worker/")
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def falls(earlier: Page, later: Page) -> list[str]:
    """Counters of ours, histograms' parts included, that went down."""
    fallen = []
    for name in {sample for sample, _, _ in earlier.samples}:
        if name.startswith(("http_", "django_", "db_")) and name.endswith(RISING):
            then, now = earlier.all(name), later.all(name)
            fallen += [f"{name}{dict(key)}" for key, value in then.items() if now.get(key, 0.0) < value]
    return fallen


def streaming_pid(caller: Caller) -> int:
    """The worker that streams, as the first chunk begins with it."""
    received = caller.read_until(b"    ")
    return int(re.search(rb"(\d+) +", received.partition(b"\r\n\r\n")[2])[1])


def test_killed_workers_take_nothing_with_them(mortal: Server, truth: Truth) -> None:
    """With ``kill -9`` under load counters only rise, and miss at most what the dead were working on.

    A request is counted when its response is closed: after the client has read it, by as little as the server
    needs. A worker that dies in between has answered and not counted.
    """
    pids = mortal.worker_pids(mortal.configuration.workers)
    first = previous = patient_scrape(mortal.port)
    replies: list[Reply | None] = []
    load = threading.Thread(
        target=lambda: replies.extend(attempt_all(mortal.port, ["/hello/"] * 150, threads=CLIENTS))
    )
    load.start()
    fallen = []
    for pid in pids:
        time.sleep(0.1)
        kill(mortal, pid)
        page = patient_scrape(mortal.port)
        fallen += falls(previous, page)
        previous = page
    load.join()

    answered = sum(reply is not None for reply in replies)
    before = first.value(REQUESTS, view="hello")
    last = scrape_until(
        mortal.port, lambda page: page.value(REQUESTS, view="hello") - before >= answered, seconds=1
    )

    assert fallen + falls(previous, last) == []
    counted = last.value(REQUESTS, view="hello") - before
    truth("requests, workers killed", "requests", counted, answered)
    assert answered - CLIENTS * len(pids) <= counted <= len(replies)
    assert answered > 100


def test_dead_worker_s_gauges_vanish(mortal: Server, truth: Truth) -> None:
    """A request that died with its worker is in flight no more, and the worker is not counted as alive."""
    mortal.worker_pids(mortal.configuration.workers)
    with Caller(mortal.port, "/stream/200/20/") as caller:
        pid = streaming_pid(caller)
        assert in_flight(mortal, 1).value(ACTIVE) == 1
        kill(mortal, pid)
        page = in_flight(mortal, 0)

    assert truth("in flight, worker killed", "requests", page.value(ACTIVE), 0).difference == 0
    assert page.value("djmetrics_workers") <= mortal.configuration.workers
    expected = mortal.configuration.workers
    mortal.worker_pids(expected)
    page = scrape_until(mortal.port, lambda page: page.value("djmetrics_workers") == expected)
    row = truth("workers alive", "processes", page.value("djmetrics_workers"), expected)
    assert row.difference == 0
    assert in_flight(mortal, 0).value(ACTIVE) == 0


def test_files_are_as_many_as_workers(mortal: Server, truth: Truth) -> None:
    """However many workers lived, the folder holds one slot for each that lived at the same time."""
    folder = mortal.worker()[1]
    assert folder is not None
    seen: set[int] = set()
    for _ in range(3):
        for pid in mortal.worker_pids(mortal.configuration.workers):
            seen.add(pid)
            kill(mortal, pid)

    slots = list(folder.glob("slot-*"))

    assert len(seen) >= 3 * mortal.configuration.workers
    truth("worker files", "files", len(slots), mortal.configuration.workers)
    assert len(slots) <= mortal.configuration.workers
