"""What exporters count of themselves: added up until it is taken, on whatever thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from djmetrics import catalogue, guard, tally

SENT = ("opentelemetry", "sent")


@pytest.fixture(autouse=True)
def empty():
    """Nothing is counted before or after."""
    tally.reset()
    yield
    tally.reset()


def test_added_up():
    """Each label set is added up by itself; what is taken is gone."""
    tally.add(catalogue.EXPORTED, SENT)
    tally.add(catalogue.EXPORTED, SENT, 4)
    tally.add(catalogue.EXPORTED, ("opentelemetry", "failed"), 2)
    assert tally.waiting()
    assert sorted(each[1:] for each in tally.take()) == [(("opentelemetry", "failed"), 2), (SENT, 5)]
    assert not tally.waiting()
    assert tally.take() == []


def test_threads():
    """Nothing is lost between threads that add and one that takes."""
    with ThreadPoolExecutor(4) as pool:
        added = [
            pool.submit(lambda: [tally.add(catalogue.EXPORTED, SENT) for _ in range(1_000)]) for _ in range(4)
        ]
        taken = 0
        while not all(each.done() for each in added):
            taken += sum(amount for _, _, amount in tally.take())
    assert taken + sum(amount for _, _, amount in tally.take()) == 4_000


def test_reset():
    """In a forked child nothing is counted yet, even where the parent was adding just then."""
    tally.add(catalogue.EXPORTED, SENT)
    tally._lock.acquire()
    tally.reset()
    assert tally.take() == []
    tally.add(catalogue.EXPORTED, SENT)
    assert tally.waiting()


@pytest.mark.usefixtures("lenient")
def test_publishing_that_fails_reaches_no_sender(monkeypatch):
    """It may be called on a thread of an SDK's: the failure is counted, and what was added waits."""

    def publish() -> None:
        raise OSError("made up")

    monkeypatch.setattr(tally, "publish", publish)
    tally.add(catalogue.EXPORTED, ("sentry", "sent"))
    tally.tell()
    assert guard.counts["tally.publish"] == 1
    assert tally.waiting()
    tally.reset()
