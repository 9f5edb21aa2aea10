"""The arithmetic of the table: plain numbers in, plain numbers out."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from djmetrics import semconv
from djmetrics.exporters.prometheus.naming import label_name

from .page import CPU, DURATION, PHASES, QUERIES, Series

ERROR_TYPE = label_name(semconv.ERROR_TYPE)
STATUS = label_name(semconv.HTTP_RESPONSE_STATUS_CODE)


@dataclass(slots=True)
class Totals:
    """What a view, or all of them, gained between two pages. Times in seconds; ``buckets`` are cumulative."""

    requests: float = 0.0
    errors: float = 0.0
    time: float = 0.0
    buckets: dict[float, float] = field(default_factory=dict)
    queries: float = 0.0
    queries_of: float = 0.0
    cpu: float = 0.0
    cpu_of: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Add what one series gained; series that the table does not use change nothing."""
        if name == f"{DURATION}_count":
            self.requests += value
            self.errors += value if is_error(labels) else 0.0
        elif name == f"{DURATION}_sum":
            self.time += value
        elif name == f"{DURATION}_bucket":
            bound = float(labels["le"])
            self.buckets[bound] = self.buckets.get(bound, 0.0) + value
        elif name == f"{QUERIES}_sum":
            self.queries += value
        elif name == f"{QUERIES}_count":
            self.queries_of += value
        elif name == f"{CPU}_sum":
            self.cpu += value
        elif name == f"{CPU}_count":
            self.cpu_of += value
        elif name == PHASES:
            phase = labels.get(semconv.PHASE, "")
            self.phases[phase] = self.phases.get(phase, 0.0) + value


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Times in seconds; None where nothing was there to divide by.

    ``time`` is the time that requests took, per second of the clock: how many were under way on average.
    ``shares`` are the phases' parts of the time, which sum to 1, or nothing.
    """

    view: str
    rate: float
    error_rate: float
    error_share: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    queries: float | None
    cpu: float | None
    time: float
    shares: Mapping[str, float]


def is_error(labels: Mapping[str, str]) -> bool:
    """Whether a request failed: its status is a 5xx, or an exception ended it."""
    return labels.get(STATUS, "").startswith("5") or bool(labels.get(ERROR_TYPE))


def by_view(added: Mapping[Series, float]) -> tuple[dict[str, Totals], Totals]:
    """What each view gained, for views that had a request, and all together."""
    views: dict[str, Totals] = {}
    everything = Totals()
    for (name, pairs), value in added.items():
        labels = dict(pairs)
        views.setdefault(labels.get(semconv.VIEW, ""), Totals()).add(name, labels, value)
        everything.add(name, labels, value)
    return {view: totals for view, totals in views.items() if totals.requests > 0}, everything


def row(view: str, totals: Totals, seconds: float) -> Row:
    """The figures of what was gained in ``seconds``."""
    spent = sum(totals.phases.values())
    return Row(
        view=view,
        rate=ratio(totals.requests, seconds) or 0.0,
        error_rate=ratio(totals.errors, seconds) or 0.0,
        error_share=ratio(totals.errors, totals.requests),
        p50=quantile(0.5, totals.buckets),
        p95=quantile(0.95, totals.buckets),
        p99=quantile(0.99, totals.buckets),
        queries=ratio(totals.queries, totals.queries_of),
        cpu=ratio(totals.cpu, totals.cpu_of),
        time=ratio(totals.time, seconds) or 0.0,
        shares={phase: time / spent for phase, time in totals.phases.items()} if spent > 0 else {},
    )


def ratio(value: float, of: float) -> float | None:
    """``value / of``, or None where there is nothing to divide by."""
    return value / of if of > 0 else None


def quantile(q: float, buckets: Mapping[float, float]) -> float | None:
    """The ``q``-quantile, as Prometheus' histogram_quantile estimates it; None for an empty histogram.

    ``buckets`` are cumulative counts by upper bound, positive ones and infinity. Within a bucket the
    observations are taken to be spread evenly; past the last finite bound, that bound is the answer.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or bounds[-1] != math.inf or buckets[math.inf] <= 0:
        return None
    rank = q * buckets[math.inf]
    lower, below = 0.0, 0.0
    for bound in bounds[:-1]:
        if buckets[bound] >= rank:
            inside = buckets[bound] - below
            return lower + (bound - lower) * (rank - below) / inside if inside else lower
        lower, below = bound, buckets[bound]
    return lower


SORTS = ("time", "requests", "errors", "p50", "p95", "p99", "queries", "cpu", "view")
_KEYS = {"requests": "rate", "errors": "error_rate"}


def ordered(rows: Iterable[Row], by: str) -> list[Row]:
    """Rows by one of ``SORTS``: figures from high to low, unknown ones last; equal ones by view."""
    by_name = sorted(rows, key=lambda one: one.view)
    if by == "view":
        return by_name
    attribute = _KEYS.get(by, by)
    return sorted(by_name, key=lambda one: -(getattr(one, attribute) or 0.0))


def cells(shares: Mapping[str, float], phases: Iterable[str], width: int) -> list[tuple[str, int]]:
    """How many of ``width`` cells each of ``phases`` gets, in their order; largest remainders round up."""
    exact = [(phase, shares.get(phase, 0.0) * width) for phase in phases]
    whole = {phase: math.floor(size) for phase, size in exact}
    left = min(width, round(sum(size for _, size in exact))) - sum(whole.values())
    by_remainder = sorted(exact, key=lambda one: one[1] - math.floor(one[1]), reverse=True)
    for phase, _ in by_remainder[: max(0, left)]:
        whole[phase] += 1
    return list(whole.items())
