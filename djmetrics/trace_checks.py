"""System checks of traces: what is missing to send them, and what else makes the same ones."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.core import checks

from .check import Check
from .conf import get_settings

PACKAGES = "opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
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
    "Keep one of the two. For djmetrics's traces, set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=django, or do not call "
    "DjangoInstrumentor. For the other's, remove OPENTELEMETRY from DJMETRICS.",
)
DATABASE_TWICE = Check(
    "W014",
    "An OpenTelemetry instrumentation of a database driver is active too.",
    "OpenTelemetry's own instrumentation of {drivers} makes spans of statements, so djmetrics leaves out its own.",
    "Keep one of the two. djmetrics's spans say alias, fetches and repeated statements, and carry no data: for them, "
    "set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={drivers}. For the other's, silence this check.",
)
VARIABLE = Check(
    "W015",
    "A standard variable of OpenTelemetry's says what cannot be.",
    "The environment variable {variable} cannot be used: {reason}.",
    "Correct it; until then traces are not sent, or not as you mean.",
)

TABLE = (NOT_INSTALLED, DJANGO_TWICE, DATABASE_TWICE, VARIABLE)
"""These checks, in the order of the reference table."""


@checks.register("djmetrics")
def check_traces(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Traces that cannot be made, or are made twice."""
    settings = get_settings()
    if not settings.enabled or settings.opentelemetry is None:
        return
    if _is_missing("opentelemetry.sdk"):
        yield NOT_INSTALLED.message(what="OpenTelemetry's SDK", package=PACKAGES)
        return
    from .exporters.opentelemetry import others, provider, variables  # not at the top: they import the SDK

    for name in provider.missing_exporters():
        yield NOT_INSTALLED.message(what=f"the exporter {name!r}", package=provider.package(name))
    if others.django():
        yield DJANGO_TWICE.message()
    elif found := others.drivers():
        yield DATABASE_TWICE.message(drivers=",".join(found))
    for mistake in variables.mistakes():
        yield VARIABLE.message(variable=mistake.variable, reason=mistake.reason)


def _is_missing(module: str) -> bool:
    try:
        return find_spec(module) is None
    except ImportError:  # not even the package around it is there
        return True
