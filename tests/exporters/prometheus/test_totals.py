"""What a finished record adds besides its operations."""

from djmetrics import catalogue
from djmetrics.exporters.prometheus import Store
from djmetrics.exporters.prometheus.totals import Totals, place
from djmetrics.record import PHASES, Record, Subject


def finished(**attributes: object) -> Record:
    record = Record(Subject("request", "request"), "home")
    record.method, record.status, record.start = "GET", 200, 0
    record.end = record.duration = 1_000
    for name, value in attributes.items():
        setattr(record, name, value)
    return record


def test_place():
    """A histogram's sum lies behind its buckets and the one for what is above them all."""
    store = Store(catalogue.metrics())
    with store.lock:
        series = store.series(catalogue.REQUEST_CPU, ("home",))
        bounds, offset, total, full = place(catalogue.REQUEST_CPU, series)
    assert (bounds, offset, total, full) == (
        series.bounds,
        series.offset,
        series.offset + len(bounds) + 1,
        "",
    )
    store.close()


def test_series_are_found_once():
    """Adding a second record of the kind asks for no series."""
    store = Store(catalogue.metrics())
    claims: list[str] = []

    def claim(metric: catalogue.Metric, values: tuple[str, ...]) -> object:
        claims.append(metric.name)
        return store.series(metric, values)

    with store.lock:
        totals = Totals(finished(), claim, claims.append)
        before = len(claims)
        for _ in range(3):
            totals.add(store.words, finished(first_byte_ns=5, response_size=7))
        bounds, offset, total, _ = totals._duration
        assert sum(store.words[offset : offset + len(bounds) + 1]) == 3
        assert store.words[total] == 3_000
    assert len(claims) == before
    store.close()


def test_negative_phases_are_not_counted():
    """A counter never goes down, whatever a record's phases say."""
    store = Store(catalogue.metrics())
    record = finished()
    record._phases = {**dict.fromkeys(PHASES, 0), "view": -5, "other": 1005}
    with store.lock:
        totals = Totals(record, store.series, lambda name: None)
        totals.add(store.words, record)
        view = store.series(catalogue.PHASE_TIME, ("home", "view"))
        other = store.series(catalogue.PHASE_TIME, ("home", "other"))
        assert (store.words[view.offset], store.words[other.offset]) == (0, 1005)
    store.close()
