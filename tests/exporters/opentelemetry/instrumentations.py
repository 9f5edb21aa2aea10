"""Stand-ins for OpenTelemetry's own instrumentations: modules of their names, with an instrumentor that is active."""

import sys
from types import ModuleType

import pytest


def activate(monkeypatch: pytest.MonkeyPatch, module: str, name: str, active: bool = True) -> None:
    """Pretend that this instrumentation is imported, and active or not."""

    class Instrumentor:
        is_instrumented_by_opentelemetry = active

    made = ModuleType(f"opentelemetry.instrumentation.{module}")
    setattr(made, name, Instrumentor)
    monkeypatch.setitem(sys.modules, made.__name__, made)
