"""All three destinations at once: metrics shared by many processes, traces that are encoded, and errors.

Ours beside what sites install for it today. What would go over the network is encoded and dropped in both.
"""

import os
from collections import Counter
from types import ModuleType
from typing import Any

from .parts import DjangoPrometheus, Djmetrics

DSN = "http://key@127.0.0.1:9/1"


class Sink:
    """Where spans and events end: they are encoded, counted and dropped."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self.processor: Any = None

    def traces(self, ratio: float) -> None:
        """Set the application's tracer provider: so many of the traces are chosen at their start."""
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

        found = self.found

        class Encoder(SpanExporter):
            def export(self, spans: Any) -> SpanExportResult:
                encode_spans(spans).SerializeToString()
                found["spans"] += len(spans)
                return SpanExportResult.SUCCESS

        self.processor = BatchSpanProcessor(Encoder(), max_queue_size=100_000)
        provider = TracerProvider(sampler=ParentBasedTraceIdRatio(ratio))
        provider.add_span_processor(self.processor)
        trace.set_tracer_provider(provider)

    def errors(self, **options: Any) -> None:
        """Set sentry-sdk up as a site does."""
        import sentry_sdk

        sentry_sdk.init(dsn=DSN, transport=self._transport(), **options)

    def errors_of_whom_it_concerns(self) -> None:
        """Whoever sets sentry-sdk up: what it sends ends here."""
        import sentry_sdk.client

        transport = self._transport()
        sentry_sdk.client.make_transport = transport  # type: ignore[assignment]

    def _transport(self) -> Any:
        from sentry_sdk.transport import Transport

        found = self.found

        class Encoder(Transport):
            def capture_envelope(self, envelope: Any) -> None:
                envelope.serialize()
                for item in envelope.items:
                    found[f"{item.type}s"] += 1

        return Encoder

    def settle(self) -> None:
        """Encode what waits."""
        self.processor.force_flush()

    def totals(self) -> dict[str, float]:
        """What arrived."""
        return {"spans": float(self.found["spans"]), "events": float(self.found["events"])}


class Stack(DjangoPrometheus):
    """django-prometheus, OpenTelemetry's instrumentation of Django and SQLite, and sentry-sdk for errors."""

    packages = (
        "django-prometheus",
        "opentelemetry-exporter-otlp-proto-common",
        "opentelemetry-instrumentation-asgi",
        "opentelemetry-instrumentation-django",
        "opentelemetry-instrumentation-sqlite3",
        "sentry-sdk",
    )

    def __init__(self, ratio: float) -> None:
        super().__init__(in_files=True)
        self.ratio = ratio
        self.sink = Sink()

    def before_setup(self, settings: ModuleType) -> None:
        super().before_setup(settings)
        os.environ["DJANGO_SETTINGS_MODULE"] = settings.__name__
        from opentelemetry.instrumentation.django import DjangoInstrumentor
        from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
        from sentry_sdk.integrations.django import DjangoIntegration

        self.sink.traces(self.ratio)
        DjangoInstrumentor().instrument()
        SQLite3Instrumentor().instrument()
        self.sink.errors(integrations=[DjangoIntegration()])

    def settle(self) -> None:
        self.sink.settle()

    def recorded(self) -> dict[str, float]:
        return {**super().recorded(), **self.sink.totals()}


class AllThree(Djmetrics):
    """djmetrics with every hook on and all three destinations.

    With ``own_client`` the client of Sentry's SDK is the one that djmetrics makes, as for a site that only names a DSN;
    else the site calls ``sentry_sdk.init``, with the SDK's default integrations.
    """

    packages = ("djmetrics", "opentelemetry-exporter-otlp-proto-common", "sentry-sdk")

    def __init__(self, ratio: float, own_client: bool = True) -> None:
        super().__init__(in_files=True)
        self.ratio = ratio
        self.own_client = own_client
        self.sink = Sink()

    def before_setup(self, settings: ModuleType) -> None:
        super().before_setup(settings)
        self.sink.traces(self.ratio)
        chosen = {}
        if self.own_client:
            self.sink.errors_of_whom_it_concerns()
            chosen = {"DSN": DSN}
        else:
            self.sink.errors(auto_enabling_integrations=False)
        settings.DJMETRICS = {**getattr(settings, "DJMETRICS", {}), "OPENTELEMETRY": {}, "SENTRY": chosen}

    def settle(self) -> None:
        from djmetrics import runtime

        runtime.flush(60)
        self.sink.settle()

    def recorded(self) -> dict[str, float]:
        return {**super().recorded(), **self.sink.totals()}
