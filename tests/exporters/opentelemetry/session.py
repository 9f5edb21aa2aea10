"""A process of its own that serves some requests and sends their spans over gRPC; prints what a receiver got.

gRPC's threads would live on in the process of the tests, where others fork.
"""

import json
import os
import sys
from dataclasses import asdict

import django
from django.conf import settings

from tests.components import otlp


def main() -> None:
    """Serve, flush at the end, print."""
    with otlp.grpc() as receiver:
        os.environ.update(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
        settings.configure(
            ROOT_URLCONF="tests.exporters.opentelemetry.site",
            ALLOWED_HOSTS=["*"],
            MIDDLEWARE=["djmetrics.middleware.DjmetricsMiddleware"],
            INSTALLED_APPS=["djmetrics"],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            DJMETRICS={"OPENTELEMETRY": {}, "RELEASE": "1.2.3"},
        )
        django.setup()
        from django.test import Client
        from opentelemetry import trace

        for _ in range(3):
            Client().get("/nested/")
        provider = trace.get_tracer_provider()
        provider.shutdown()  # type: ignore[attr-defined]
        json.dump([asdict(each) for each in receiver.spans], sys.stdout)


if __name__ == "__main__":
    main()
