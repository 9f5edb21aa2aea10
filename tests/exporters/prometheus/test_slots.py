"""Slots: handed on from dead workers to new ones, and read meanwhile."""

import fcntl
import os
import time

import pytest

from djmetrics.catalogue import BUILD_INFO
from djmetrics.exporters.prometheus import files, scan, slots

from .helpers import (
    ACTIVE,
    HITS,
    MS,
    Held,
    add,
    attached,
    fork,
    join,
    observations,
    observe,
    slot_files,
    values,
)


@pytest.mark.slow
def test_recycled_workers(store, tmp_path):
    """After 1,000 workers the files are those of the most that lived at a time, and nothing is lost.

    Meanwhile a reader never sees a counter fall.
    """
    store.attach(tmp_path)
    together = [Held(lambda: observe(attached(tmp_path), MS)) for _ in range(3)]
    for held in together:
        held.kill()
    files = sorted(os.listdir(tmp_path))
    assert slot_files(tmp_path) == [f"slot-00{number}.v1" for number in range(4)]

    last: dict[str, float] = {}
    for number in range(1000):
        join(fork(lambda: observe(store, MS, f"view-{number % 10}")))  # noqa: B023
        if number % 10 == 0:
            now = {
                name: value for name, value in values(store).items() if "_bucket" in name or "_total" in name
            }
            assert all(now[name] >= value for name, value in last.items())
            last = now

    assert observations(store) == 1003
    assert sorted(os.listdir(tmp_path)) == files


def test_reader_does_not_cost_a_slot(store, make_store, tmp_path, monkeypatch):
    """A reader finds out who is alive only while no worker looks for a slot, which it would push to a further one."""
    store.attach(tmp_path)
    make_store().attach(tmp_path)
    tried = []

    def try_lock(file: int) -> bool:
        with (tmp_path / "index.v1").open() as index, pytest.raises(BlockingIOError):
            fcntl.flock(index, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tried.append(file)
        return files.try_lock(file)

    monkeypatch.setattr(scan, "try_lock", try_lock)
    store.read()
    assert len(tried) == 2


def test_fork_while_a_reader_tries_a_slot(store, make_store, tmp_path, monkeypatch):
    """A child forked in the middle of a reading does not keep a dead worker's slot taken."""
    store.attach(tmp_path)
    other = make_store()
    other.attach(tmp_path)
    other.close()
    children = []
    go = os.pipe()

    def try_lock(file: int) -> bool:
        locked = files.try_lock(file)
        children.append(fork(lambda: os.read(go[0], 1)))
        return locked

    monkeypatch.setattr(scan, "try_lock", try_lock)
    try:
        assert values(store)["djmetrics_workers"] == 1
        monkeypatch.undo()
        assert values(store)["djmetrics_workers"] == 1
        other.attach(tmp_path)
        assert slot_files(tmp_path) == ["slot-000.v1", "slot-001.v1"]
    finally:
        os.write(go[1], b".." * len(children))
        for end in go:
            os.close(end)
        assert [join(child) for child in children] == [0, 0]


@pytest.mark.unmeasured
def test_readers_while_workers_come_and_go(store, tmp_path):
    """However often pages are read meanwhile, each new worker gets the free slot."""
    store.attach(tmp_path)

    def read_all_the_time() -> None:
        reader = attached(tmp_path)
        while True:
            reader.read()

    def come_and_go() -> None:
        assert len(attached(tmp_path).read().slots) == 3

    reader = fork(read_all_the_time)
    try:
        deadline = time.monotonic() + 30
        while len(slot_files(tmp_path)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for _ in range(100):
            assert join(fork(come_and_go)) == 0
    finally:
        os.kill(reader, 9)
        join(reader)

    assert slot_files(tmp_path) == ["slot-000.v1", "slot-001.v1", "slot-002.v1"]


def test_words_are_read_whole(store, tmp_path):
    """A reader never sees half of a word that another process is writing."""
    store.attach(tmp_path)
    with store.lock:
        offset = store.series(HITS, ("home",)).offset

    def toggle() -> None:
        worker = attached(tmp_path)
        with worker.lock:
            assert worker.series(HITS, ("home",)).offset == offset
        words = worker.words
        while True:
            words[offset] = 2**64 - 1
            words[offset] = 0

    writer = fork(toggle)
    seen: set[int] = set()
    try:
        deadline = time.monotonic() + 30
        while len(seen) < 2 and time.monotonic() < deadline:
            for _ in range(2000):
                seen |= {memoryview(slot.counts).cast("Q")[offset] for slot in store.read().slots}
    finally:
        os.kill(writer, 9)
        join(writer)
    assert seen == {0, 2**64 - 1}


def test_gauges_of_the_dead_vanish(store, tmp_path):
    """A killed worker's gauges leave the sum at once, its counters stay; its heir begins at zero."""
    store.attach(tmp_path)

    def work() -> None:
        worker = attached(tmp_path)
        add(worker, ACTIVE, ("GET",), 5)
        observe(worker, MS)

    held = Held(work)
    assert values(store)['test_active{method="GET"}'] == 5
    assert values(store)["djmetrics_workers"] == 2

    held.kill()

    assert values(store)['test_active{method="GET"}'] == 0
    assert values(store)["djmetrics_workers"] == 1
    assert observations(store) == 1
    heir = attached(tmp_path)
    assert values(store)['test_active{method="GET"}'] == 0
    assert values(store)["djmetrics_workers"] == 2
    heir.close()


def test_build_info_of_the_dead(store, tmp_path):
    """The build is shown as 1 however many workers have it, and not at all when none has."""
    new, old = ("1", "new", "6", "3"), ("1", "old", "6", "3")
    store.attach(tmp_path)
    add(store, BUILD_INFO, new)

    def work() -> None:
        worker = attached(tmp_path)
        add(worker, BUILD_INFO, old)
        add(worker, BUILD_INFO, new)

    held = Held(work)
    shown = {name: value for name, value in values(store).items() if name.startswith("djmetrics_build_info")}
    assert len(shown) == 2
    assert set(shown.values()) == {1}
    held.kill()
    assert [name for name in values(store) if name.startswith("djmetrics_build_info") and "old" in name] == []


def test_killed_between_two_files(store, tmp_path):
    """A slot whose worker was killed before it had made its second file is read like any other."""
    store.attach(tmp_path)
    other = attached(tmp_path)
    observe(other, MS)
    other.close()
    (tmp_path / "exemplars-001.v1").unlink()

    assert observations(store) == 1


def test_all_slots_taken(store, tmp_path, monkeypatch, caplog):
    """The number of slots has a limit; a worker past it counts alone, and says so."""
    store.attach(tmp_path)
    monkeypatch.setattr(slots, "_MOST", 1)
    other = attached(tmp_path)
    observe(other, MS)

    assert observations(other) == 1
    assert observations(store) == 0
    assert "all 1 worker slots are taken" in caplog.text
    assert slot_files(tmp_path) == ["slot-000.v1"]
    other.close()
