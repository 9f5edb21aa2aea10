"""The arithmetic of histograms, counters and sums, against plain Python."""

import math
import sys
import tempfile
from bisect import bisect_left
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from djmetrics.catalogue import SECONDS, Metric
from djmetrics.exporters.prometheus import Store
from djmetrics.exporters.prometheus.samples import add_up

from .helpers import page

VIEWS = st.sampled_from(["", "a", 'b\\\n"c', "é☃", "(overflow)"])
BOUNDS = st.lists(st.integers(0, 10**11), min_size=1, max_size=20, unique=True).map(sorted)
VALUES = st.integers(0, 2 * 10**11)


@given(
    bounds=BOUNDS, workers=st.lists(st.lists(st.tuples(VIEWS, VALUES), max_size=15), min_size=1, max_size=4)
)
def test_histograms_equal_the_model(bounds, workers):
    """Over any observations in any number of workers, the page is what counting one by one gives."""
    seconds = [bound / 10**9 for bound in bounds]
    metric = Metric("t", "histogram", SECONDS, ("view",), "T.", tuple(seconds))
    stores = [Store([metric]) for _ in workers]
    with tempfile.TemporaryDirectory() as folder:
        try:
            for store, observed in zip(stores, workers, strict=True):
                half = len(observed) // 2
                for number, (view, value) in enumerate(observed):
                    if number == half:
                        store.attach(Path(folder))
                    with store.lock:
                        series = store.series(metric, (view,))
                        store.words[series.offset + bisect_left(series.bounds, value)] += 1
                        store.words[series.offset + len(series.bounds) + 1] += value
                store.attach(Path(folder))
            shown = {}
            for family in text_string_to_metric_families(page(stores[0])):
                for sample in family.samples:
                    key = (sample.name, sample.labels["view"], sample.labels.get("le"))
                    shown[key] = sample.value
        finally:
            for store in stores:
                store.close()

    everything = [pair for observed in workers for pair in observed]
    expected = {}
    for view in {view for view, _ in everything}:
        seen = [value for other, value in everything if other == view]
        for bound, shown_bound in [*zip(bounds, seconds, strict=True), (math.inf, math.inf)]:
            le = next(key[2] for key in shown if key[2] and float(key[2]) == shown_bound)
            expected["t_seconds_bucket", view, le] = sum(value <= bound for value in seen)
        expected["t_seconds_count", view, None] = len(seen)
        expected["t_seconds_sum", view, None] = sum(seen) / 10**9
    assert shown == expected


@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 2**58), min_size=n, max_size=n), max_size=30)
    )
)
def test_add_up(arrays):
    """Adding as long integers is adding word by word."""
    parts = [b"".join(value.to_bytes(8, sys.byteorder) for value in array) for array in arrays]
    native = [memoryview(part).cast("Q") for part in parts]

    assert add_up(parts) == [sum(words) for words in zip(*native, strict=True)]
