"""System checks: each mistake in a site's configuration has an id, a hint and a line in the documentation."""

import os
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core import checks
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from . import catalogue, gunicorn_check, sentry_check, slo_check, trace_checks, view_check
from .check import DOCS, Check
from .conf import NAME, Problem, Settings, get_problems, get_settings
from .kinds import metric_key

__all__ = ["DOCS", "TABLE", "Check"]

MIDDLEWARE = "djmetrics.middleware.DjmetricsMiddleware"
SHORTEST_TOKEN = 16


MISSING = Check(
    "W001",
    "The middleware is not listed.",
    "MIDDLEWARE does not list '" + MIDDLEWARE + "', so no request is measured.",
    "Put it first in MIDDLEWARE, or set DJMETRICS['ENABLED'] to False.",
)
NOT_FIRST = Check(
    "W002",
    "The middleware is not the first.",
    "MIDDLEWARE lists '" + MIDDLEWARE + "' at place {place}, so what comes before it is not measured.",
    "Put it first in MIDDLEWARE.",
)
CLOSED = Check(
    "W003",
    "Nobody may read /metrics.",
    "Nobody may read /metrics: no address, token or port is set, and DEBUG is off.",
    "Set METRICS_ALLOWED_IPS, METRICS_TOKEN or METRICS_PORT in DJMETRICS; "
    "silence this check if the page is meant to be closed.",
)
SHORT_TOKEN = Check(
    "W004",
    "METRICS_TOKEN is short enough to be guessed.",
    f"METRICS_TOKEN is shorter than {SHORTEST_TOKEN} characters and could be guessed.",
    "Make a longer one: python -c 'import secrets; print(secrets.token_urlsafe(32))'.",
)
NOT_SHARED = Check(
    "W005",
    "Several gunicorn workers, but gunicorn's configuration file does not import djmetrics.",
    "{source} asks gunicorn for {workers} worker processes, but no configuration file imports djmetrics. "
    + gunicorn_check.WITHOUT,
    gunicorn_check.REMEDY,
)

UNKNOWN_KEY = Check(
    "W006", "An unknown key in DJMETRICS.", "{where} {mistake}", "{meant}Remove it, or correct its name."
)
WRONG_TYPE = Check(
    "W007",
    "A value of a wrong type in DJMETRICS.",
    "{where} {mistake}",
    "Correct it; until then its default is used. In a dict or a list only the wrong entry is left out.",
)
WRONG_VALUE = Check(
    "W008",
    "A value that cannot be used in DJMETRICS.",
    "{where} {mistake}",
    "{meant}Correct it; until then its default is used. In a dict or a list only the wrong entry is left out.",
)
TWICE = Check(
    "W009",
    "The middleware is listed more than once.",
    "MIDDLEWARE lists '" + MIDDLEWARE + "' {times} times.",
    "Keep the first one only; the others do nothing.",
)
NOT_IMPORTABLE = Check(
    "W010",
    "A hook or exporter of a third party cannot be imported.",
    "{where} cannot be imported: {path}.",
    "{reason}. Correct the path or install its package; until then it is left out.",
)

NO_URL = Check(
    "W011",
    "No URL leads to the metrics page.",
    "METRICS_TOKEN or METRICS_ALLOWED_IPS opens the metrics page, but the URLconf does not include it.",
    'Add path("", include("djmetrics.urls")) to the root URLconf, or use METRICS_PORT.',
)

NO_DSN = Check(
    "W020",
    "Sentry is switched on, and nothing says where events go.",
    "DJMETRICS['SENTRY'] is there, but no DSN is, and the site has not called sentry_sdk.init.",
    "Set SENTRY_DSN in the environment, or DSN in DJMETRICS['SENTRY']; until then nothing is reported.",
)
NO_SDK = Check(
    "W021",
    "Sentry is switched on, and its SDK is not installed.",
    "DJMETRICS['SENTRY'] is there, but the package sentry-sdk is not installed.",
    "Install it: pip install sentry-sdk; until then nothing is reported.",
)
NO_SCRUBBING = Check(
    "W022",
    "The scrubbing hook of Sentry's events cannot be imported.",
    "DJMETRICS['SENTRY']['BEFORE_SEND'] cannot be imported: {path}.",
    "{reason}. Correct the path; until then nothing is reported, as nothing may leave unscrubbed.",
)
BAD_DSN = Check(
    "W023",
    "Sentry's DSN is not one.",
    "The DSN for Sentry cannot be used: {reason}.",
    "Copy it anew from the project's settings in Sentry; until then nothing is reported.",
)

TABLE = (
    MISSING,
    NOT_FIRST,
    CLOSED,
    SHORT_TOKEN,
    NOT_SHARED,
    UNKNOWN_KEY,
    WRONG_TYPE,
    WRONG_VALUE,
    TWICE,
    NOT_IMPORTABLE,
    NO_URL,
    *trace_checks.TABLE,
    *view_check.TABLE,
    NO_DSN,
    NO_SDK,
    NO_SCRUBBING,
    BAD_DSN,
)
"""Every check, in the order of the reference table."""


@checks.register("djmetrics")
def check_settings(**kwargs: Any) -> list[checks.CheckMessage]:
    """Each mistake in the dict DJMETRICS."""
    by_kind = {"key": UNKNOWN_KEY, "type": WRONG_TYPE, "value": WRONG_VALUE}
    problems = (*get_problems(), *_unknown_metrics(get_settings()), *slo_check.problems(get_settings()))
    return [
        by_kind[each.kind].message(where=each.where, mistake=each.message, meant=_meant(each))
        for each in problems
    ]


@checks.register("djmetrics")
def check_paths(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Hooks and exporters of third parties that cannot be imported."""
    settings = get_settings()
    for key, paths in (("EXTRA_HOOKS", settings.extra_hooks), ("EXTRA_EXPORTERS", settings.extra_exporters)):
        for index, path in enumerate(paths):
            try:
                import_string(path)
            except Exception as error:  # whatever the module does when it is imported
                where = f"{NAME}['{key}'][{index}]"
                yield NOT_IMPORTABLE.message(
                    where=where, path=path, reason=f"{type(error).__name__}: {error}"
                )


@checks.register("djmetrics")
def check_middleware(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """The middleware missing, not first, or listed twice."""
    places = [place for place, path in enumerate(django_settings.MIDDLEWARE or (), 1) if _is_ours(path)]
    if len(places) > 1:
        yield TWICE.message(times=len(places))
    if not get_settings().enabled:
        return
    if not places:
        yield MISSING.message()
    elif not all(map(_puts_itself_first, django_settings.MIDDLEWARE[: places[0] - 1])):
        yield NOT_FIRST.message(place=places[0])


def _puts_itself_first(path: str) -> bool:
    """Whether a middleware puts itself before all others when the site starts: nobody can put ours before it."""
    return path.startswith("opentelemetry.instrumentation.")


def _is_ours(path: str) -> bool:
    """Whether a middleware is ours, or a site's own subclass of it."""
    if path == MIDDLEWARE:
        return True
    try:
        bases = getattr(import_string(path), "__mro__", ())
    except Exception:  # Django says so itself
        return False
    return any(f"{base.__module__}.{base.__qualname__}" == MIDDLEWARE for base in bases)


@checks.register("djmetrics", checks.Tags.security)
def check_access(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """A metrics page that nobody may read, or that a guess opens."""
    settings = get_settings()
    is_open = settings.metrics_allowed_ips or settings.metrics_token or settings.metrics_port
    if settings.enabled and not is_open and not django_settings.DEBUG:
        yield CLOSED.message()
    if 0 < len(settings.metrics_token) < SHORTEST_TOKEN:
        yield SHORT_TOKEN.message()


@checks.register("djmetrics")
def check_workers(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Several gunicorn workers without our hooks."""
    if get_settings().enabled:
        found = gunicorn_check.unshared_workers(os.environ, Path(), sys.argv)
        if found is not None:
            yield NOT_SHARED.message(source=found.source, workers=found.workers or "several")


def _unknown_metrics(settings: Settings) -> Iterator[Problem]:
    """The metric names in the settings that the catalogue does not know, or that have no buckets."""
    everything = {metric_key(metric.name): metric for metric in catalogue.metrics()}
    all_names = tuple(metric.name for metric in everything.values())
    histograms = tuple(metric.name for metric in everything.values() if metric.kind == "histogram")
    for name, where in _names("MAX_SERIES", settings.max_series):
        if metric_key(name) not in {"default", *everything}:
            yield Problem("value", where, "is not a metric of djmetrics.", name, all_names)
    for name, where in _names("BUCKETS", settings.buckets):
        metric = everything.get(metric_key(name))
        if metric is None:
            yield Problem("value", where, "is not a metric of djmetrics.", name, histograms)
        elif metric.kind != "histogram":
            yield Problem("value", where, "is not a histogram: it has no buckets.")


def _names(key: str, kept: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The metric names under ``key`` as the site spells them, with their places, but for those found wrong."""
    given = getattr(django_settings, NAME, {})
    written = given.get(key) if isinstance(given, Mapping) else None
    for name in written if isinstance(written, Mapping) else ():
        if isinstance(name, str) and metric_key(name) in kept:
            yield name, f"{NAME}['{key}']['{name}']"


def _meant(problem: Problem) -> str:
    """'Did you mean …? ', or nothing where no right name comes close."""
    spelt = {choice.lower(): choice for choice in problem.choices}
    close = get_close_matches(problem.name.lower(), spelt, n=1)
    return f"Did you mean '{spelt[close[0]]}'? " if close else ""


@checks.register("djmetrics")
def check_sentry(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Sentry switched on where nothing can be reported to it."""
    settings = get_settings()
    if not settings.enabled or settings.sentry is None:
        return
    by_kind = {
        sentry_check.NO_DSN: NO_DSN,
        sentry_check.MISSING: NO_SDK,
        sentry_check.BAD_DSN: BAD_DSN,
    }
    for finding in sentry_check.findings(settings.sentry):
        yield by_kind[finding.kind].message(reason=finding.reason)
    path = settings.sentry.before_send
    if path is not None:
        try:
            import_string(path)
        except Exception as error:  # whatever the module does when it is imported
            yield NO_SCRUBBING.message(path=path, reason=f"{type(error).__name__}: {error}")


@checks.register("djmetrics", checks.Tags.urls)
def check_url(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """A metrics page that is opened but not in the URLconf."""
    settings = get_settings()
    opened = settings.metrics_token or settings.metrics_allowed_ips
    if settings.enabled and opened and settings.metrics_port is None:
        try:
            reverse("djmetrics-metrics", urlconf=django_settings.ROOT_URLCONF)
        except NoReverseMatch:
            yield NO_URL.message()
        except Exception:  # a URLconf that cannot be imported: Django's own checks say so
            return
