"""The site as a stranger would install djmetrics into it: one app, one middleware, one URL."""

import os

SECRET_KEY = "only for tests"
ROOT_URLCONF = "tests.servers.site.urls"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
INSTALLED_APPS = ["djmetrics"]
MIDDLEWARE = [
    "djmetrics.middleware.DjmetricsMiddleware",
    "django.middleware.common.CommonMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
LOGGING_CONFIG = None
DJMETRICS: dict[str, object] = {"METRICS_ALLOWED_IPS": ["127.0.0.1"]}
if port := os.environ.get("SITE_METRICS_PORT"):
    DJMETRICS["METRICS_PORT"] = int(port)
if os.environ.get("SITE_OPENTELEMETRY"):
    # Imported by the first traces as a rule; here it would be at the very end, which Apache grants only seconds.
    import opentelemetry.exporter.otlp.proto.http.trace_exporter  # noqa: F401

    from djmetrics.exporters.opentelemetry import background

    DJMETRICS["OPENTELEMETRY"] = {}
    # No thread of ours looks by itself: what is sent is sent at a worker's end.
    background.INTERVAL, background.MANY = 3600.0, 1 << 30
if os.environ.get("SENTRY_DSN"):
    DJMETRICS["SENTRY"] = {}
