"""Requests once more, by what was said of them and by their flags."""

import pytest

from djmetrics.catalogue import ANNOTATED_CPU, ANNOTATED_DURATION

from .test_exporter import bench_with

DURATION, CPU = "django_request_annotated_duration_seconds", "django_request_annotated_cpu_time_seconds_total"


@pytest.fixture
def bench():
    with bench_with() as made:
        made.exporter.annotations = ("tier", "flag.basket", "flag.button")
        yield made


def test_by_key_and_value(bench):
    """Each key that the settings name stands by itself, flags under their prefix; others count nowhere."""
    for tier, basket in (("gold", True), ("gold", False), (None, True)):
        with bench.request() as record:
            record.annotations = {"tier": tier, "basket": "said", "other": 1}
            record.flags = {"basket": basket, "tier": "a flag"}
            record.cpu_ns = 1_000_000
            bench.clock.advance(0.25)
    with bench.request() as record:
        record.flags = {"button": "blue"}
        record.cpu_ns = 2_000_000

    def seen(annotation, value):
        labels = {"view": "home", "annotation": annotation, "value": value}
        names = f"{DURATION}_count", f"{DURATION}_sum", CPU
        return tuple(bench.value(name, **labels) for name in names)

    assert seen("tier", "gold") == (2, 0.5, 0.002)
    assert seen("tier", "None") == (1, 0.25, 0.001)
    assert seen("flag.basket", "true") == (2, 0.5, 0.002)
    assert seen("flag.basket", "false") == (1, 0.25, 0.001)
    assert seen("flag.button", "blue") == (1, 0, 0.002)
    labels = bench.labels("django_request_annotated_cpu_time_seconds")
    assert {each["annotation"] for each in labels} == {"tier", "flag.basket", "flag.button"}


def test_values_without_end():
    """Past the ceiling they share a series, and each of them is counted as such."""
    few = {ANNOTATED_DURATION.name: 2, ANNOTATED_CPU.name: 2}
    with bench_with(max_series_by_metric=few) as bench:
        bench.exporter.annotations = ("flag.id",)
        for number in range(5):
            with bench.request() as record:
                record.flags = {"id": number}
        shared = {"view": "(overflow)", "annotation": "(overflow)", "value": "(overflow)"}
        assert bench.value(f"{DURATION}_count", **shared) == 3
        assert bench.value("djmetrics_series_overflows_total", metric=ANNOTATED_DURATION.name) == 3
        assert bench.value("djmetrics_series_overflows_total", metric=ANNOTATED_CPU.name) == 3
