"""What a finished record adds besides its operations; the series of records of one kind are found once."""

from bisect import bisect_left
from collections.abc import Callable

from ... import catalogue as c
from ...catalogue import Metric
from ...errors import error_name
from ...record import PHASES, Record
from .regions import Words
from .store import Series

Claim = Callable[[Metric, tuple[str, ...]], Series]
Place = tuple[tuple[int, ...], int, int, str]
"""A histogram's bounds, where its buckets and its sum are, and its metric's name if it is the overflow series."""

_MOST = 1 << 56
"""Where sums end that a client could drive up: so far below a word's end that all workers' together fit one."""


def place(metric: Metric, series: Series) -> Place:
    """Where a histogram's figures are."""
    total = series.offset + len(series.bounds) + 1
    return series.bounds, series.offset, total, metric.name if series.overflow else ""


def observe(words: Words, here: Place, amount: int, overflowed: Callable[[str], None]) -> None:
    """Add one observation to a histogram, and tell where it went to the overflow series."""
    bounds, offset, total, full = here
    words[offset + bisect_left(bounds, amount)] += 1
    words[total] += amount
    if full:
        overflowed(full)


class Totals:
    """Adds the totals of records of one view, method, route, status, error and outcome."""

    def __init__(self, record: Record, claim: Claim, overflowed: Callable[[str], None]) -> None:
        view = record.view
        self._claim = claim
        self._full: list[str] = []
        self._overflowed = overflowed
        status = "" if record.status is None else str(record.status)
        # The conventions: without an exception, the status of a server's error.
        error = error_name(record.error) or (status if status >= "500" else "")
        self.series = self._find(c.REQUEST_DURATION, view, record.method, record.route, status, error)
        self._duration = place(c.REQUEST_DURATION, self.series)
        self._cpu = place(c.REQUEST_CPU, self._find(c.REQUEST_CPU, view))
        self._queries = place(c.REQUEST_QUERIES, self._find(c.REQUEST_QUERIES, view))
        self._first_byte = place(c.FIRST_BYTE, self._find(c.FIRST_BYTE, view))
        self._response_size = place(c.RESPONSE_BODY_SIZE, self._find(c.RESPONSE_BODY_SIZE, view))
        self._request_size = place(c.REQUEST_BODY_SIZE, self._find(c.REQUEST_BODY_SIZE, view))
        self._queue = place(c.REQUEST_QUEUE, self._find(c.REQUEST_QUEUE, view))
        self._repeated = self._find(c.REPEATED_QUERIES, view).offset
        self._outcome = self._find(c.OUTCOMES, view, record.outcome).offset
        self._error = None if record.error is None else self._find(c.EXCEPTIONS, view, error).offset
        self._phases = tuple(self._find(c.PHASE_TIME, view, phase).offset for phase in PHASES)

    def _find(self, metric: Metric, *values: str) -> Series:
        series = self._claim(metric, values)
        if series.overflow:
            self._full.append(metric.name)
        return series

    def add(self, words: Words, record: Record) -> None:
        """Add one record; what is None is not known of it and not counted."""
        bounds, offset, total, _ = self._duration
        amount: int | None = record.duration
        words[offset + bisect_left(bounds, record.duration)] += 1
        words[total] += record.duration
        bounds, offset, total, _ = self._cpu
        words[offset + bisect_left(bounds, record.cpu_ns)] += 1
        words[total] += record.cpu_ns
        bounds, offset, total, _ = self._queries
        words[offset + bisect_left(bounds, record.queries)] += 1
        if record.queries:
            words[total] += record.queries
        words[self._outcome] += 1
        if (amount := record.first_byte_ns) is not None:
            bounds, offset, total, _ = self._first_byte
            words[offset + bisect_left(bounds, amount)] += 1
            words[total] += amount
        if (amount := record.response_size) is not None:
            bounds, offset, total, _ = self._response_size
            words[offset + bisect_left(bounds, amount)] += 1
            words[total] += amount
        if (amount := record.request_size) is not None:
            bounds, offset, total, _ = self._request_size
            words[offset + bisect_left(bounds, amount)] += 1
            words[total] = min(words[total] + amount, _MOST)  # a client says how much
        if (amount := record.queue_ns) is not None:
            bounds, offset, total, _ = self._queue
            words[offset + bisect_left(bounds, amount)] += 1
            words[total] = min(words[total] + amount, _MOST)  # a client says how much
        if record.repeated_queries:
            words[self._repeated] += record.repeated_queries
        if self._error is not None:
            words[self._error] += 1
        for offset, ns in zip(self._phases, record.phases.values(), strict=True):
            if ns > 0:
                words[offset] += ns
        for name in self._full:
            self._overflowed(name)
