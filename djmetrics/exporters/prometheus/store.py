"""The store: where the Prometheus exporter counts, and what a scrape reads."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from os import getpid
from pathlib import Path

from djmetrics import telling
from djmetrics.catalogue import MIGRATIONS_UNAPPLIED, SERIES, WORKERS, Metric

from . import exemplars
from .backing import Backing, copy_own, move
from .claims import Claims, Warnings
from .files import SHARING
from .forks import abandon_in_children
from .layout import Layout
from .memory import Memory
from .regions import Words
from .series import Reading, Series
from .shared import Shared

__all__ = ["COMPUTED", "Series", "Store"]

COMPUTED = (SERIES, WORKERS, MIGRATIONS_UNAPPLIED)
"""What nobody counts: the collector works it out at the scrape."""


MAX_VALUE = 200
"""Characters of a label value; what is longer is cut."""


class Store:
    """64-bit words to count in: in memory, or after ``attach`` in a folder that all worker processes share.

    Callers call ``refresh_process``, take ``lock`` for a whole record, compare ``generation`` while they hold it
    (when it has changed, ``words`` and every ``Series`` are void), and then count by themselves. A histogram has
    one word per bucket, not cumulative, the last for what is above all bounds, and then the sum; counters and gauges
    have one word. Words are unsigned: nobody takes one below zero.
    """

    words: Words

    def __init__(
        self,
        metrics: Iterable[Metric],
        *,
        buckets: Mapping[str, Sequence[float]] = {},
        max_series: int = 2000,
        max_series_by_metric: Mapping[str, int] = {},
    ) -> None:
        """``buckets`` are upper bounds by metric name, in its unit; the ceilings are label sets per metric.

        Raises ``ValueError`` if bounds are not ascending.
        """
        self.metrics = tuple(metrics)
        counted = [metric for metric in self.metrics if metric not in COMPUTED]
        self._claims = Claims(counted, buckets, max_series, max_series_by_metric)
        self._warnings = Warnings()
        self._folder: Path | None = None
        self._pid = getpid()
        self._locks = {self._pid: threading.Lock()}
        self.lock = self._locks[self._pid]
        self.generation = 0
        self._fresh_in = 0
        self._use(self._make_memory())
        abandon_in_children(self)

    @property
    def layouts(self) -> Mapping[str, Layout]:
        """The layouts of the metrics that are counted, by the metric's name."""
        return self._claims.layouts

    def series(self, metric: Metric, values: tuple[str, ...]) -> Series:
        """Find or claim a label set, one value per label; the lock is held.

        Past the metric's ceiling, or when there is no room, it is the metric's overflow series; one line in the log
        says so. Raises ``KeyError`` for a metric that the store was not made with.
        """
        layout = self.layouts[metric.name]
        if len(values) != len(layout.labels):
            raise ValueError(f"{metric.name} has the labels {layout.labels}, not the values {values}")
        # A lone surrogate cannot be encoded, and would take the whole page with it.
        values = tuple(value[:MAX_VALUE].encode("utf-8", "replace").decode() for value in values)
        entry = self._claims.claim(self._backing, self._warnings, layout, values)
        overflow = bool(layout.labels) and entry.values == layout.reserved
        return Series(entry.offset, layout.bounds, overflow, entry.exemplars if layout.exemplars else None)

    def exemplar(
        self, series: Series, bucket: int, value: int, trace_id: int, span_id: int, timestamp_ns: int
    ) -> None:
        """Keep a trace beside a bucket, in place of the one before; the lock is held.

        ``value`` is in recorded units, ``timestamp_ns`` since 1970. Ignored for metrics without exemplars.
        """
        if series.exemplars is not None:
            place = exemplars.place(series.exemplars, bucket)
            exemplars.write(self._exemplar_words, place, timestamp_ns, value, trace_id, span_id)

    def attach(self, folder: Path) -> None:
        """Share ``folder`` with other processes: take a slot there, and move what was counted in memory to it.

        Where that is not possible it says so once in the log and stays in memory; each scrape tries again. Takes
        the lock.
        """
        self.refresh_process()
        with telling.alone(), self.lock:
            if not SHARING:
                self._warnings.warn("attach", "this platform cannot share metrics: each process has its own")
            elif folder != self._folder:
                if isinstance(self._backing, Shared):
                    self._backing.close()
                    self._use(self._make_memory())
                self._folder = folder
                self._share(folder)
        self._warnings.say()

    def refresh_process(self) -> None:
        """Notice a fork: the child begins with no counts, a slot of its own and a fresh lock.

        Cheap when there was none. The lock is not held, so this also writes to the log what came up while it was.
        """
        if self._pid != getpid():
            self._start_over(getpid())
        if self._warnings.waiting:
            self._warnings.say()

    def read(self) -> Reading:
        """Copy what all processes have counted. Takes the lock, but not while it reads the slots."""
        self.refresh_process()
        try:
            with telling.alone():
                return self._read()
        finally:
            self._warnings.say()

    def close(self) -> None:
        """Give the slot back and forget all counts; the store can be used and attached again. Takes the lock."""
        self.refresh_process()
        with telling.alone(), self.lock:
            self._folder = None
            self._backing.close()
            self._use(self._make_memory())

    def abandon(self) -> None:
        """In a forked child: close what is its parent's, and count in memory until ``refresh_process`` takes a slot."""
        # The parent's lock may have been held, by a thread that the child does not have.
        self.lock = threading.Lock()
        self._locks = {getpid(): self.lock}
        self._backing.abandon()
        self._use(self._make_memory())
        self._fresh_in = getpid()

    def _read(self) -> Reading:
        with self.lock:
            self._bring_up_to_date()
            backing, table = self._backing, self._backing.table
            series = {layout: list(table.series[layout].values()) for layout in self.layouts.values()}
            sizes = table.words, table.exemplar_words
            if not isinstance(backing, Shared):
                return Reading(series, [copy_own(backing, *sizes)])
        try:
            return Reading(series, backing.read_slots(*sizes))
        except OSError as error:
            self._warnings.warn("read", "cannot read the metrics of other processes: %s", error)
            return Reading(series, [copy_own(backing, *sizes)])

    def _make_memory(self) -> Memory:
        memory = Memory(self._claims.exemplar_words)
        self._claims.reserve(memory)
        return memory

    def _use(self, backing: Backing) -> None:
        self._backing = backing
        self.words = backing.counts.words
        self._exemplar_words = backing.exemplars.words
        self.generation += 1

    def _share(self, folder: Path) -> None:
        """Take a slot in the folder and go on there with what was counted so far."""
        try:
            shared = Shared(folder, self._claims.words, self._claims.exemplar_words)
            try:
                self._claims.reserve(shared)
            except OSError:
                shared.close()
                raise
        except OSError as error:
            message = "cannot share metrics in %s, so this process shows and counts its own: %s"
            self._warnings.warn("attach", message, folder, error)
            return
        layouts = set(self.layouts.values())
        move(self._backing, shared, layouts, partial(self._claims.claim, shared, self._warnings))
        self._backing.close()
        self._use(shared)

    def _bring_up_to_date(self) -> None:
        """Read the index; take a slot if that failed before, or if someone has removed the files."""
        if self._claims.failed:
            # There may be room again: let the callers ask for their series once more.
            self._claims.failed = False
            self.generation += 1
        backing = self._backing
        if self._folder is not None and not (isinstance(backing, Shared) and backing.is_current()):
            self._share(self._folder)
        if isinstance(self._backing, Shared):
            try:
                self._backing.read_index()
            except OSError as error:
                self._warnings.warn("read", "cannot read the metrics of other processes: %s", error)

    def _start_over(self, pid: int) -> None:
        # The lock may be held by a thread that the child does not have, so it gets its own from whichever thread
        # comes here first.
        lock = self._locks.setdefault(pid, threading.Lock())
        with lock:
            if self._pid == pid:
                return
            if self._fresh_in != pid:  # a fork that went unseen, as uWSGI's does
                self._backing.abandon()
                self._use(self._make_memory())
            self._warnings = Warnings()
            if self._folder is not None:
                self._share(self._folder)
            self._locks = {pid: lock}
            self.lock = lock
            self._pid = pid
