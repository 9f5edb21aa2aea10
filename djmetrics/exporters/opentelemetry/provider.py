"""Which OpenTelemetry tracer is used: the application's, or one that is built from the standard variables."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from weakref import WeakSet

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter

from . import others
from .failures import NotInstalledError
from .ids import Ids
from .variables import PROTOCOLS, protocol

logger = logging.getLogger("djmetrics")

NAME = "djmetrics"

_ours: WeakSet[trace.TracerProvider] = WeakSet()
"""The providers that we built."""


class Provider:
    """Finds the tracer once it is needed: a site may set a provider of its own at any time.

    ``build`` makes the processor of a provider of ours, given the exporters that the variables ask for; ``service`` is
    the service's name where no variable says it, ``release`` its version.
    """

    def __init__(
        self,
        build: Callable[[list[Callable[[], SpanExporter]]], SpanProcessor],
        service: str,
        release: str,
        version: str,
    ) -> None:
        self._build = build
        self._service = service
        self._release = release
        self._version = version
        self._lock = threading.RLock()
        self._known: trace.TracerProvider | None = None
        self._tracer: Tracer | None = None
        self._fails = False
        self.is_ours = False
        """Whether the provider is one that we built."""

    def tracer(self) -> Tracer | None:
        """The tracer of the provider that is set now, or None where traces are switched off or cannot be made."""
        if self._fails and getattr(trace, "_TRACER_PROVIDER", None) is None:
            return None
        if self._set() is not self._known:
            with self._lock:
                if trace.get_tracer_provider() is not self._known:
                    try:
                        self._tracer = self._find()
                    finally:
                        self._known = trace.get_tracer_provider()  # once is enough, also where it fails
        return self._tracer

    def _set(self) -> trace.TracerProvider:
        """The provider that is set now. The one that a variable names may fail to load, and is tried once."""
        try:
            return trace.get_tracer_provider()
        except Exception:
            self._fails = True
            raise

    def after_fork(self) -> None:
        """In a child: a thread that was here is no more."""
        self._lock = threading.RLock()

    def here(self, known: Resource) -> Resource:
        """A tracer's resource as it is in this process: one of ours may have been made before a fork."""
        return known.merge(Resource({"process.pid": os.getpid()})) if self.is_ours else known

    def _find(self) -> Tracer | None:
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return None
        if others.django():
            logger.warning(
                "djmetrics makes no traces: OpenTelemetry's own Django instrumentation does. "
                "See the system check djmetrics.W013."
            )
            return None
        provider = trace.get_tracer_provider()
        self.is_ours = is_none(provider)
        if self.is_ours:
            provider = self._built()
            _set_for_now(provider)
        tracer = provider.get_tracer(NAME, self._version)
        if not isinstance(tracer, Tracer):
            logger.warning(
                "djmetrics makes no traces: the tracer provider is %s, and not the OpenTelemetry SDK's.",
                type(provider).__qualname__,
            )
            return None
        return tracer

    def _built(self) -> TracerProvider:
        provider = TracerProvider(resource=resource(self._service, self._release), id_generator=Ids())
        provider.add_span_processor(self._build(exporters()))
        _ours.add(provider)
        return provider


def is_none(provider: trace.TracerProvider) -> bool:
    """Whether ``provider`` stands for none."""
    return isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider)


def _set_for_now(provider: TracerProvider) -> None:
    """Make ``provider`` the one that other libraries' tracers use, until the site sets its own.

    ``trace.set_tracer_provider`` would keep the site from that: OpenTelemetry lets it be called once. And a site may
    call it late: a management command does when we have begun to time it.
    """
    if not hasattr(trace, "_TRACER_PROVIDER"):
        trace.set_tracer_provider(provider)
    elif trace._TRACER_PROVIDER is None:  # else the site wants no spans of its own
        trace._TRACER_PROVIDER = provider


def resource(service: str, release: str) -> Resource:
    """What the standard variables say of this process, and what is known of it besides."""
    said = OTELResourceDetector().detect().attributes
    known: dict[str, str | int] = {
        "service.name": service,
        "service.version": release,
        "host.name": socket.gethostname(),
        "process.pid": os.getpid(),
    }
    return Resource.create({name: value for name, value in known.items() if value and name not in said})


def exporters() -> list[Callable[[], SpanExporter]]:
    """What makes the exporters that ``OTEL_TRACES_EXPORTER`` names ("otlp" without it), by their entry points.

    They are imported when they are made, in the background: that takes longer than many a request.
    """
    found: list[Callable[[], SpanExporter]] = []
    for name, entry in _asked():
        if entry is None:
            logger.error("djmetrics sends no traces to %r: %s", name, _what_lacks(name))
            found.append(partial(_absent, name))  # so that what is not sent is counted
        else:
            found.append(partial(_made, entry))
    return found


def _absent(name: str) -> SpanExporter:
    raise NotInstalledError(name)


def _made(entry: EntryPoint) -> SpanExporter:
    exporter: SpanExporter = entry.load()()
    return exporter


def missing_exporters() -> list[str]:
    """The exporters that the variables name and that are not installed; none where the site has its own provider."""
    provider = trace.get_tracer_provider()
    if not is_none(provider) and provider not in _ours:
        return []
    return [name for name, entry in _asked() if entry is None and _entry(name)]


def package(name: str) -> str:
    """The package of an exporter, as OpenTelemetry's are named."""
    return f"opentelemetry-exporter-{_entry(name).replace('_', '-')}"


def _what_lacks(name: str) -> str:
    if _entry(name):
        return f"its exporter is not installed. Install it: pip install {package(name)}"
    return f"{protocol()[0]}={protocol()[1]} is no protocol of an OTLP exporter for Python."


def _asked() -> Iterator[tuple[str, EntryPoint | None]]:
    for name in os.environ.get("OTEL_TRACES_EXPORTER", "").split(","):
        asked = name.strip() or "otlp"
        if asked != "none":
            yield (
                asked,
                next(iter(entry_points(group="opentelemetry_traces_exporter", name=_entry(asked))), None),
            )


def _entry(name: str) -> str:
    """The entry point's name of an exporter; "otlp" stands for the protocol that the variables choose, "" for none."""
    return PROTOCOLS.get(protocol()[1], "") if name == "otlp" else name
