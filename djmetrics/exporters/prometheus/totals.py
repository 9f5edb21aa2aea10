"""A record's totals, for one view: its series are found once."""

from bisect import bisect_left
from collections.abc import Callable

from ... import catalogue as c
from ...catalogue import Metric
from ...record import PHASES, Record
from .store import Series

Claim = Callable[[Metric, tuple[str, ...]], Series]


class Totals:
    """Adds the totals of a view's records to their series."""

    __slots__ = (
        "cpu", "first_byte", "phases", "queries", "queue", "repeated", "request_size", "response_size",
    )  # fmt: skip

    def __init__(self, view: str, claim: Claim) -> None:
        self.cpu = claim(c.REQUEST_CPU, (view,))
        self.first_byte = claim(c.FIRST_BYTE, (view,))
        self.queries = claim(c.REQUEST_QUERIES, (view,))
        self.queue = claim(c.REQUEST_QUEUE, (view,))
        self.request_size = claim(c.REQUEST_BODY_SIZE, (view,))
        self.response_size = claim(c.RESPONSE_BODY_SIZE, (view,))
        self.repeated = claim(c.REPEATED_QUERIES, (view,)).offset
        self.phases = tuple((phase, claim(c.PHASE_TIME, (view, phase)).offset) for phase in PHASES)

    def add(self, words: memoryview, record: Record) -> None:
        """Add one record; what is None is not known of it and not counted."""
        phases = record.phases
        for phase, offset in self.phases:
            words[offset] += phases[phase]
        if record.repeated_queries:
            words[self.repeated] += record.repeated_queries
        for series, amount in (
            (self.cpu, record.cpu_ns),
            (self.queries, record.queries),
            (self.first_byte, record.first_byte_ns),
            (self.response_size, record.response_size),
            (self.request_size, record.request_size),
            (self.queue, record.queue_ns),
        ):
            if amount is not None:
                bounds, offset = series.bounds, series.offset
                words[offset + bisect_left(bounds, amount)] += 1
                words[offset + len(bounds) + 1] += amount
