"""The prometheus_client collector: one family per metric of a store, summed over all workers' slots."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector as RegistryCollector
from prometheus_client.samples import Sample

from djmetrics import guard
from djmetrics.catalogue import MIGRATIONS_UNAPPLIED, SERIES, WORKERS, Metric

from .naming import family_name, label_name, unit_name
from .samples import Sums, list_samples
from .series import Reading
from .store import Store

Unapplied = Callable[[], Mapping[tuple[str, ...], int]]


def _do_nothing() -> None:
    pass


class Collector(RegistryCollector):
    """Shows a store; ``before`` is called ahead of each reading, to count what still waits.

    ``unapplied`` gives the migrations that each database lacks, by the values of that metric's labels.
    """

    def __init__(
        self, store: Store, before: Callable[[], None] = _do_nothing, unapplied: Unapplied = dict
    ) -> None:
        self._store = store
        self._before = before
        self._unapplied = unapplied

    def describe(self) -> Iterable[Family]:
        """The families without samples, from which a registry learns the names."""
        return [_make_family(metric) for metric in self._store.metrics]

    def collect(self) -> Iterator[Family]:
        """The families that have samples; counters and histograms that nobody observed are left out.

        Should the files be damaged, there are none; the site's own metrics stand on the same page.
        """
        try:
            families = list(self._collect())
        except Exception:
            guard.failed("exporters.prometheus.collect")
            families = []
        yield from families

    def _collect(self) -> Iterator[Family]:
        self._before()
        reading = self._store.read()
        sums = Sums(reading.slots)
        for metric in self._store.metrics:
            family = _make_family(metric)
            family.samples = self._list_samples(metric, family.name, reading, sums)
            if family.samples:
                yield family

    def _list_samples(self, metric: Metric, name: str, reading: Reading, sums: Sums) -> list[Sample]:
        if metric is WORKERS:
            return [Sample(name, {}, sum(slot.alive for slot in reading.slots))]
        if metric is MIGRATIONS_UNAPPLIED:
            return list(_gauges(metric, name, self._unapplied()))
        if metric is SERIES:
            return _count_series(name, reading)
        layout = self._store.layouts[metric.name]
        return list_samples(metric, layout, name, reading.series.get(layout, []), sums)


def _make_family(metric: Metric) -> Family:
    return Family(family_name(metric), metric.help, metric.kind, unit_name(metric))


def _gauges(metric: Metric, name: str, values: Mapping[tuple[str, ...], int]) -> Iterator[Sample]:
    labels = [label_name(label) for label in metric.labels]
    for key, value in values.items():
        yield Sample(name, dict(zip(labels, key, strict=True)), value)


def _count_series(name: str, reading: Reading) -> list[Sample]:
    label = label_name(SERIES.labels[0])
    found = []
    for layout, entries in reading.series.items():
        used = sum(entry.values != layout.reserved for entry in entries)
        if used:
            found.append(Sample(name, {label: layout.metric}, used))
    return found
