"""What contenders add to the application, and what each says that it recorded.

A contender's package is imported in its own worker process only.
"""

import importlib.metadata
from collections.abc import Iterable
from types import ModuleType
from typing import Any

HERE = __name__.rpartition(".")[0]


class Contender:
    """The application alone, which all others are compared with and derive from.

    ``packages`` are the distributions that must be there. ``in_files`` says that several worker processes could count
    together: what is recorded goes into files.
    """

    packages: tuple[str, ...] = ()

    def __init__(self, in_files: bool = False) -> None:
        self.in_files = in_files

    def before_setup(self, settings: ModuleType) -> None:
        """Change the settings, before Django is set up."""

    def after_setup(self) -> None:
        """Whatever is left to do before the handler is made."""

    def settle(self) -> None:
        """Do what was put off to the background: it is part of what a request costs."""

    def recorded(self) -> dict[str, float]:
        """Running totals of what was recorded, read as a scrape would read them."""
        return {}

    def versions(self) -> list[str]:
        """The versions of ``packages``; raises ``importlib.metadata.PackageNotFoundError``."""
        return [importlib.metadata.version(name) for name in self.packages]


class Floor(Contender):
    """Hand-written timers."""

    def before_setup(self, settings: ModuleType) -> None:
        settings.MIDDLEWARE = [f"{HERE}.floor.outermost", *settings.MIDDLEWARE, f"{HERE}.floor.innermost"]
        settings.CACHES["default"]["BACKEND"] = f"{HERE}.floor.TimedCache"

    def after_setup(self) -> None:
        from . import floor

        floor.install()

    def recorded(self) -> dict[str, float]:
        from . import floor

        return floor.recorded()


class DjangoPrometheus(Contender):
    """django-prometheus with both middlewares, its database engine and its cache backend."""

    packages = ("django-prometheus",)
    words = {
        "django_http_responses_before_middlewares_total": "requests",
        "django_http_requests_latency_seconds_by_view_method_count": "views",
        "django_db_execute_total": "queries",
        "django_cache_get_total": "cache gets",
        "django_http_exceptions_total_by_type_total": "exceptions",
    }

    def before_setup(self, settings: ModuleType) -> None:
        settings.INSTALLED_APPS.append("django_prometheus")
        settings.MIDDLEWARE = [
            "django_prometheus.middleware.PrometheusBeforeMiddleware",
            *settings.MIDDLEWARE,
            "django_prometheus.middleware.PrometheusAfterMiddleware",
        ]
        settings.DATABASES["default"]["ENGINE"] = "django_prometheus.db.backends.sqlite3"
        settings.CACHES["default"]["BACKEND"] = "django_prometheus.cache.backends.locmem.LocMemCache"

    def recorded(self) -> dict[str, float]:
        from prometheus_client import REGISTRY, CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry() if self.in_files else REGISTRY
        if self.in_files:
            MultiProcessCollector(registry)
        return totals(registry.collect(), self.words)


class Djmetrics(Contender):
    """djmetrics with every hook on."""

    packages = ("djmetrics",)
    words = {
        "http_server_request_duration_seconds_count": "requests",
        "django_middleware_duration_seconds_count": "middlewares",
        "django_url_resolve_duration_seconds_count": "resolves",
        "django_view_duration_seconds_count": "views",
        "db_client_operation_duration_seconds_count": "queries",
        "django_cache_operation_duration_seconds_count": "cache operations",
        "django_template_render_duration_seconds_count": "templates",
        "django_request_exceptions_total": "exceptions",
    }

    def before_setup(self, settings: ModuleType) -> None:
        settings.INSTALLED_APPS.append("djmetrics")
        settings.MIDDLEWARE = ["djmetrics.middleware.DjmetricsMiddleware", *settings.MIDDLEWARE]

    def recorded(self) -> dict[str, float]:
        from djmetrics import runtime

        return totals(runtime.page_registry().collect(), self.words)


def totals(families: Iterable[Any], words: dict[str, str]) -> dict[str, float]:
    """The sums of the samples that ``words`` names, under its words."""
    found = dict.fromkeys(words.values(), 0.0)
    for family in families:
        for sample in family.samples:
            if (word := words.get(sample.name)) is not None:
                found[word] += sample.value
    return found
