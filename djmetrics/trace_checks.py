"""System checks of traces: what is missing to send them, and what else makes the same ones."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.core import checks

from .check import Check
from .conf import get_settings

NOT_INSTALLED = Check(
    "W012",
    "Traces are asked for, and cannot be made or sent.",
    "DJMETRICS['OPENTELEMETRY'] asks for traces, but {what} is not installed.",
    "Install it: pip install {package}.",
)
DJANGO_TWICE = Check(
    "W013",
    "OpenTelemetry's own Django instrumentation is active too.",
    "OpenTelemetry's own Django instrumentation makes traces of requests, so djmetrics makes none.",
    "Keep one of both: set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=django (or do not call DjangoInstrumentor), "
    "or remove OPENTELEMETRY from DJMETRICS.",
)
DATABASE_TWICE = Check(
    "W014",
    "An OpenTelemetry instrumentation of a database driver is active too.",
    "OpenTelemetry's own instrumentation of {drivers} makes spans of statements, so djmetrics leaves out its own.",
    "Keep one of both: djmetrics's know alias, fetches and repeated statements, and never carry data; "
    "set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={drivers} for them, or silence this check.",
)

TABLE = (NOT_INSTALLED, DJANGO_TWICE, DATABASE_TWICE)
"""These checks, in the order of the reference table."""


@checks.register("djmetrics")
def check_traces(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Traces that cannot be made, or are made twice."""
    settings = get_settings()
    if not settings.enabled or settings.opentelemetry is None:
        return
    if _is_missing("opentelemetry.sdk"):
        yield NOT_INSTALLED.message(what="OpenTelemetry's SDK", package="'djmetrics[opentelemetry]'")
        return
    from .exporters.opentelemetry import others, provider  # not at the top: they import the SDK

    for name in provider.missing_exporters():
        yield NOT_INSTALLED.message(what=f"the exporter {name!r}", package=provider.package(name))
    if others.django():
        yield DJANGO_TWICE.message()
    elif found := others.drivers():
        yield DATABASE_TWICE.message(drivers=",".join(found))


def _is_missing(module: str) -> bool:
    try:
        return find_spec(module) is None
    except ImportError:  # not even the package around it is there
        return True
