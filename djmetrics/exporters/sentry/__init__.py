"""Events to Sentry: what broke, and what was too slow, with what the record knows."""

from .exporter import SentryExporter

__all__ = ["SentryExporter"]
