"""For each alert: histories in which it must fire, with its exact words, and histories in which it must not."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from .burns import errors, slow_alerts, two_percent
from .cases import History, board, series
from .own_stories import instrumentation_errors, label_overflow, sentry_undelivered, spans_dropped
from .telling import here, history, told

BUILD = "djmetrics_build_info"
QUEUE = "django_request_queue_duration_seconds_bucket"
EXCEPTIONS = "django_request_exceptions_total"
DURATION = "http_server_request_duration_seconds_sum"
CPU = "django_request_cpu_time_seconds"


def target_down() -> list[History]:
    """An instance that was read and then is not; not one that never was, nor a restart."""
    found = told(
        "target-down",
        "critical",
        "the metrics page of one:80 cannot be read",
        "Prometheus has not read the metrics page of one:80 for 5 minutes: the site is down, or the page is closed to "
        "Prometheus. No other alert sees this instance now.",
        here("djmetrics-runtime"),
        instance="one:80",
    )
    known = series(BUILD, "1x30 _x60")
    foreign = ('up{job="node", instance="one:9100"}', "0x90")
    return [
        history(known, series("up", "1x30 0x60"), foreign)
        .expects("37m", "TargetDown", found)
        .silent("34m", "TargetDown"),
        # Nor does it end while nobody has put the site right.
        history(known, series("up", "1x30 0x1800")).expects("29h", "TargetDown", found),
        history(series(BUILD, "1x30 _x2 1x60"), series("up", "1x30 0x2 1x60"))
        .silent("33m", "TargetDown")
        .silent("40m", "TargetDown"),
    ]


def absent() -> list[History]:
    """A site whose target is gone; not one that is merely down."""
    found = told(
        "absent",
        "critical",
        "Prometheus no longer looks for the site",
        "Prometheus read this site in the last 6 hours and has no target of it any more: the service discovery has "
        "lost it, or it was taken down. No other alert sees it now.",
        board("djmetrics-overview"),
    )
    return [
        history(series(BUILD, "1x30 stale"), series("up", "1x30 stale"))
        .expects("50m", "Absent", found)
        .silent("25m", "Absent")
        .silent("7h", "Absent"),
        history(series(BUILD, "1x30 stale"), series("up", "1x30 0x60")).silent("50m", "Absent"),
    ]


def saturated() -> list[History]:
    """Four workers that are busy for 3.8 seconds a second; not for 3.4, nor where nobody knows how many there are."""
    found = told(
        "saturated",
        "warning",
        "the workers of one:80 are busy all the time",
        "95% of what the workers of one:80 can serve at once has been in use for 10 minutes. Beyond this, requests "
        "wait before they are served.",
        here("djmetrics-runtime"),
        instance="one:80",
    )
    four = series("djmetrics_worker_capacity", "4x60")
    busy = series(DURATION, "0+228x60", view="a")
    return [
        history(four, busy).expects("30m", "Saturated", found).silent("10m", "Saturated"),
        history(four, series(DURATION, "0+204x60", view="a")).silent("30m", "Saturated"),
        history(busy).silent("30m", "Saturated"),
    ]


def queueing() -> list[History]:
    """One in ten waits for more than half a second; then one in fifty."""
    found = told(
        "queueing",
        "warning",
        "requests wait before Django sees them",
        "One of twenty requests has waited for 750ms or longer between the front server and Django, for 10 minutes. "
        "Users wait that much longer than the latency shows.",
        board("djmetrics-runtime"),
    )

    def waiting(slow: int) -> History:
        rows = (("0.5", 100 - slow), ("1.0", 100), ("+Inf", 100))
        return history(*(series(QUEUE, f"0+{count}x60", view="a", le=le) for le, count in rows))

    return [
        waiting(10).expects("30m", "Queueing", found).silent("9m", "Queueing"),
        waiting(2).silent("30m", "Queueing"),
    ]


def unapplied_migrations() -> list[History]:
    """Two migrations that stay away, though not every page tells of them; not while a deploy applies them."""
    found = told(
        "unapplied-migrations",
        "warning",
        "the database default lacks migrations",
        "The code that runs has 2 migrations that the database default has not had for 15 minutes. Code that needs "
        "them fails.",
        board("djmetrics-runtime"),
        alias="default",
    )
    name = "django_migrations_unapplied"
    return [
        history(series(name, " ".join(["2 stale _x3"] * 8), alias="default")).expects(
            "30m", "UnappliedMigrations", found
        ),
        history(series(name, "2x5 0x40", alias="default"))
        .silent("5m", "UnappliedMigrations")
        .silent("30m", "UnappliedMigrations"),
    ]


def new_exception() -> list[History]:
    """A type that was never there, told of for a quarter of an hour; not one that comes again, nor a new site's."""
    found = told(
        "new-exception",
        "info",
        "shop:index raised KeyError for the first time in a week",
        "Nothing handled KeyError in shop:index, which had not happened in the 7 days before. This is said for 15 "
        "minutes from the first time on.",
        board("djmetrics-errors", view="shop%3Aindex"),
        view="shop:index",
        error_type="KeyError",
    )
    key = {"view": "shop:index", "error_type": "KeyError"}
    old = series(EXCEPTIONS, "5x300", view="shop:index", error_type="ValueError")
    return [
        history(series(BUILD, "1x300"), old, series(EXCEPTIONS, "_x120 1x180", **key))
        .expects("2h10m", "NewException", found)
        .silent("1h59m", "NewException")
        .silent("2h20m", "NewException"),
        # It was there in the process before this one.
        history(series(BUILD, "1x300"), series(EXCEPTIONS, "3x20 stale _x98 1x180", **key)).silent(
            "2h10m", "NewException"
        ),
        history(series(BUILD, "_x120 1x180"), series(EXCEPTIONS, "_x120 1x180", **key)).silent(
            "2h10m", "NewException"
        ),
    ]


def cpu_regression() -> list[History]:
    """A release that costs 1.5 times what yesterday's did; not one that costs 1.1 times, nor one of a cheap view."""
    found = told(
        "cpu-regression",
        "warning",
        "r2 needs more CPU for a",
        "A request to a costs 1.50 times the CPU time that it cost at this hour yesterday, before the release r2, for "
        "30 minutes. The view uses more than 0.1 cores.",
        board("djmetrics-efficiency", view="a", release="r2"),
        view="a",
        release="r2",
    )

    def released(cost: float, requests: int = 60) -> History:
        spent = f"0+{requests * 0.2:g}x1440 {1440 * requests * 0.2:g}+{requests * cost:g}x300"
        return history(
            series(BUILD, "1x1440 stale", release="r1"),
            series(BUILD, "_x1440 1x300", release="r2"),
            series(f"{CPU}_sum", spent, view="a"),
            series(f"{CPU}_count", f"0+{requests}x1740", view="a"),
        )

    same = history(
        series(BUILD, "1x1740", release="r1"),
        series(f"{CPU}_sum", "0+12x1440 17280+18x300", view="a"),
        series(f"{CPU}_count", "0+60x1740", view="a"),
    )
    return [
        released(0.3).expects("1d2h", "CpuRegression", found).silent("1d20m", "CpuRegression"),
        released(0.22).silent("1d2h", "CpuRegression"),
        released(0.3, requests=10).silent("1d2h", "CpuRegression"),
        # It costs more, but it is no new release: more rows, perhaps. The board shows it.
        same.silent("1d2h", "CpuRegression"),
    ]


def error_budget_burn() -> list[History]:
    """Errors, slow requests, and a site that is well."""
    return [two_percent(), slow_alerts(), errors("0+0.5x720", "0+999.5x720").silent("12h", "ErrorBudgetBurn")]


STORIES = {
    "ErrorBudgetBurn": error_budget_burn,
    "TargetDown": target_down,
    "Absent": absent,
    "Saturated": saturated,
    "Queueing": queueing,
    "UnappliedMigrations": unapplied_migrations,
    "NewException": new_exception,
    "CpuRegression": cpu_regression,
    "SpansDropped": spans_dropped,
    "SentryUndelivered": sentry_undelivered,
    "LabelOverflow": label_overflow,
    "InstrumentationErrors": instrumentation_errors,
}


_LONG = frozenset({"CpuRegression", "ErrorBudgetBurn"})


def with_slow_ones(names: Iterable[str], alert: Callable[[str], str] = str) -> list[Any]:
    """These parameters; those whose ``alert`` has days of history for promtool are for ``make test-all``."""
    slow = pytest.mark.slow_matrix
    return [pytest.param(name, marks=slow if alert(name) in _LONG else ()) for name in names]
