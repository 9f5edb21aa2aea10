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
        100,
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
