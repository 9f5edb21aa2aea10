"""Objectives that cannot be watched: the histogram knows how many requests were within its bounds, and no others."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from .catalogue import REQUEST_DURATION
from .conf import NAME, Settings
from .kinds import Problem


def problems(settings: Settings) -> Iterator[Problem]:
    """Latencies that are not a bound of the site's buckets, with the nearest ones that are."""
    bounds = settings.buckets_of(REQUEST_DURATION.name) or REQUEST_DURATION.buckets
    for name, slo in settings.slos.items():
        if slo.latency is not None and slo.latency not in bounds:
            where = f"{NAME}['SLOS'][{name!r}]['LATENCY']"
            yield Problem("value", where, _message(slo.latency, bounds))


def _message(latency: float, bounds: Sequence[float]) -> str:
    place = bisect_left(bounds, latency)
    nearest = " and ".join(f"{bound:g}" for bound in bounds[max(0, place - 1) : place + 1])
    return f"is {latency:g}, which is no bound of {REQUEST_DURATION.name}'s buckets; the nearest: {nearest}."
