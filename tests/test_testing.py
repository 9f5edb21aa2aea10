"""The public helpers for tests."""

import pytest

from djmetrics import clock, lanes, layers, patching, recorder, units
from djmetrics.record import Subject
from djmetrics.testing import FakeClock, MemoryExporter, capture, fake_clock, leaks, record

from .trees import SUBJECTS, unit


class Switch:
    active = True


def test_capture():
    """Operations of the kinds that are asked for, in the order of their ends; all kinds without any."""
    with capture("db") as some, capture() as everything:
        with unit():
            view = recorder.begin(SUBJECTS["view"])
            db = recorder.begin(SUBJECTS["db"])
            recorder.end(db)
            recorder.end(view)
        assert some == []

    assert some == [db]
    assert everything == [db, view]


def test_capture_outside():
    """What happened outside requests is there, but not what happened before."""
    recorder.end(recorder.begin(SUBJECTS["view"]))
    with capture() as operations:
        recorder.end(recorder.begin(SUBJECTS["db"]))

    assert [each.subject.kind for each in operations] == ["db"]


def test_record():
    """Records as they were closed; their layers are among the operations."""
    layer = Subject("middleware", "site.Slow")
    with record() as seen, unit() as made:
        layers.timed_layer(lambda request: recorder.end(recorder.begin(SUBJECTS["db"])), layer, Switch())(
            None
        )

    assert seen.records == [made]
    assert [each.subject.kind for each in seen.operations] == ["db", "middleware"]


def test_capture_of_a_failing_block():
    """What the block raises passes."""
    with pytest.raises(LookupError), capture():
        raise LookupError

    assert not [each for each in units._exporters if isinstance(each, MemoryExporter)]


def test_fake_clock():
    """It stands still until it is moved; the real clocks are back after the block."""
    real = clock.now, clock.cpu, clock.unix
    with fake_clock(now=5) as fake:
        assert (clock.now(), clock.now()) == (5, 5)
        before = clock.unix()
        fake.advance(2, cpu=0.5)
        assert (clock.now(), clock.cpu(), clock.unix() - before) == (
            2_000_000_005,
            500_000_000,
            2_000_000_000,
        )
    with pytest.raises(LookupError), fake_clock():
        raise LookupError

    assert (clock.now, clock.cpu, clock.unix) == real


def test_ticking_clock():
    """Each reading may move it."""
    assert [FakeClock(now=0, tick=3).now() for _ in range(2)] == [3, 3]
    ticking = FakeClock(now=0, tick=3)
    assert [ticking.now(), ticking.now()] == [3, 6]


def test_leaks():
    """A patch that is in place, an operation and a thread that works for a record are named."""

    class Owner:
        pass

    before = leaks()
    patches = patching.Patches("a test")
    patches.add(Owner, "new", lambda self: None)
    made = units.open()
    stay = lanes.enter(made)
    found = [leak for leak in leaks() if leak not in before]
    lanes.leave(made, stay)
    patches.restore()
    units.drop(made)
    units.close(made)

    assert len(found) == 3
    assert leaks() == before
