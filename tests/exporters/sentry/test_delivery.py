"""Delivery is watched, and a Sentry that is dead, slow or full never slows a request."""

import logging
import socket
import threading
import time
from collections import Counter
from typing import Any

import pytest
import sentry_sdk
from prometheus_client import generate_latest
from sentry_sdk.transport import Transport

from djmetrics import runtime
from djmetrics.exporters.sentry import failures
from djmetrics.exporters.sentry.delivery import Delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """How many events ended how, since the last time."""
    counts: Counter[str] = Counter()

    def count(result: str, events: int = 1) -> None:
        counts[result] += events

    def since() -> dict[str, int]:
        sentry_sdk.flush()
        found = dict(+counts)
        counts.clear()
        return found

    monkeypatch.setattr("djmetrics.exporters.sentry.delivery.count", count)
    since.counts = counts  # type: ignore[attr-defined]
    return since


def test_the_metric(site, client, receiver):
    """What became of events is on the metrics page."""
    with site():
        client.get("/fail/1/")
        sentry_sdk.flush()
        page = generate_latest(runtime.page_registry()).decode()
    assert 'djmetrics_exporter_items_total{exporter="sentry",result="sent"}' in page


def test_sent(site, client, receiver, counted):
    """What Sentry took."""
    with site():
        client.get("/fail/1/")
        client.get("/handled/")
        assert counted() == {"sent": 2}


@pytest.mark.parametrize(
    "status, result", [(429, "limited"), (400, "failed"), (503, "failed"), (413, "failed")]
)
def test_refused(site, client, receiver, counted, status, result):
    """What Sentry did not take, and why."""
    receiver.status = status
    with site():
        client.get("/fail/1/")
        assert counted() == {result: 1}


def test_limited(site, client, receiver, counted):
    """Once Sentry asks for less, events stay here for as long as it said."""
    receiver.headers = {"X-Sentry-Rate-Limits": "60:error:organization"}
    with site():
        client.get("/fail/1/")
        assert counted() == {"sent": 1}
        client.get("/fail/1/")
        assert counted() == {"limited": 1}
    assert len(receiver.events) == 1


def test_nobody_there(site, client, counted):
    """A Sentry that does not answer its port."""
    with site(DSN="http://key@127.0.0.1:9/1"):
        client.get("/fail/1/")
        assert counted() == {"failed": 1}


def test_hanging(site, client, receiver, counted):
    """A Sentry that takes a connection and never answers: requests go on, and what finds no room is dropped."""
    receiver.hold = threading.Event()
    with site(SHUTDOWN_TIMEOUT=0.1):
        client.get("/fail/1/")
        started = time.perf_counter()
        for _ in range(120):
            client.get("/fail/1/")
        took = time.perf_counter() - started
        dropped = counted.counts["dropped"]
        stopping = time.perf_counter()
    assert took < 5, "each of them would have waited"
    assert time.perf_counter() - stopping < 1
    assert 18 <= dropped <= 21
    receiver.hold.set()


@pytest.mark.parametrize("hook", ["nothing", "failing"])
def test_the_hook_drops(site, client, receiver, counted, hook):
    """What the scrubbing hook holds back, or fails on, does not leave, and is counted."""
    with site(BEFORE_SEND=f"tests.exporters.sentry.hooks.{hook}"):
        client.get("/fail/1/")
        assert counted() == {"dropped": 1}
    assert receiver.raw == [] or receiver.events == []


class Kept(Transport):
    """A transport of a site's own."""

    def __init__(self) -> None:
        super().__init__(None)
        self.envelopes: list[Any] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.envelopes.append(envelope)


def test_a_transport_of_the_site(counted):
    """Of one that is not the SDK's it is counted what it was given; afterwards it is as it was."""
    transport = Kept()
    before = dict(vars(transport))
    delivery = Delivery(transport)
    envelope = sentry_sdk.envelope.Envelope()
    envelope.add_event({"message": "x"})
    envelope.add_transaction({"type": "transaction"})
    transport.capture_envelope(envelope)
    transport.record_lost_event("before_send", data_category="error")
    transport.record_lost_event("before_send", data_category="transaction")
    assert counted() == {"sent": 1, "dropped": 1}
    delivery.restore()
    delivery.restore()
    assert vars(transport) == before | {"envelopes": [envelope]}


def test_patched_over() -> None:
    """Where another has patched over ours, theirs stays."""
    transport = Kept()
    delivery = Delivery(transport)
    theirs = vars(transport)["capture_envelope"] = lambda envelope: None
    delivery.restore()
    assert transport.capture_envelope is theirs


def test_a_dead_sentry_is_told_of_once(site, client, counted, monkeypatch, caplog):
    """In one line, where urllib3 would warn three times for each event; what others log there passes."""
    monkeypatch.setattr(failures, "_told", threading.Event())
    pool = logging.getLogger("urllib3.connectionpool")
    before = list(pool.filters)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        here = f"port={closed.getsockname()[1]}"
        with site(DSN=f"http://key@127.0.0.1:{closed.getsockname()[1]}/1"):
            for _ in range(2):
                client.get("/fail/1/")
                assert counted() == {"failed": 1}
            pool.warning("%s, but the site's", here)
            assert pool.filters != before
    assert pool.filters == before
    # Threads of earlier tests may still be at it, for clients that are closed.
    said = [each.getMessage() for each in caplog.records if here in each.getMessage()]
    assert len(said) == 2
    assert said[0].startswith("djmetrics cannot send events to Sentry: Retrying")
    assert "key" not in said[0]
    assert said[1] == f"{here}, but the site's"
