"""Adds finished records to the store: one lock per record, cached series, integers in nanoseconds."""

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from ... import catalogue as c
from ... import guard, tally
from ...catalogue import Metric
from ...errors import error_name
from ...record import Layer, Operation, Record, Subject
from .. import Exporter
from .annotated import Annotated
from .plans import DESTINATIONS, OTHER_KINDS, Counting, Key, Plan, Route, label_values, make_plan
from .store import Series, Store
from .totals import Place, Totals, observe, place

_CACHED_VIEWS = 5_000
_CACHED_PLANS = 20_000
_LARGE = 100

Constant = tuple[tuple[str, ...], int]
Kind = tuple[str, str, str, int | None, str, str]
LayerPlace = tuple[int, int, int, Place]
"""What the first bucket holds (-1 where there is more to do than to count), where it and the sum are; and the place."""


class PrometheusExporter(Exporter):
    """Feeds ``store`` from records. Safe to call from any thread.

    ``constants`` are gauges that this process does not change, with their label values and what they say.
    Records wait until ``batch`` of them are there, since adding up many in a row is cheaper; whoever reads the
    store calls ``flush`` first. Where other processes read it, ``batch`` must be 1.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.batch = 16
        self.annotations: tuple[str, ...] = ()
        self.constants: Mapping[Metric, Constant] = {}
        self.configuration: object = None
        self._generation = -1  # no place is known yet
        self._pending: list[Record] = []
        self._active: dict[str, int] = {}
        self._time_place = 0
        self._plans: dict[Route, dict[Key, Plan]] = {}
        self._planned = 0
        self._places: dict[str, dict[Subject, LayerPlace]] = {}
        self._totals: dict[Kind, Totals] = {}
        self._annotated = Annotated(self._claim, self._overflowed)
        self._series: dict[tuple[str, tuple[str, ...]], Series] = {}

    def opened(self, record: Record) -> None:
        """Count a request in."""
        if record.kind != "request":
            return
        store = self.store
        with store.lock:
            if store.generation != self._generation:
                self._follow()
            offset = self._active.get(record.method)
            if offset is None:
                offset = self._active[record.method] = self._claim(c.ACTIVE_REQUESTS, (record.method,)).offset
            store.words[offset] += 1

    def dropped(self, record: Record) -> None:
        """Count a request out that is not to be seen."""
        with self._counting():
            self._count_out(record)

    def spill(self, record: Record, operations: Sequence[Operation]) -> None:
        """Add operations whose record goes on."""
        with self._counting():
            self._add_operations((record.view, record.route), operations)
            if record.kind != "process":
                self._add(c.OPERATIONS_SPILLED, (), len(operations))
            if guard.pending or tally.waiting():
                self._add_own()

    def export(self, record: Record) -> None:
        """Add a finished record, now or with the next ones."""
        self._pending.append(record)
        if len(self._pending) >= self.batch or len(record.operations) >= _LARGE or record.spilled:
            self.flush()

    def flush(self) -> None:
        """Add up the records that wait."""
        started = time.perf_counter_ns()
        failure: Exception | None = None
        store = self.store
        with store.lock:  # as in _counting, which takes longer
            if store.generation != self._generation:
                self._follow()
            records, self._pending = self._pending, []
            for record in records:
                try:
                    self._add_record(record)
                except Exception as error:
                    failure = error
            if guard.pending or tally.waiting():
                self._add_own()
            store.words[self._time_place] += time.perf_counter_ns() - started
        if failure is not None:
            # Out of the lock: what a site does with a log line may be recorded.
            raise failure

    def publish(self) -> None:
        """Show what other exporters counted of themselves, and what failed, without waiting for a record."""
        with self._counting():
            self._add_own()

    def hold(self, constants: Mapping[Metric, Constant]) -> None:
        """Show these constants from now on."""
        with self._counting():
            self.constants = constants
            self._follow()

    def forget(self) -> None:
        """Let go of the records that wait: in a forked child they are the parent's."""
        self._pending = []

    def add(self, metric: Metric, values: tuple[str, ...], amount: int) -> None:
        """Add ``amount`` to a counter, in its recorded unit (nanoseconds, bytes, 1)."""
        with self._counting():
            self._add(metric, values, amount)

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Hold the store's lock, with the places of series as they are now."""
        store = self.store
        store.refresh_process()
        with store.lock:
            if store.generation != self._generation:
                self._follow()
            yield

    def _follow(self) -> None:
        """Forget the places of series: the store moved, into shared files or in a forked child."""
        self._plans, self._places, self._totals, self._series, self._active = {}, {}, {}, {}, {}
        self._annotated = Annotated(self._claim, self._overflowed)
        self._generation = self.store.generation
        self._time_place = self._claim(c.EXPORT_TIME, ()).offset
        for metric, (values, amount) in self.constants.items():
            self.store.words[self._claim(metric, values).offset] = amount

    def _add_record(self, record: Record) -> None:
        if record.reason:
            self._add(c.TRACES, ("kept" if record.kept else "dropped", record.reason), 1)
        if record.kind != "request":
            record.root.error = record.error
            self._add_operations((record.view, ""), [record.root, *record.operations])
            return
        self._count_out(record)
        view = record.view
        self._add_layers(view, record.layers)
        self._add_operations((view, record.route), record.operations)
        key = view, record.method, record.route, record.status, error_name(record.error), record.outcome
        totals = self._totals.get(key)
        if totals is None:
            if len(self._totals) >= _CACHED_VIEWS:
                self._totals.clear()
            totals = self._totals[key] = Totals(record, self._claim, self._overflowed)
        totals.add(self.store.words, record)
        if record.trace_id and record.kept:
            bucket = bisect_left(totals.series.bounds, record.duration)
            at = record.started_at + record.duration
            self.store.exemplar(totals.series, bucket, record.duration, record.trace_id, record.span_id, at)
        if self.annotations and (record.annotations or record.flags):
            self._annotated.add(self.store.words, record, self.annotations)

    def _claim(self, metric: Metric, values: tuple[str, ...]) -> Series:
        """The series of a label set; whoever observes into an overflow series counts that."""
        return self.store.series(metric, values)

    def _add(self, metric: Metric, values: tuple[str, ...], amount: int) -> None:
        key = (metric.name, values)
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= _CACHED_PLANS:
                self._series.clear()
            series = self._series[key] = self._claim(metric, values)
        words, offset = self.store.words, series.offset
        total = words[offset] + amount
        # A gauge that a takeover set to zero must not wrap around.
        words[offset] = total if total > 0 else 0
        if series.overflow and metric is not c.SERIES_OVERFLOWS:
            self._overflowed(metric.name)

    def _overflowed(self, metric: str) -> None:
        self._add(c.SERIES_OVERFLOWS, (metric,), 1)

    def _add_own(self) -> None:
        """Show what failed inside djmetrics since the last time, and what exporters counted."""
        while guard.pending:
            place, times = guard.pending.popitem()
            self._add(c.ERRORS, (place,), times)
        for metric, values, amount in tally.take():
            self._add(metric, values, amount)

    def _count_out(self, record: Record) -> None:
        offset = self._active.get(record.method)
        if offset is not None:
            words = self.store.words
            # A worker that took over a slot found its gauges at zero.
            if open_ := words[offset]:
                words[offset] = open_ - 1

    def _add_operations(self, route: Route, operations: Sequence[Operation]) -> None:
        plans = self._plans.get(route)
        if plans is None:
            if len(self._plans) >= _CACHED_VIEWS:
                self._plans.clear()
            plans = self._plans[route] = {}
        words = self.store.words
        for operation in operations:
            error = operation.error
            key: Key = operation.subject if error is None else (operation.subject, error_name(error))
            try:
                low, bounds, offset, total, fetches, keys, add = plans[key]
            except KeyError:
                low, bounds, offset, total, fetches, keys, add = self._plan(plans, key, route, operation)
            if add is not None:
                add(operation)
                continue
            ns = operation.end - operation.start
            # The first bucket without a search: most are that short.
            words[offset if ns <= low else offset + bisect_left(bounds, ns)] += 1
            words[total] += ns
            if fetches is not None and (ns := operation.resumed_ns):
                low, bounds, offset, total = fetches
                words[offset if ns <= low else offset + bisect_left(bounds, ns)] += 1
                words[total] += ns
            elif keys is not None and (detail := operation.detail) is not None:
                keys.add(*detail)

    def _add_layers(self, view: str, layers: Sequence[Layer]) -> None:
        places = self._places.get(view)
        if places is None:
            if len(self._places) >= _CACHED_VIEWS:
                self._places.clear()
            places = self._places[view] = {}
        words = self.store.words
        for subject, _, _, own, _ in layers:
            try:
                low, offset, total, here = places[subject]
            except KeyError:
                low, offset, total, here = places[subject] = self._layer_place(view, subject)
            if own > low or own < 0:  # seldom; below it, what it called ran side by side
                observe(words, here, max(0, own), self._overflowed)
                continue
            words[offset] += 1
            words[total] += own

    def _layer_place(self, view: str, subject: Subject) -> LayerPlace:
        metric = DESTINATIONS.get(subject.kind, OTHER_KINDS).metric or c.OPERATION
        here = place(metric, self._claim(metric, label_values(metric, view, "", subject, None)))
        bounds, offset, total, full = here
        return -1 if full else bounds[0], offset, total, here

    def _plan(self, plans: dict[Key, Plan], key: Key, route: Route, operation: Operation) -> Plan:
        """Find out once where the operations of a subject go."""
        if self._planned >= _CACHED_PLANS:  # over all routes
            self._planned = 0
            self._plans.clear()
            plans.clear()
            self._plans[route] = plans
        self._planned += 1
        counting = Counting(self.store.words, self._claim, self._overflowed)
        plans[key] = plan = make_plan(operation, route, counting)
        return plan
