"""The store: where the Prometheus exporter counts, and what a scrape reads."""

import logging
import os
import sys
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from djmetrics.catalogue import SERIES, WORKERS, Metric

from . import exemplars
from .backing import Backing, Memory, Shared, copy_own, move
from .files import SHARING
from .layout import Entry, Layout, layout_of
from .slots import SlotCopy

COMPUTED = (SERIES, WORKERS)
"""What nobody counts: the collector works it out from the store."""

_NO_EXEMPLARS = -1
_logger = logging.getLogger("djmetrics")


@dataclass(frozen=True, slots=True)
class Series:
    """One claimed label set: where its words begin in ``Store.words``, a histogram's upper bounds in recorded units,
    and whether it is its metric's overflow series. ``exemplars`` is for the store."""

    offset: int
    bounds: tuple[int, ...]
    overflow: bool
    exemplars: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scrape found: the series of each layout of this process, and the slots' words."""

    series: dict[Layout, list[Entry]]
    slots: list[SlotCopy]


class Store:
    """64-bit words to count in: in memory, or after ``attach`` in a folder that all worker processes share.

    Callers hold ``lock`` for a whole record, look at ``generation`` first (when it has changed, ``words`` and every
    ``Series`` are void), and then count by themselves: a histogram has one word per bucket, not cumulative, the last
    for what is above all bounds, and then the sum; counters and gauges have one word. Words are unsigned: to take one
    below zero raises ``ValueError`` and leaves it as it was.
    """

    def __init__(
        self,
        metrics: Iterable[Metric],
        *,
        buckets: Mapping[str, Sequence[float]] = {},
        max_series: int = 2000,
        max_series_by_metric: Mapping[str, int] = {},
    ) -> None:
        """``buckets`` are upper bounds by metric name, in the metric's unit; the ceilings count label sets per metric.

        Raises ``ValueError`` if bounds are not ascending.
        """
        self.metrics = tuple(metrics)
        counted = [metric for metric in self.metrics if metric not in COMPUTED]
        self.layouts = {metric.name: layout_of(metric, buckets.get(metric.name)) for metric in counted}
        self._ceilings = {
            name: max_series_by_metric.get(name, max_series) if layout.labels else 1
            for name, layout in self.layouts.items()
        }
        rooms = [(layout, self._ceilings[name] + 1) for name, layout in self.layouts.items()]
        self._room = (
            sum(layout.words * most for layout, most in rooms),
            sum(layout.exemplar_words * most for layout, most in rooms),
        )
        self.generation = 0
        self._folder: Path | None = None
        self._pid = os.getpid()
        self._locks = {self._pid: threading.Lock()}
        self.lock = self._locks[self._pid]
        self._warned: set[str] = set()
        self._use(self._make_memory())
        _stores.add(self)

    def series(self, metric: Metric, values: tuple[str, ...]) -> Series:
        """Find or claim a label set, one value per label; the lock is held.

        Past the metric's ceiling, or when there is no room, it is the metric's overflow series; each metric says so
        once in the log. Raises ``KeyError`` for a metric that the store was not made with.
        """
        layout = self.layouts[metric.name]
        if len(values) != len(layout.labels):
            raise ValueError(f"{metric.name} has the labels {layout.labels}, not the values {values}")
        # A lone surrogate cannot be written to the page, and one would take the whole page with it.
        values = tuple(value.encode("utf-8", "replace").decode() for value in values)
        entry = self._claim(self._backing, layout, values)
        return Series(
            entry.offset,
            layout.bounds,
            bool(layout.labels) and entry.values == layout.reserved,
            entry.exemplars if layout.exemplars else _NO_EXEMPLARS,
        )

    def exemplar(
        self, series: Series, bucket: int, value: int, trace_id: int, span_id: int, timestamp_ns: int
    ) -> None:
        """Keep a trace beside a bucket, in place of the one before; the lock is held.

        ``value`` is in recorded units, ``timestamp_ns`` since 1970. Metrics without exemplars ignore it.
        """
        if series.exemplars != _NO_EXEMPLARS:
            place = exemplars.place(series.exemplars, bucket)
            found = exemplars.Exemplar(timestamp_ns, value, trace_id, span_id)
            exemplars.write(self._exemplar_words, place, found)

    def attach(self, folder: Path) -> None:
        """Share ``folder`` with other processes: take a slot there, and move what was counted in memory to it.

        Where that is not possible it says so once in the log and stays in memory. Takes the lock.
        """
        self.refresh_process()
        with self.lock:
            if not SHARING:
                self._warn("sharing", "this platform cannot share metrics between processes: each shows its own")
                return
            if isinstance(self._backing, Shared):
                if self._folder == folder:
                    return
                self._backing.close()
                self._use(self._make_memory())
            self._folder = folder
            self._share()

    def refresh_process(self) -> None:
        """Notice a fork: the child begins with no counts, its own slot and a fresh lock. Called without the lock."""
        if self._pid != os.getpid():
            self._start_over(os.getpid())

    def read(self) -> Reading:
        """Copy what all processes have counted. Takes the lock, but not while it reads the slots."""
        self.refresh_process()
        with self.lock:
            self._mend()
            backing = self._backing
            table = backing.table
            series = {
                layout: list(table.series[layout].values())
                for layout in self.layouts.values()
                if layout in table.series
            }
            words, exemplar_words = table.words, table.exemplar_words
            own = copy_own(backing)
        if isinstance(backing, Shared):
            try:
                return Reading(series, backing.copy(words, exemplar_words))
            except OSError as error:
                self._warn("folder", "cannot read the metrics of other workers: %s", error)
        return Reading(series, [own])

    def close(self) -> None:
        """Give the slot back and forget all counts; the store can be used and attached again. Takes the lock."""
        self.refresh_process()
        with self.lock:
            self._folder = None
            self._backing.close()
            self._use(self._make_memory())

    def abandon(self) -> None:
        """Close what a forked child has inherited. It counts again after ``refresh_process``."""
        self._backing.abandon()

    def _make_memory(self) -> Memory:
        memory = Memory(*self._room)
        for layout in self.layouts.values():
            memory.claim(layout, layout.reserved, sys.maxsize)
        return memory

    def _use(self, backing: Backing) -> None:
        self._backing = backing
        self.words = backing.counts.words
        self._exemplar_words = backing.exemplars.words
        self.generation += 1

    def _share(self) -> None:
        """Take a slot of the folder and go on there with what was counted so far."""
        assert self._folder is not None
        try:
            shared = Shared(self._folder, *self._room)
        except OSError as error:
            self._warn("attach", "cannot share metrics in %s, so this process counts alone: %s", self._folder, error)
            return
        try:
            # So that every metric has its overflow series even when there is no room left.
            for layout in self.layouts.values():
                shared.claim(layout, layout.reserved, sys.maxsize)
        except OSError as error:
            shared.close()
            self._warn("attach", "cannot share metrics in %s, so this process counts alone: %s", self._folder, error)
            return
        own = set(self.layouts.values())
        move(self._backing, shared, own, lambda layout, values: self._claim(shared, layout, values))
        self._backing.close()
        self._use(shared)

    def _claim(self, backing: Backing, layout: Layout, values: tuple[str, ...]) -> Entry:
        name, ceiling = layout.metric, self._ceilings[layout.metric]
        try:
            if entry := backing.claim(layout, values, ceiling):
                return entry
            self._warn(
                name,
                '%s has reached %d series; further label values count as "(overflow)". '
                'DJMETRICS["MAX_SERIES"] sets the ceiling.',
                name,
                ceiling,
            )
        except OSError as error:
            self._warn(name, 'no room for further series of %s; they count as "(overflow)": %s', name, error)
        return backing.table.series[layout][layout.reserved]

    def _mend(self) -> None:
        """Bring the index up to date; take a slot if that failed before, or if someone has swept the folder."""
        if self._folder is not None and not (isinstance(self._backing, Shared) and self._backing.is_current()):
            self._share()
        if isinstance(self._backing, Shared):
            try:
                self._backing.read_index()
            except OSError as error:
                self._warn("index", "cannot read the index of series: %s", error)

    def _start_over(self, pid: int) -> None:
        # The inherited lock may be held by a thread that the child does not have. Whichever thread comes here first
        # makes the child's own.
        lock = self._locks.setdefault(pid, threading.Lock())
        with lock:
            if self._pid == pid:
                return
            self._backing.abandon()
            self._warned = set()
            self._use(self._make_memory())
            if self._folder is not None:
                self._share()
            self._locks = {pid: lock}
            self.lock = lock
            self._pid = pid

    def _warn(self, about: str, message: str, *values: object) -> None:
        if about not in self._warned:
            self._warned.add(about)
            _logger.warning(message, *values)


_stores: "weakref.WeakSet[Store]" = weakref.WeakSet()


def _abandon_all() -> None:
    """In a forked child, at once: an inherited descriptor would keep a dead parent's slot taken."""
    for store in list(_stores):
        store.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
