"""Units of work: opened, counted in part, closed once, and given to every exporter."""

import gc
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from djmetrics import guard, recorder, semconv, units
from djmetrics.exporters import Exporter
from djmetrics.record import Operation, Record, Subject
from djmetrics.testing import fake_clock, record

from .trees import SUBJECTS, unit


class Noting(Exporter):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, Record]] = []

    def opened(self, record: Record) -> None:
        self.notes.append(("opened", record))

    def spill(self, record: Record, operations: Sequence[Operation]) -> None:
        self.notes.append(("spill", record))

    def export(self, record: Record) -> None:
        self.notes.append(("export", record))

    def dropped(self, record: Record) -> None:
        self.notes.append(("dropped", record))

    def of(self, record: Record) -> list[str]:
        return [note for note, about in self.notes if about is record]


def test_life():
    """A record is announced, exported, and closed for good."""
    noting = Noting()
    with units.also(noting), fake_clock() as clock:
        made = units.open()
        assert (made.started_at, made.start) == (clock.since_1970, clock.wall)
        units.announce(made)
        clock.advance(2, cpu=1)
        units.first_byte(made)
        clock.advance(1)
        units.close(made)
        clock.advance(5)
        units.close(made)

    assert noting.of(made) == ["opened", "export"]
    assert (made.duration, made.first_byte_ns, made.end - made.start) == (
        3_000_000_000,
        2_000_000_000,
        3_000_000_000,
    )
    assert made.root.record is None


def test_drop():
    """A record that is left out is said to be so at once, and only once."""
    noting = Noting()
    with units.also(noting):
        made = units.open()
        units.announce(made)
        units.drop(made)
        assert noting.of(made) == ["opened", "dropped"]
        units.drop(made)
        units.close(made)

    assert noting.of(made) == ["opened", "dropped"]


def test_excluded_view(monkeypatch):
    """So is one whose view the settings name."""
    monkeypatch.setattr(units, "_excluded", frozenset({"health"}))
    noting = Noting()
    with units.also(noting):
        made = units.open(view="health")
        units.close(made)

    assert noting.of(made) == ["dropped"]


def test_also_is_undone():
    """The exporter is gone after the block, whatever happened, and the others are still there."""
    before = units._exporters
    with units.also(Noting()):
        assert len(units._exporters) == len(before) + 1
    assert units._exporters == before
    with pytest.raises(LookupError), units.also(Noting()):
        raise LookupError

    assert units._exporters == before


def test_single():
    """An operation without duration, for what goes on after it."""
    with fake_clock(), unit() as made:
        operation = units.single(SUBJECTS["view"], made)

    assert made.operations == [operation]
    assert (operation.duration, operation.parent) == (0, made.root)


def test_outside_is_one_object():
    """The parent of all outside any request is the same before and after a reset; what it held is gone."""
    outside = units.outside
    recorder.end(recorder.begin(SUBJECTS["db"]))
    first = outside.record
    units.reset()

    assert units.outside is outside
    assert outside.record is not first
    assert (outside.operations, outside.children_ns) == ([], 0)
    assert (outside.record.kind, outside.record.view) == ("process", semconv.OUTSIDE)


def test_flush():
    """What happened outside any request is counted when somebody asks."""
    units.flush()
    noting = Noting()
    with units.also(noting):
        units.flush()
        assert noting.notes == []
        recorder.end(recorder.begin(SUBJECTS["db"]))
        units.flush()
        units.flush()

    assert noting.notes == [("spill", units.outside.record)]


def test_outside_is_bounded(monkeypatch):
    """What happens outside is counted in part when it is much."""
    units.flush()
    monkeypatch.setattr(units.outside, "limit", 10)
    with record() as seen:
        for _ in range(35):
            recorder.end_leaf(recorder.begin_leaf(SUBJECTS["db"]))
        assert len(units.outside.operations) == 5
        assert len(seen.operations) == 30


def test_outside_holds_a_hundred():
    """Work outside any request is counted by the hundred, whatever the limit of a request's record."""
    units.flush()
    with record() as seen:
        for _ in range(units.OUTSIDE_LIMIT - 1):
            recorder.end_leaf(recorder.begin_leaf(SUBJECTS["db"]))
        assert (len(units.outside.operations), len(seen.operations)) == (99, 0)
        recorder.end_leaf(recorder.begin_leaf(SUBJECTS["db"]))
        assert (len(units.outside.operations), len(seen.operations)) == (0, 100)
        with unit() as made:
            for _ in range(2 * units.OUTSIDE_LIMIT):
                recorder.end_leaf(recorder.begin_leaf(SUBJECTS["db"]))
            assert (made.spilled, made.root.limit) == (0, Record.limit)
    units.reset()

    assert units.outside.limit == units.OUTSIDE_LIMIT


@pytest.mark.parametrize("shared", [False, True])
def test_shared_outside_goes_with_the_next_record(shared, monkeypatch):
    """Where others show what we count, what waits outside is counted with each record that closes, and only there."""
    units.flush()
    monkeypatch.setattr(units, "shared", shared)
    noting = Noting()
    with units.also(noting):
        recorder.end(recorder.begin(SUBJECTS["db"]))
        made = units.open()
        assert noting.notes == []
        units.close(made)
        told = [("export", made)] + [("spill", units.outside.record)] * shared
        assert noting.notes == told
        units.close(units.open())
        assert [note for note, _ in noting.notes] == ["export", *["spill"] * shared, "export"]
        assert len(units.outside.operations) == (not shared)


def test_shared_outside_goes_with_a_record_that_is_left_out(monkeypatch):
    """A view that is in no data takes along what waits outside, too."""
    units.flush()
    monkeypatch.setattr(units, "shared", True)
    noting = Noting()
    with units.also(noting):
        recorder.end(recorder.begin(SUBJECTS["db"]))
        made = units.open()
        units.drop(made)
        units.close(made)

    assert noting.notes == [("dropped", made), ("spill", units.outside.record)]


def test_spill_of_many_threads(monkeypatch):
    """Threads that work outside at once lose nothing and count nothing twice."""
    units.flush()
    monkeypatch.setattr(units.outside, "limit", 7)
    with record() as seen:

        def work() -> None:
            for _ in range(500):
                recorder.end_leaf(recorder.begin_leaf(SUBJECTS["db"]))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(seen.operations) == len(set(map(id, seen.operations))) == 2000


def test_spill_of_nothing():
    """There may be nothing to spill: two threads came at once, or the record is closed."""
    noting = Noting()
    with units.also(noting), unit() as made:
        units.spill(made.root)
        recorder.end(recorder.begin(SUBJECTS["db"]))
        operations = made.root.operations
    units.spill(made.root)

    assert noting.of(made) == ["export"]
    assert len(operations) == 1


def test_abandoned_records():
    """They are closed at the next chance: by a flush, or with another record."""
    noting = Noting()
    with units.also(noting):
        first, second, third = units.open(), units.open(), units.open()
        units.abandon(first)
        assert noting.notes == []
        units.flush()
        assert noting.of(first) == ["export"]
        units.abandon(second)
        units.close(third)

    assert [noting.of(each) for each in (second, third)] == [["export"]] * 2


@pytest.mark.parametrize("method", ["opened", "spill", "export", "dropped"])
def test_failing_exporter(method, monkeypatch, caplog):
    """Whatever it fails at: counted, logged once, and the next exporter is told all the same."""

    def fail(self: Any, *args: Any) -> None:
        raise OSError

    monkeypatch.setattr(guard, "counts", type(guard.counts)())
    failing, noting = type("Failing", (Exporter,), {method: fail})(), Noting()
    with units.also(failing), units.also(noting):
        for _ in range(2):
            made = units.open()
            units.announce(made)
            recorder.make_current(made.root)
            recorder.end(recorder.begin(SUBJECTS["db"]))
            recorder.make_current(None)
            units.spill(made.root)
            if method == "dropped":
                units.drop(made)
            units.close(made)

    assert noting.of(made) == ["opened", "spill", "dropped" if method == "dropped" else "export"]
    assert guard.counts[f"exporter Failing.{method}"] == 2
    assert len([each for each in caplog.records if each.name == "djmetrics"]) == 1


def test_records_are_let_go():
    """A finished record is kept by nobody."""
    import weakref

    class Own(Subject):
        __slots__ = ("__weakref__",)

    subject = Own("request", "request")
    gone = weakref.ref(subject)
    made = units.open(subject)
    recorder.make_current(made.root)
    recorder.end(recorder.begin(SUBJECTS["db"]))
    recorder.make_current(None)
    made.discarded = True
    units.close(made)
    del made, subject
    gc.collect()

    assert gone() is None
