"""Which traces are kept, decided when it is known how the work went.

Failed and slow records are always kept; of the others those that were chosen at their start.
"""

from collections.abc import Callable

from .record import Record

Decide = Callable[[Record], None]

ERROR = "error"
SLOW = "slow"
SAMPLED = "sampled"
UNSAMPLED = "unsampled"

REASONS = {
    ERROR: "The request failed: an exception, a status from 500 on, or a response that broke off.",
    SLOW: "It took longer than the threshold, or than 99 in 100 requests of its view.",
    SAMPLED: "It was chosen at its start, by the sampler or by whoever sent the request.",
    UNSAMPLED: "None of these: the trace is not kept.",
}
"""Why a trace is kept or not: the values of the attribute and of the metric's label."""

_VIEWS = 2_000
_ENOUGH = 200
_MOST = 20_000
_SHARE = 100  # one in so many is slow
_REFRESH = 50


class Slowest:
    """Knows of one view how long its slowest hundredth takes.

    Durations are counted in buckets an eighth of their lower bound wide, so that the answer is at most that much too
    high. The counts are halved from time to time: what was slow last week may be normal today.
    """

    __slots__ = ("_counts", "_next", "_total", "threshold")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._total = 0
        self._next = _ENOUGH
        self.threshold: int | None = None
        """Nanoseconds; None until enough is known."""

    def add(self, ns: int) -> None:
        """One more duration."""
        bits = max(ns.bit_length() - 4, 0)
        bucket = (bits << 4) | (ns >> bits)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self._total += 1
        if self._total >= self._next:
            self._refresh()

    def _refresh(self) -> None:
        if self._total >= _MOST:
            self._counts = {
                bucket: half for bucket, count in list(self._counts.items()) if (half := count // 2)
            }
            self._total = sum(self._counts.values())
        self._next = self._total + _REFRESH
        allowed = self._total // _SHARE
        counts = self._counts  # another thread may halve them meanwhile
        for bucket in sorted(counts, reverse=True):
            allowed -= counts[bucket]
            if allowed < 0:
                bits, digits = bucket >> 4, bucket & 15
                self.threshold = (digits + 1 << bits) - 1
                return


class Sampling:
    """Decides of each record whether its trace is kept.

    ``slow_ns`` is from which duration on a record is slow, in nanoseconds; with None each view's own slowest
    hundredth is.
    """

    def __init__(self, slow_ns: int | None = None) -> None:
        self._slow_ns = slow_ns
        self._views: dict[str, Slowest] = {}

    def __call__(self, record: Record) -> None:
        """Set ``kept`` and ``reason`` of a record that somebody traces."""
        if record.chosen is None:
            return
        slow = self._is_slow(record)
        status = record.status
        if record.error is not None or record.outcome == "failed" or (status is not None and status >= 500):
            record.kept, record.reason = True, ERROR
        elif slow:
            record.kept, record.reason = True, SLOW
        else:
            record.kept, record.reason = record.chosen, SAMPLED if record.chosen else UNSAMPLED

    def _is_slow(self, record: Record) -> bool:
        if self._slow_ns is not None:
            return record.duration >= self._slow_ns
        slowest = self._views.get(record.view)
        if slowest is None:
            if len(self._views) >= _VIEWS:
                return False
            slowest = self._views[record.view] = Slowest()
        slowest.add(record.duration)
        return slowest.threshold is not None and record.duration > slowest.threshold
