"""Traces to OpenTelemetry: spans written from finished records, in the background."""

from .exporter import OpenTelemetryExporter
from .tracing import Tracing

__all__ = ["OpenTelemetryExporter", "Tracing"]
