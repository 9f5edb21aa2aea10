"""Our own failures: counted each time, logged once per place, raised only in tests."""

from collections import Counter

import pytest

from djmetrics import guard


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "counts", Counter())
    monkeypatch.setattr(guard, "pending", Counter())


def fail(place: str) -> None:
    try:
        raise LookupError("made up")
    except LookupError:
        guard.failed(place)


def test_counted_and_logged_once(caplog):
    """Each place is logged once, with its traceback."""
    for place in "here", "there", "here", "here":
        fail(place)

    assert guard.counts == guard.pending == {"here": 3, "there": 1}
    assert [each.args for each in caplog.records] == [("here",), ("there",)]
    assert "made up" in caplog.text


def test_strict(monkeypatch, caplog):
    """In tests the exception goes on, and is counted all the same."""
    monkeypatch.setattr(guard, "strict", True)
    with pytest.raises(LookupError, match="made up"):
        fail("here")

    assert guard.counts == {"here": 1}


def test_a_handler_that_fails(monkeypatch):
    """What keeps the log from being written does not reach the site either."""

    def fails(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(guard.logger, "exception", fails)
    monkeypatch.setattr(guard, "strict", False)
    fail("here")
    assert guard.counts == {"here": 1}
