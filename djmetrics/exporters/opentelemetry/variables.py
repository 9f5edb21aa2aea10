"""What OpenTelemetry's standard variables say that cannot be: for the system checks, and before anything is sent."""

import os
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import NamedTuple

PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
"""The protocols of OTLP that Python's exporters speak, and the entry points of these."""

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_SAMPLERS = frozenset(
    {
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    }
)


class Mistake(NamedTuple):
    """One variable whose value cannot be used; ``reason`` never holds an address, which may hold a secret."""

    variable: str
    reason: str


def protocol() -> tuple[str, str]:
    """Which variable chooses OTLP's protocol, "" for none, and what it says."""
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if value := os.environ.get(name, "").strip():
            return name, value
    return "", "http/protobuf"


def mistakes() -> Iterator[Mistake]:
    """What cannot be as it is, variable by variable (https://opentelemetry.io/docs/specs/otel/protocol/exporter/)."""
    variable, chosen = protocol()
    if chosen not in PROTOCOLS:
        known = " or ".join(PROTOCOLS)
        yield Mistake(variable, f"{chosen!r} is no protocol of an OTLP exporter for Python; they are {known}")
    elif chosen != "grpc":
        for name in _ENDPOINTS:
            value = os.environ.get(name, "").strip().lower()
            if value and not value.startswith(("http://", "https://")):
                yield Mistake(name, "it begins neither with http:// nor with https://")
    yield from _sampler()


def _sampler() -> Iterator[Mistake]:
    name = os.environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if not name:
        return
    if name not in _SAMPLERS and not entry_points(group="opentelemetry_traces_sampler", name=name):
        yield Mistake("OTEL_TRACES_SAMPLER", f"there is no sampler {name!r}, so all traces are kept")
    elif name.endswith("traceidratio") and not _is_share(os.environ.get("OTEL_TRACES_SAMPLER_ARG", "1")):
        yield Mistake("OTEL_TRACES_SAMPLER_ARG", "it is no number from 0 to 1, so all traces are kept")


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False
