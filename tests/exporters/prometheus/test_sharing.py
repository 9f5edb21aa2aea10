"""Several processes in one folder: sums, ceilings, layouts."""

import logging
import multiprocessing
import os
import random
from pathlib import Path

import pytest

from djmetrics.exporters.prometheus import OVERFLOW, Store

from .helpers import (
    HITS,
    METRICS,
    MS,
    add,
    attached,
    fork,
    join,
    observations,
    observe,
    page,
    values,
)


def count_in_spawned_process(folder: Path, views: list[str]) -> None:
    store = Store(METRICS)
    observe(store, 200 * MS, "before")
    store.attach(folder)
    for view in views:
        observe(store, 200 * MS, view)
    os._exit(0)  # as a worker ends that is not asked


def test_processes_that_share_nothing_else(store, tmp_path):
    """Processes started one by one, which claim the same series at once, add up on every page."""
    store.attach(tmp_path)
    spawn = multiprocessing.get_context("spawn")
    views = [f"view-{number}" for number in range(100)]
    workers = [spawn.Process(target=count_in_spawned_process, args=(tmp_path, views)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0, 0]
    found = values(store)
    assert {
        found[f'test_latency_seconds_count{{error_type="",view="{view}"}}'] for view in [*views, "before"]
    } == {2}
    lines = (tmp_path / "index.v1").read_text().splitlines()
    assert len(lines) == len(set(lines))


def test_simultaneous_claims(tmp_path):
    """Workers that claim in different orders agree on where each series lies."""

    def claim(seed: int) -> None:
        store = attached(tmp_path)
        order = [str(number) for number in range(200)]
        random.Random(seed).shuffle(order)
        for view in order:
            observe(store, int(view) * MS, view)

    children = [fork(lambda seed=seed: claim(seed)) for seed in range(4)]
    assert [join(child) for child in children] == [0, 0, 0, 0]

    store = attached(tmp_path)
    found = values(store)
    store.close()
    for view in range(200):
        assert found[f'test_latency_seconds_count{{error_type="",view="{view}"}}'] == 4
        assert found[f'test_latency_seconds_sum{{error_type="",view="{view}"}}'] == pytest.approx(
            view * 4 / 1000
        )
    assert found['djmetrics_series{metric="test.latency"}'] == 200


def test_ceiling_over_processes(store, tmp_path):
    """The ceiling is on the label sets of all workers together."""

    def claim(first: int) -> None:
        worker = attached(tmp_path, max_series=10)
        for view in range(first, first + 8):
            add(worker, HITS, (str(view),))

    children = [fork(lambda first=first: claim(first)) for first in (0, 100, 200)]
    assert [join(child) for child in children] == [0, 0, 0]
    store.attach(tmp_path)

    found = values(store)
    own = [name for name in found if name.startswith("test_hits_total") and OVERFLOW not in name]
    assert len(own) == found['djmetrics_series{metric="test.hits"}'] == 10
    assert found[f'test_hits_total{{view="{OVERFLOW}"}}'] == 14


def test_series_claimed_by_others_count_as_known(make_store, tmp_path):
    """A worker that comes when the metric is full uses the series that others have claimed."""
    first, second = make_store(max_series=1), make_store(max_series=1)
    first.attach(tmp_path)
    add(first, HITS, ("a",))
    second.attach(tmp_path)

    add(second, HITS, ("a",))

    assert values(first)['test_hits_total{view="a"}'] == 2


def test_changed_buckets(make_store, tmp_path):
    """Workers with other buckets do not mix: each page shows the layout of its own process."""
    old, new = make_store(), make_store(buckets={"test.latency": [2.0]})
    old.attach(tmp_path)
    new.attach(tmp_path)
    observe(old, 200 * MS)
    observe(new, 200 * MS)
    observe(new, 200 * MS)
    add(old, HITS)
    add(new, HITS)

    assert observations(old) == 1
    assert observations(new) == 2
    assert 'le="0.5"' in page(old)
    assert 'le="0.5"' not in page(new)
    assert values(old)['test_hits_total{view="home"}'] == values(new)['test_hits_total{view="home"}'] == 2


def test_larger_ceilings_elsewhere(make_store, tmp_path, caplog):
    """A worker whose files are smaller than the index has become counts in the overflow series."""
    small, large = make_store(max_series=2), make_store(max_series=5000)
    small.attach(tmp_path)
    large.attach(tmp_path)
    for number in range(500):
        observe(large, MS, str(number))

    with caplog.at_level(logging.WARNING, "djmetrics"):
        observe(small, MS, "499")

    assert values(small)[f'test_latency_seconds_count{{error_type="{OVERFLOW}",view="{OVERFLOW}"}}'] == 1
    assert values(large)['test_latency_seconds_count{error_type="",view="499"}'] == 1
    assert "no room for more series of test.latency" in caplog.text
