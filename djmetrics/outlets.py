"""The destinations that the settings switch on: their exporters, and what these need of the core while they are on."""

import logging
import os
from typing import Any

from django.conf import settings as django_settings
from django.utils.module_loading import import_string

from . import __version__, ambient, catalogue, clock, units
from .conf import Settings
from .recorder import current_operation, current_record
from .sampling import Sampling

logger = logging.getLogger("djmetrics")


def made(settings: Settings) -> list[Any]:
    """The exporters of these settings, but for Prometheus's. Each has ``flush`` and ``close``."""
    return [*_traces(settings), *_errors(settings)]


def none() -> None:
    """No destination is on any more."""
    ambient.contexts, ambient.response_header = (), ""
    units.decide, units.keeps_exceptions = None, False


def _traces(settings: Settings) -> list[Any]:
    """The OpenTelemetry exporter, if the site asks for one, with what decides which traces are kept."""
    chosen = settings.opentelemetry
    if chosen is None:
        return []
    try:
        from .exporters.opentelemetry import OpenTelemetryExporter
    except ImportError as error:
        logger.warning("djmetrics makes no traces: %s. See the system check djmetrics.W012.", error)
        return []
    # Overridden settings are of no module.
    module = django_settings.SETTINGS_MODULE or os.environ.get("DJANGO_SETTINGS_MODULE", "")
    service = module.partition(".")[0]
    exporter = OpenTelemetryExporter(
        chosen, current_operation, service=service, release=settings.release, version=__version__
    )
    slow = chosen.slow_threshold
    units.decide = Sampling(None if slow is None else round(slow * catalogue.NANOSECONDS))
    ambient.contexts = (*ambient.contexts, exporter.context)
    ambient.response_header = chosen.response_header
    return [exporter]


def _errors(settings: Settings) -> list[Any]:
    """The Sentry exporter, if the site asks for one."""
    chosen = settings.sentry
    if chosen is None:
        return []
    try:
        scrub = None if chosen.before_send is None else import_string(chosen.before_send)
        from .exporters.sentry import SentryExporter
    except Exception as error:  # without its scrubbing hook nothing may leave
        logger.warning(
            "djmetrics reports nothing to Sentry: %r. See the system checks djmetrics.W021 and djmetrics.W022.",
            error,
        )
        return []
    exporter = SentryExporter(
        chosen,
        current=current_record,
        record_of=units.record_of,
        now=lambda: clock.now(),  # tests replace it
        release=settings.release,
        scrub=scrub,
    )
    exporter.start()
    units.keeps_exceptions = True
    ambient.contexts = (*ambient.contexts, exporter.context)
    return [exporter]
