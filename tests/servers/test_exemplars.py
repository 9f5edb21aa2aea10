"""Traces on the page: those that a gunicorn's workers were asked with, as OpenMetrics's exemplars."""

import signal
import time
from collections.abc import Callable

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from .client import Reply, fetch
from .configurations import gunicorn
from .drivers import Configuration, Server, serving
from .page import read
from .test_mortality import kill

SPAN = "00f067aa0ba902b7"
BUCKET = "http_server_request_duration_seconds_bucket"
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
VIEWS: dict[str, tuple[str, Callable[[Reply], int]]] = {
    "worker": ("/worker/", lambda reply: reply.json()["pid"]),
    "stream": ("/stream/1/1/", lambda reply: int(reply.body.split()[0])),
}
"""Views that say which process answered. Each has a series of its own, and so an exemplar of its own."""


def ask(server: Server, view: str, number: int) -> int:
    """Ask with a trace of this number, as a sampled ``traceparent``; return which process answered."""
    path, told_by = VIEWS[view]
    return told_by(fetch(server.port, path, headers={"traceparent": f"00-{number:032x}-{SPAN}-01"}))


def ask_until(server: Server, view: str, pid: int, first: int) -> int:
    """Ask with one trace after the other until this process has answered; return the number of its trace."""
    for number in range(first, first + 1000):
        if ask(server, view, number) == pid:
            return number
    raise AssertionError(f"{pid} answers no more")


def traces(server: Server) -> dict[str, set[int]]:
    """The numbers of the traces on the page, by view; whichever worker answers, they are the same."""
    found: dict[str, set[int]] = {}
    for family in text_string_to_metric_families(read(server.port, OPENMETRICS)):
        for sample in family.samples:
            if sample.exemplar is None:
                continue
            assert sample.name == BUCKET
            assert sample.exemplar.labels["span_id"] == SPAN
            assert sample.exemplar.value <= float(sample.labels["le"])
            numbers = found.setdefault(sample.labels["view"], set())
            numbers.add(int(sample.exemplar.labels["trace_id"], 16))
    return found


def has(server: Server, view: str, number: int) -> bool:
    """Whether every worker's page comes to have this trace; a response ends a moment before its record does."""
    deadline = time.monotonic() + 4
    while number not in traces(server).get(view, ()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return all(number in traces(server).get(view, ()) for _ in range(6))


def shown_until(server: Server, view: str, pid: int, first: int) -> int:
    """As ``ask_until``, with a trace that the page shows.

    A bucket shows its newest trace. The record of a worker that is held up after its answer ends late, so that the
    trace before may be the newer one: then it is asked again.
    """
    for attempt in range(5):
        number = ask_until(server, view, pid, first + attempt * 100)
        if has(server, view, number):
            return number
    raise AssertionError(f"no trace of {pid} comes to the page")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "recycled"])
def test_traces_of_every_worker_outlive_it(number: signal.Signals) -> None:
    """The page has the traces that each of two workers was asked with, also once one of them has been replaced.

    SIGTERM ends a worker as gunicorn's ``max_requests`` does. Its heir adds traces of its own to the others.
    """
    with serving(Configuration("gunicorn", gunicorn())) as server:
        one, other = sorted(server.worker_pids(2))
        of_one = shown_until(server, "worker", one, 1_000)
        of_other = shown_until(server, "stream", other, 2_000)
        assert has(server, "worker", of_one)

        kill(server, one, number)
        (heir,) = server.worker_pids(2) - {other}

        assert one != heir
        assert has(server, "worker", of_one)
        assert has(server, "stream", of_other)
        shown_until(server, "worker", heir, 3_000)
        assert has(server, "stream", of_other)
