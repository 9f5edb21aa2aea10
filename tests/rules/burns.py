"""Histories of budgets that burn, and of those that do not, with what the alerts must say."""

from .cases import RUNBOOK, History, board, series

COUNT = "http_server_request_duration_seconds_count"
BUCKET = "http_server_request_duration_seconds_bucket"
FAILED = {"view": "shop:index", "error_type": "ValueError"}
GOOD = {"view": "shop:index", "error_type": ""}
SPEEDS = {
    # long: (short, severity, speed, the window in words, until when)
    "1h": ("5m", "critical", "more than 14.4 times as fast as allowed", "1 hour", "50 hours"),
    "6h": ("30m", "critical", "more than 6 times as fast as allowed", "6 hours", "5 days"),
    "1d": ("2h", "warning", "more than 3 times as fast as allowed", "1 day", "10 days"),
    "3d": ("6h", "warning", "faster than allowed", "3 days", "30 days"),
}


def burn(slo: str, long: str, told: str, allowed: str) -> tuple[dict[str, str], dict[str, str]]:
    """The alert of one window; ``told`` is what its description says of the requests, a window in braces."""
    short, severity, speed, words, until = SPEEDS[long]
    labels = {"job": "shop", "slo": slo, "severity": severity, "long": long, "short": short}
    return labels, {
        "summary": f"shop: the error budget of {slo} burns {speed}",
        "description": f"{told.format(words)}; the objective allows {allowed}. At this speed the budget of 30 days is "
        f"spent in {until} or less.",
        "dashboard_url": board("djmetrics-slo", slo=slo),
        "runbook_url": RUNBOOK.format("error-budget-burn"),
    }


def errors(share: str, good: str) -> History:
    """The site's requests: those that fail, and the others, per minute, in promtool's notation."""
    return History(dict([series(COUNT, good, **GOOD), series(COUNT, share, **FAILED)]))


def slow() -> History:
    """A view of which nine in ten requests are slow, and one that is fast."""
    view = {"view": "shop:checkout", "error_type": ""}
    return History(
        dict(
            [
                series(COUNT, "0+10x120", **view),
                series(BUCKET, "0+1x120", **view, le="0.5"),
                series(BUCKET, "0+10x120", **view, le="1.0"),
                series(COUNT, "0+100x120", **GOOD),
                series(BUCKET, "0+100x120", **GOOD, le="0.5"),
                # Those that fail at once are none of this objective's.
                series(COUNT, "0+90x120", view="shop:checkout", error_type="Http500"),
                series(BUCKET, "0+90x120", view="shop:checkout", error_type="Http500", le="0.5"),
            ]
        )
    )


def two_percent() -> History:
    """2 % errors for two hours: all but the slowest alert, which wants three hours."""
    told = "2% of the requests in the last {} ended with an error"
    return errors("0+2x180", "0+98x180").expects(
        "2h", "ErrorBudgetBurn", *(burn("availability", long, told, "0.1%") for long in ("1h", "6h", "1d"))
    )


def slow_alerts() -> History:
    """A view of which nine in ten requests are slow, for two hours: all but the slowest alert."""
    told = "90% of the requests without an error to shop:checkout in the last {} took longer than 0.5 s"
    expected = [burn("checkout", long, told, "5%") for long in ("1h", "6h", "1d")]
    failing = [
        burn("availability", long, "45% of the requests in the last {} ended with an error", "0.1%")
        for long in ("1h", "6h", "1d")
    ]
    return slow().expects("2h", "ErrorBudgetBurn", *failing, *expected)
