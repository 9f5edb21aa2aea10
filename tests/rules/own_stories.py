"""Histories for the alerts on djmetrics itself and on what it hands on."""

from .cases import History, board, series
from .telling import Found, history, told

ITEMS = "djmetrics_exporter_items_total"


def spans_dropped() -> list[History]:
    """A twentieth of the spans is lost, either way; not one in two hundred, nor events of Sentry's."""
    found = told(
        "spans-dropped",
        "warning",
        "spans are lost",
        "5% of the spans of the last 15 minutes were dropped, or the collector did not take them. Traces have gaps or "
        "are missing.",
        board("djmetrics-self"),
    )

    def lost(dropped: int, failed: int) -> History:
        counts = {"sent": 1000 - dropped - failed, "dropped": dropped, "failed": failed}
        spans = [
            series(ITEMS, f"0+{n}x60", exporter="opentelemetry", result=result)
            for result, n in counts.items()
        ]
        return history(*spans, series(ITEMS, "0+900x60", exporter="sentry", result="failed"))

    return [
        lost(30, 20).expects("40m", "SpansDropped", found).silent("9m", "SpansDropped"),
        lost(5, 0).silent("40m", "SpansDropped"),
    ]


def sentry_undelivered() -> list[History]:
    """The very first event that is lost, and a stream of them; not what the site's own hook drops."""

    def found(count: str, result: str, why: str) -> Found:
        return told(
            "sentry-undelivered",
            "warning",
            "events do not reach Sentry",
            f"{count} events of the last 15 minutes did not reach Sentry ({result}: {why}). Errors "
            f"may be missing there.",
            board("djmetrics-self"),
            result=result,
        )

    def events(result: str, values: str) -> tuple[str, str]:
        return series(ITEMS, values, exporter="sentry", result=result)

    first = found("2", "failed", "it was not reached, or refused")
    stream = found("15", "limited", "it asked for less")
    return [
        history(events("sent", "0+1x90"), events("failed", "_x30 2x60"))
        .expects("40m", "SentryUndelivered", first)
        .silent("25m", "SentryUndelivered")
        .silent("50m", "SentryUndelivered"),
        history(events("limited", "0+1x90")).expects("60m", "SentryUndelivered", stream),
        history(events("sent", "0+1x90"), events("dropped", "0+1x90")).silent("40m", "SentryUndelivered"),
        history(series(ITEMS, "0+5x90", exporter="opentelemetry", result="failed")).silent(
            "40m", "SentryUndelivered"
        ),
    ]


def label_overflow() -> list[History]:
    """A metric that has just become full; not one that was full once."""
    found = told(
        "label-overflow",
        "warning",
        "django.view.duration has too many series",
        "7 observations of django.view.duration in the last 15 minutes could not be kept apart and went to its "
        "overflow series. What is new since then cannot be told apart.",
        board("djmetrics-self"),
        metric="django.view.duration",
    )
    name, metric = "djmetrics_series_overflows_total", "django.view.duration"
    return [
        history(series(name, "_x30 7x60", metric=metric))
        .expects("35m", "LabelOverflow", found)
        .silent("29m", "LabelOverflow")
        .silent("50m", "LabelOverflow"),
        history(series(name, "500x90", metric=metric)).silent("40m", "LabelOverflow"),
    ]


def instrumentation_errors() -> list[History]:
    """One failure, the first; and three more of one that had failed before. Not an old one."""

    def found(count: int) -> Found:
        return told(
            "instrumentation-errors",
            "warning",
            "djmetrics failed in hook cache",
            f"djmetrics failed {count} times in hook cache in the last 15 minutes. Requests are served as ever; their "
            "figures may be incomplete.",
            board("djmetrics-self"),
            place="hook cache",
        )

    name, place = "djmetrics_errors_total", "hook cache"
    return [
        history(series(name, "_x30 1x60", place=place))
        .expects("35m", "InstrumentationErrors", found(1))
        .silent("50m", "InstrumentationErrors"),
        # Fourteen intervals of a minute are seen; `increase` reckons them up to fifteen minutes.
        history(series(name, "4x30 7x60", place=place)).expects("35m", "InstrumentationErrors", found(3)),
        history(series(name, "4x90", place=place)).silent("40m", "InstrumentationErrors"),
        # Nor what Prometheus did not see for twenty minutes.
        history(series(name, "500x90 _x20 500x60", place=place))
        .silent("1h52m", "InstrumentationErrors")
        .silent("2h", "InstrumentationErrors"),
    ]
