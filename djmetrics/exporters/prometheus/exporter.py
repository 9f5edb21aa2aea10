"""Adds finished records to the store: one lock per record, cached series, integers in nanoseconds."""

import time
from bisect import bisect_left
from collections.abc import Sequence

from ... import catalogue as c
from ... import guard
from ...catalogue import Metric
from ...record import Operation, Record, Subject
from .. import Exporter
from .plans import DESTINATIONS, OTHER_KINDS, Duration, error_name, label_values, whole
from .store import Series, Store
from .totals import Totals

_CACHED_VIEWS = 5_000
_CACHED_PLANS = 5_000

Plan = tuple[Series | None, Duration | None, str]
Key = Subject | tuple[Subject, type[BaseException]]


class PrometheusExporter(Exporter):
    """Feeds ``store`` from records. Safe to call from any thread."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.configuration: object = None
        self._generation = store.generation
        self._plans: dict[str, dict[Key, Plan]] = {}
        self._totals: dict[str, Totals] = {}
        self._series: dict[tuple[str, tuple[str, ...]], Series] = {}

    def opened(self, record: Record) -> None:
        """Count a request in."""
        self._refresh()
        with self.store.lock:
            self._add(c.ACTIVE_REQUESTS, (record.method,), 1)

    def dropped(self, record: Record) -> None:
        """Count a request out that is not to be seen."""
        self._refresh()
        with self.store.lock:
            self._count_out(record)

    def spill(self, record: Record, operations: Sequence[Operation]) -> None:
        """Add operations whose record goes on."""
        self._refresh()
        with self.store.lock:
            self._add_operations(record.view, operations)
            if record.kind != "process":
                self._add(c.OPERATIONS_SPILLED, (), len(operations))
            if guard.pending:
                self._add_failures()

    def export(self, record: Record) -> None:
        """Add a finished record."""
        started = time.perf_counter_ns()
        self._refresh()
        with self.store.lock:
            self._count_out(record)
            view = record.view
            self._add_operations(view, record.operations)
            totals = self._totals.get(view)
            if totals is None:
                if len(self._totals) >= _CACHED_VIEWS:
                    self._totals.clear()
                totals = self._totals[view] = Totals(view, self._claim)
            totals.add(self.store.words, record)
            self._add_request(record)
            if guard.pending:
                self._add_failures()
            self._add(c.EXPORT_TIME, (), time.perf_counter_ns() - started)

    def add(self, metric: Metric, values: tuple[str, ...], amount: int) -> None:
        """Add ``amount`` to a counter, in its recorded unit (nanoseconds, bytes, 1)."""
        self._refresh()
        with self.store.lock:
            self._add(metric, values, amount)

    def _refresh(self) -> None:
        """Forget the places of series when the store moved: into shared files, or in a forked child."""
        store = self.store
        store.refresh_process()
        if store.generation != self._generation:
            with store.lock:
                self._plans, self._totals, self._series = {}, {}, {}
                self._generation = store.generation

    def _claim(self, metric: Metric, values: tuple[str, ...]) -> Series:
        """The series of a label set; an overflow is counted at each observation, in ``_add`` and ``_observe``."""
        return self.store.series(metric, values)

    def _add(self, metric: Metric, values: tuple[str, ...], amount: int) -> None:
        key = (metric.name, values)
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= _CACHED_PLANS:
                self._series.clear()
            series = self._series[key] = self._claim(metric, values)
        words, offset = self.store.words, series.offset
        # A gauge that a takeover set to zero must not wrap around.
        words[offset] = max(0, words[offset] + amount)
        if series.overflow:
            self._overflowed(metric.name)

    def _observe(self, metric: Metric, values: tuple[str, ...], amount: int) -> Series:
        key = (metric.name, values)
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= _CACHED_PLANS:
                self._series.clear()
            series = self._series[key] = self._claim(metric, values)
        words, bounds, offset = self.store.words, series.bounds, series.offset
        words[offset + bisect_left(bounds, amount)] += 1
        words[offset + len(bounds) + 1] += amount
        if series.overflow:
            self._overflowed(metric.name)
        return series

    def _overflowed(self, metric: str) -> None:
        self._add(c.SERIES_OVERFLOWS, (metric,), 1)

    def _add_failures(self) -> None:
        """Show what failed inside djmetrics since the last time."""
        while guard.pending:
            place, times = guard.pending.popitem()
            self._add(c.ERRORS, (place,), times)

    def _count_out(self, record: Record) -> None:
        if record.method:
            self._add(c.ACTIVE_REQUESTS, (record.method,), -1)

    def _add_request(self, record: Record) -> None:
        status = "" if record.status is None else str(record.status)
        error = error_name(record.error)
        if not error and status >= "500":
            error = status  # the conventions: without an exception, the status
        values = (record.view, record.method, record.route, status, error)
        series = self._observe(c.REQUEST_DURATION, values, record.duration)
        if record.trace_id:
            bucket = bisect_left(series.bounds, record.duration)
            at = record.started_at + record.duration
            self.store.exemplar(series, bucket, record.duration, record.trace_id, record.span_id, at)
        if record.error is not None:
            self._add(c.EXCEPTIONS, (record.view, error), 1)
        self._add(c.OUTCOMES, (record.view, record.outcome), 1)

    def _add_operations(self, view: str, operations: Sequence[Operation]) -> None:
        plans = self._plans.get(view)
        if plans is None:
            if len(self._plans) >= _CACHED_VIEWS:
                self._plans.clear()
            plans = self._plans[view] = {}
        words = self.store.words
        for operation in operations:
            error = operation.error
            subject = operation.subject
            key: Key = subject if error is None else (subject, error)
            plan = plans.get(key)
            if plan is None:
                plan = self._plan(plans, key, view, subject, error)
            series, duration, special = plan
            if series is None:
                continue
            ns = operation.end - operation.start if duration is None else duration(operation)
            bounds, offset = series.bounds, series.offset
            words[offset + bisect_left(bounds, ns)] += 1
            words[offset + len(bounds) + 1] += ns
            if special:
                self._special(special, view, operation, series)

    def _plan(
        self, plans: dict[Key, Plan], key: Key, view: str, subject: Subject, error: type[BaseException] | None
    ) -> Plan:
        """Find out once where the operations of a subject go."""
        if len(plans) >= _CACHED_PLANS:
            plans.clear()
        metric, duration = DESTINATIONS.get(subject.kind, OTHER_KINDS)
        plan: Plan
        if metric is None:
            plan = None, None, ""
        else:
            series = self._claim(metric, label_values(metric, view, subject, error))
            special = "overflow" if series.overflow else subject.kind if subject.kind in ("db", "cache") else ""
            plan = series, None if duration is whole else duration, special
        plans[key] = plan
        return plan

    def _special(self, special: str, view: str, operation: Operation, series: Series) -> None:
        """What one histogram does not tell: fetches, keys and bytes, overflows."""
        subject = operation.subject
        if special == "overflow":
            metric = DESTINATIONS.get(subject.kind, OTHER_KINDS).metric
            if metric is not None:
                self._overflowed(metric.name)
            special = subject.kind
        if special == "db":
            if operation.resumed_ns:
                self._observe(c.DB_FETCH, (view, subject.attributes.get("alias", "")), operation.resumed_ns)
        elif special == "cache" and operation.detail is not None:
            self._add_keys(subject, *operation.detail)

    def _add_keys(self, subject: Subject, hits: int, misses: int, size: int) -> None:
        alias, operation = subject.attributes.get("alias", ""), subject.name
        if hits:
            self._add(c.CACHE_KEYS, (alias, operation, "hit"), hits)
        if misses:
            self._add(c.CACHE_KEYS, (alias, operation, "miss"), misses)
        if size:
            self._add(c.CACHE_IO, (alias, operation), size)


