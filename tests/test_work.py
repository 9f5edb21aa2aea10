"""Units of work besides requests."""

import pytest

from djmetrics import guard, units, work
from djmetrics.testing import record


def test_subjects_are_bounded(monkeypatch):
    """However many names there are."""
    monkeypatch.setattr(work, "_CEILING", 3)
    for number in range(10):
        work.end(work.begin("task", f"t{number}"))
    assert len(work._subjects) <= 3


@pytest.mark.usefixtures("lenient")
def test_what_fails_here_stops_no_work(monkeypatch):
    """Not to begin, and not to end."""

    def fail(*args: object) -> None:
        raise OSError("made up")

    with monkeypatch.context() as patched:
        patched.setattr(units, "open", fail)
        assert work.begin("task", "a") is None
        work.failed(None, LookupError())
        work.end(None)
    running = work.begin("task", "a")
    with monkeypatch.context() as patched:
        patched.setattr(units, "close", fail)
        work.end(running)
    assert guard.counts["task.begin"] == guard.counts["work.end"] == 1
    assert running is not None
    assert running.record is not None
    units.close(running.record)


def test_nested_one_of_another_kind():
    """A task in a command is an operation of the command."""
    with record() as seen:
        outer = work.begin("command", "c")
        inner = work.begin("task", "t")
        work.end(inner)
        work.end(outer)

    (done,) = seen.records
    assert [each.subject.kind for each in done.operations] == ["task"]
