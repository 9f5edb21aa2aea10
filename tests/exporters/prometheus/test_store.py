"""One process: counting, ceilings, threads."""

import logging
import threading

import pytest

from djmetrics.exporters.prometheus import OVERFLOW, Store

from .helpers import (
    ACTIVE,
    HITS,
    LATENCY,
    MS,
    SIZE,
    TIME,
    add,
    observations,
    observe,
    page,
    values,
)  # fmt: skip


def test_counts_in_memory(store):
    """Without a folder, what is counted is on the process's own page."""
    observe(store, 200 * MS)
    add(store, HITS, amount=3)
    add(store, TIME, (), amount=1_500 * MS)
    add(store, ACTIVE, ("GET",))

    found = values(store)

    assert found['test_latency_seconds_bucket{error_type="",le="0.1",view="home"}'] == 0
    assert found['test_latency_seconds_bucket{error_type="",le="0.5",view="home"}'] == 1
    assert found['test_latency_seconds_bucket{error_type="",le="+Inf",view="home"}'] == 1
    assert found['test_latency_seconds_count{error_type="",view="home"}'] == 1
    assert found['test_latency_seconds_sum{error_type="",view="home"}'] == 0.2
    assert found['test_hits_total{view="home"}'] == 3
    assert found["test_time_seconds_total"] == 1.5
    assert found['test_active{method="GET"}'] == 1
    assert found["djmetrics_workers"] == 1


def test_series_is_found_again(store):
    """The same label values are the same words; others are others."""
    with store.lock:
        first = store.series(LATENCY, ("home", ""))
        assert store.series(LATENCY, ("home", "")) == first
        assert store.series(LATENCY, ("away", "")).offset != first.offset
    assert first.bounds == (100 * MS, 500 * MS, 1_000 * MS)
    assert not first.overflow


def test_words_of_series_do_not_overlap(store):
    """Each series has all its words for itself."""
    with store.lock:
        taken = [
            word
            for metric, size in ((LATENCY, 5), (SIZE, 5), (HITS, 1))
            for view in "abc"
            for offset in [store.series(metric, (view, "")[: len(metric.labels)]).offset]
            for word in range(offset, offset + size)
        ]
    assert len(taken) == len(set(taken))


def test_wrong_number_of_values(store):
    """A series with a label too few is a mistake of the caller's."""
    with store.lock, pytest.raises(ValueError, match=r"test\.latency has the labels"):
        store.series(LATENCY, ("home",))


def test_unknown_metric():
    """A store counts only the metrics that it was made with."""
    store = Store([HITS])
    with store.lock, pytest.raises(KeyError):
        store.series(LATENCY, ("home", ""))


@pytest.mark.parametrize("wrong, shown", [(-5, 0), (1 << 64, (1 << 64) - 1)])
def test_a_number_that_cannot_be(store, wrong, shown):
    """A word that no shared file could hold is shown as the nearest one, and does not take the page with it."""
    with store.lock:
        store.words[store.series(ACTIVE, ("GET",)).offset] = wrong

    assert f'method="GET"}} {float(shown)}' in page(store)


def test_buckets_of_the_settings(make_store):
    """Buckets by metric name replace the metric's own; infinity is always there and may be named."""
    store = make_store(buckets={"test.latency": [2, float("inf")]})
    observe(store, 1_999 * MS)

    assert 'le="2.0",view="home"} 1.0' in page(store)
    assert page(store).count("test_latency_seconds_bucket{") == 2


def test_buckets_not_ascending(make_store):
    """Bounds out of order are refused when the store is made."""
    with pytest.raises(ValueError, match=r"buckets of test\.latency are not ascending"):
        make_store(buckets={"test.latency": [2.0, 1.0]})


@pytest.mark.parametrize("shared", [False, True])
def test_ceiling(make_store, tmp_path, caplog, shared):
    """Past its ceiling a metric counts in one overflow series, and says so in one line of the log."""
    store = make_store(max_series=3, max_series_by_metric={"test.latency": 2})
    if shared:
        store.attach(tmp_path)
    with caplog.at_level(logging.WARNING, "djmetrics"):
        for view in "abcde":
            add(store, HITS, (view,))
            observe(store, MS, view)

    found = values(store)

    assert found['test_hits_total{view="a"}'] == 1
    assert found[f'test_hits_total{{view="{OVERFLOW}"}}'] == 2
    assert found[f'test_latency_seconds_count{{error_type="{OVERFLOW}",view="{OVERFLOW}"}}'] == 3
    assert found['djmetrics_series{metric="test.hits"}'] == 3
    assert found['djmetrics_series{metric="test.latency"}'] == 2
    assert [record.getMessage() for record in caplog.records] == [
        'test.latency has 2 series; further ones count as "(overflow)". '
        'DJMETRICS["MAX_SERIES"] sets the ceiling.',
        'test.hits has 3 series; further ones count as "(overflow)". DJMETRICS["MAX_SERIES"] sets the ceiling.',
    ]


def test_log_handler_that_counts(make_store):
    """A handler of the site's log that counts something itself does not wait for its own process's lock."""
    store = make_store(max_series=1)

    class Counting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            add(store, TIME, ())

    handler = Counting()
    logging.getLogger("djmetrics").addHandler(handler)
    try:
        add(store, HITS, ("a",))
        add(store, HITS, ("b",))
        found = values(store)
    finally:
        logging.getLogger("djmetrics").removeHandler(handler)
    assert found["test_time_seconds_total"] == 1e-9


def test_overflow_flag(make_store):
    """A caller sees that its series is the overflow series; what was claimed before stays as it is."""
    store = make_store(max_series=1)
    with store.lock:
        assert not store.series(HITS, ("a",)).overflow
        assert store.series(HITS, ("b",)).overflow
        assert not store.series(HITS, ("a",)).overflow
        assert not store.series(TIME, ()).overflow


def test_lone_surrogate(store):
    """A label value that cannot be encoded does not take the page with it."""
    add(store, HITS, ("\udcff",))

    assert 'test_hits_total{view="?"} 1.0' in page(store)


@pytest.mark.parametrize("shared", [False, True])
def test_threads(make_store, tmp_path, shared):
    """Threads that claim and count at the same time lose nothing, while others read the page."""
    store = make_store()
    if shared:
        store.attach(tmp_path)
    start = threading.Barrier(5)

    def count(offset: int) -> None:
        start.wait()
        for number in range(500):
            observe(store, MS, view=f"view-{(number + offset) % 50}")

    def read() -> None:
        start.wait()
        last = 0
        for _ in range(20):
            now = observations(store)
            assert now >= last
            last = now

    errors: list[BaseException] = []

    def guarded(work, *arguments) -> None:
        try:
            work(*arguments)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(count, offset)) for offset in range(4)]
    threads.append(threading.Thread(target=guarded, args=(read,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert observations(store) == 2000
    assert values(store)['djmetrics_series{metric="test.latency"}'] == 50
