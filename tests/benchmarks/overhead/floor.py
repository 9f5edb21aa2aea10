"""Hand-written timers, the least that Python can do: the same things timed, added to plain lists, without labels.

No registry, no errors, no streams, no threads: it shows where the limit is, and is no way to measure a site.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.cache.backends.locmem import LocMemCache
from django.db.backends.signals import connection_created
from django.template.base import Template
from django.utils.decorators import sync_and_async_middleware

MILLISECOND = 1_000_000
BOUNDS = tuple(n * MILLISECOND for n in (1, 2, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500))

Durations = dict[str, list[int]]

KINDS = ("requests", "views", "queries", "cache operations", "templates")

histograms: dict[tuple[str, str, str, int], list[int]] = {}
"""By kind, route, method and status: a count per bucket, then the sum."""

_current: ContextVar[Durations | None] = ContextVar("durations", default=None)


def recorded() -> dict[str, float]:
    """How many of each kind were timed."""
    found: Counter[str] = Counter()
    for (kind, *_), buckets in histograms.items():
        found[kind] += sum(buckets[:-1])
    return dict(found)


def install() -> None:
    """Time queries and templates; middlewares and the cache backend are named in the settings."""
    Template.render = timed("templates", Template.render)
    connection_created.connect(_watch_queries)


def _watch_queries(connection: Any, **kwargs: Any) -> None:
    connection.execute_wrappers.append(_time_query)


def _fold(durations: Durations, route: str, method: str, status: int) -> None:
    for kind, values in durations.items():
        if not values:
            continue
        key = kind, route, method, status
        buckets = histograms.get(key)
        if buckets is None:
            buckets = histograms[key] = [0] * (len(BOUNDS) + 2)
        for duration in values:
            buckets[bisect_left(BOUNDS, duration)] += 1
            buckets[-1] += duration


def _finish(request: Any, response: Any, started: int, durations: Durations) -> None:
    durations["requests"].append(perf_counter_ns() - started)
    match = request.resolver_match
    _fold(durations, match.route if match else "", request.method, response.status_code)


@sync_and_async_middleware
def outermost(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Times the request, and folds all of its durations at its end."""

    async def timed_async(request: Any) -> Any:
        started = perf_counter_ns()
        durations: Durations = {kind: [] for kind in KINDS}
        token = _current.set(durations)
        response = await get_response(request)
        _current.reset(token)
        _finish(request, response, started, durations)
        return response

    def timed_sync(request: Any) -> Any:
        started = perf_counter_ns()
        durations: Durations = {kind: [] for kind in KINDS}
        token = _current.set(durations)
        response = get_response(request)
        _current.reset(token)
        _finish(request, response, started, durations)
        return response

    return timed_async if iscoroutinefunction(get_response) else timed_sync


@sync_and_async_middleware
def innermost(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Times the view, as near to it as a middleware comes."""

    async def timed_async(request: Any) -> Any:
        started = perf_counter_ns()
        response = await get_response(request)
        _add("views", started)
        return response

    return timed_async if iscoroutinefunction(get_response) else timed("views", get_response)


def _add(kind: str, started: int) -> None:
    durations = _current.get()
    if durations is not None:
        durations[kind].append(perf_counter_ns() - started)


def _time_query(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any) -> Any:
    started = perf_counter_ns()
    try:
        return execute(sql, params, many, context)
    finally:
        _add("queries", started)


def timed(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, each call of which is timed."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        started = perf_counter_ns()
        try:
            return function(*args, **kwargs)
        finally:
            _add(kind, started)

    return wrapper


class TimedCache(LocMemCache):
    """Django's cache in memory, timed."""

    get = timed("cache operations", LocMemCache.get)
    set = timed("cache operations", LocMemCache.set)
    delete = timed("cache operations", LocMemCache.delete)
