"""Workers killed at any instruction: nothing that was finished is lost, and nothing is corrupt."""

import itertools
import json
import mmap
import os
import random
import time
from pathlib import Path

import pytest

from djmetrics.exporters.prometheus import Store
from djmetrics.exporters.prometheus.index import Index

from .helpers import HITS, LATENCY, METRICS, MS, add, fork, join, observations, observe, slot_files, values

KILLS = 200
TOGETHER = 3


def work(folder: Path, finished: memoryview, seed: int) -> None:
    """Attach, claim, count, detach, for ever; one word is added to per finished observation."""
    chance = random.Random(seed)
    while True:
        store = Store(METRICS)
        observe(store, MS, "moved")
        store.attach(folder)
        finished[0] += 1
        for _ in range(chance.randrange(1, 40)):
            observe(
                store,
                MS,
                f"view-{chance.randrange(3000)}",
                trace_id=chance.randrange(1, 2**128),
                at=time.time_ns(),
            )
            finished[0] += 1
        store.close()


@pytest.mark.slow
def test_killed_workers(make_store, tmp_path):
    """200 workers are killed at random moments while they attach, claim, count and write exemplars.

    Each total is at least what the workers had finished, and at most one more per kill; no counter falls; the index
    has each series once; the number of slots is that of workers alive together.
    """
    chance = random.Random(4)
    reader = make_store()
    reader.attach(tmp_path)
    words = [memoryview(mmap.mmap(-1, 8)).cast("Q") for _ in range(TOGETHER)]
    seeds = itertools.count()
    start = lambda number: fork(lambda: work(tmp_path, words[number], next(seeds)))  # noqa: E731
    alive = [start(number) for number in range(TOGETHER)]
    next(seeds)
    last = 0
    try:
        for kill in range(KILLS):
            time.sleep(chance.uniform(0, 0.02))
            victim = chance.randrange(TOGETHER)
            os.kill(alive[victim], 9)
            assert join(alive[victim]) == -9
            next(seeds)
            alive[victim] = start(victim)
            if kill % 10 == 0:
                finished = sum(word[0] for word in words)
                total = observations(reader)
                assert total >= max(last, finished)
                last = total
    finally:
        for child in alive:
            os.kill(child, 9)
            join(child)

    finished = sum(word[0] for word in words)
    assert finished > 1000, "the workers got somewhere"
    assert finished <= observations(reader) <= finished + KILLS + TOGETHER
    check_index(tmp_path)
    assert len(slot_files(tmp_path)) == TOGETHER + 1
    assert values(reader)["djmetrics_workers"] == 1


def check_index(folder: Path) -> None:
    """Every whole line is a line of the index, no series is there twice, and no two share words."""
    index = Index(folder)
    index.read()
    index.close()
    lines = (folder / "index.v1").read_bytes().split(b"\n")[:-1]
    assert len(lines) == len(set(lines))
    assert all(json.loads(line) for line in lines)
    taken = sorted(
        (entry.offset, layout.words)
        for layout, entries in index.table.series.items()
        for entry in entries.values()
    )
    assert len(taken) > 100
    assert all(offset + size == following for (offset, size), (following, _) in itertools.pairwise(taken))


def test_killed_inside_the_append(make_store, tmp_path):
    """Whatever part of its line a killed writer got into the index, the others go on."""
    store = make_store()
    store.attach(tmp_path)
    index = tmp_path / "index.v1"
    before = index.read_bytes()
    add(store, HITS, ("a",))
    line = index.read_bytes()[len(before) :]
    store.close()

    for end in range(len(line) + 1):
        index.write_bytes(before + line[:end])
        other = make_store()
        other.attach(tmp_path)
        add(other, HITS, ("a",))
        add(other, HITS, (f"b{end}",))
        assert values(other)[f'test_hits_total{{view="b{end}"}}'] >= 1
        other.close()
        check = Index(tmp_path)
        check.read()
        check.close()
        assert {("a",), (f"b{end}",)} <= check.table.series[store.layouts["test.hits"]].keys()
        index.write_bytes(before)


def test_index_cut_at_any_byte_while_new(make_store, tmp_path):
    """A worker killed while it was making the index leaves nothing that stops the next one."""
    store = make_store()
    store.attach(tmp_path)
    store.close()
    index = tmp_path / "index.v1"
    whole = index.read_bytes()
    for end in range(0, len(whole), 7):
        index.write_bytes(whole[:end])
        other = make_store()
        other.attach(tmp_path)
        with other.lock:
            assert not other.series(LATENCY, ("a", "")).overflow
        assert len(other.read().slots) == 1
        other.close()
