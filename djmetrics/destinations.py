"""The settings of the destinations that are off until a site names them: one dict each inside ``DJMETRICS``."""

from dataclasses import dataclass

from . import kinds
from .declared import setting

_SECONDS = kinds.optional(kinds.number(0))
_RATE = kinds.optional(kinds.number(0, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTelemetry:
    """What a site chose under ``DJMETRICS["OPENTELEMETRY"]``; all else is said by the standard ``OTEL_*`` variables."""

    sample_rate: float | None = setting(
        None,
        _RATE,
        "Share of traces chosen at their start, 0 to 1; None: as the provider's sampler says (OTEL_TRACES_SAMPLER).",
    )
    slow_threshold: float | None = setting(
        None,
        _SECONDS,
        "From how many seconds on a request's trace is always kept; None: if it is slower than 99 in 100 of its view.",
    )
    max_spans: int = setting(
        1000,
        kinds.whole(1),
        "How many spans a trace may have; the rest is counted in groups, or dropped and counted.",
    )
    fold_after: int = setting(
        25,
        kinds.whole(1),
        "How many operations of one kind under one parent get a span each; the rest share one that counts them.",
    )
    min_layer_duration: float = setting(
        0.0001,
        kinds.number(0),
        "Middlewares and the resolver whose own time is below so many seconds get no span, unless they failed.",
    )
    queue_size: int = setting(
        20_000,
        kinds.whole(1),
        "How many spans may wait to be sent; what comes when it is full is dropped and counted.",
    )
    shutdown_timeout: float = setting(
        5.0, kinds.number(0), "Seconds that the end of a process may take to send what waits."
    )
    response_header: str = setting(
        "", kinds.header, "A response header that carries the trace id, such as X-Trace-Id; empty: none."
    )
    capture_path: bool = setting(
        False,
        kinds.boolean,
        "Whether spans carry url.path, which may hold personal data; the route is always there.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentry:
    """What a site chose under ``DJMETRICS["SENTRY"]``, where its own ``sentry_sdk.init`` does not say it."""

    dsn: str = setting(
        "", kinds.text, "Where events go; empty: as SENTRY_DSN says, or the site's own client.", secret=True
    )
    environment: str = setting("", kinds.text, "The deployment's name; empty: as SENTRY_ENVIRONMENT says.")
    before_send: str | None = setting(
        None,
        kinds.optional(kinds.path),
        "Dotted path of a function of event and hint that returns the event as it may leave, or None to drop it.",
    )
    local_variables: bool = setting(
        False,
        kinds.boolean,
        "Whether the frames of a stack trace carry their local variables, which may hold anything.",
    )
    slow_threshold: float | None = setting(
        None, _SECONDS, "From how many seconds on a request is reported as slow; None: none is."
    )
    slow_budget: float | None = setting(
        None,
        _RATE,
        "With SLOW_THRESHOLD: share of a view's requests that may be slow in a period; None reports each slow one.",
    )
    max_queries: int | None = setting(
        None,
        kinds.optional(kinds.whole(0)),
        "How many statements a request may run before it is reported; None: any number.",
    )
    n_plus_one: int | None = setting(
        None,
        kinds.optional(kinds.whole(2)),
        "From how many runs of one statement on a request is reported as an N+1; None: none is.",
    )
    alert_period: float = setting(
        3600.0,
        kinds.number(0),
        "Seconds in which a process reports one view's slowness, N+1 or queries once.",
    )
    shutdown_timeout: float = setting(
        2.0, kinds.number(0), "Seconds that the end of a process may take to send what waits."
    )
