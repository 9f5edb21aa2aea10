"""The site's settings, ``settings.DJMETRICS``, as one frozen object.

This is the one place that knows each key, its type, its default and its help text. A wrong key, type or
value never raises: the default is used, and the mistake is kept for the system checks, so that the site
starts. In a list one wrong entry brings back the default of the whole list, since a part of a list of trusted
addresses would mean something else; in a dict only the wrong entry is left out.

To add a setting, add one line to ``Settings``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from . import kinds
from .declared import part, read, setting
from .destinations import OpenTelemetry, Sentry
from .kinds import DEFAULT_SERIES, Network, Problem, metric_key
from .objectives import Objective, objectives

__all__ = [
    "HOOKS",
    "NAME",
    "Network",
    "Problem",
    "Settings",
    "get_problems",
    "get_settings",
    "load",
]

NAME = "DJMETRICS"
HOOKS = (
    "request",
    "middleware",
    "url",
    "view",
    "database",
    "template",
    "jinja2",
    "cache",
    "threads",
    "command",
    "tasks",
    "flags",
)
"""The built-in hooks, by their names in the setting HOOKS."""


_SWITCHES = kinds.mapping("a dict of hook name to bool", kinds.one_of(HOOKS), kinds.boolean)
_TRACES = part(OpenTelemetry, "a dict or None")
_ERRORS = part(Sentry, "a dict or None")
_PORT = kinds.optional(kinds.whole(1, 65535))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the site chose, key by key; the names of the attributes are the keys in lower case."""

    enabled: bool = setting(True, kinds.boolean, "Whether anything is measured at all.")
    hooks: Mapping[str, bool] = setting(
        {}, _SWITCHES, "Switches built-in hooks off one by one; without it all are on."
    )
    extra_hooks: tuple[str, ...] = setting([], kinds.paths, "Dotted paths of further hooks.")
    extra_exporters: tuple[str, ...] = setting([], kinds.paths, "Dotted paths of further exporters.")
    release: str = setting(
        "", kinds.text, "The site's release or commit; else that of the environment.", env="DJMETRICS_RELEASE"
    )
    buckets: Mapping[str, tuple[float, ...]] = setting(
        {}, kinds.buckets, "Upper bounds of a histogram's buckets, in the metric's unit, by metric name."
    )
    max_series: Mapping[str, int] = setting(
        DEFAULT_SERIES,
        kinds.max_series,
        "How many series a metric may have; later ones share an overflow series.",
    )
    max_operations: int = setting(
        5000, kinds.whole(1), "How many operations a record keeps; more are only counted."
    )
    repeated_queries: int = setting(
        5,
        kinds.whole(2),
        "From how many identical statements in one request on the place in the code is kept.",
    )
    exclude_views: tuple[str, ...] = setting([], kinds.names, "Names of views that are left out of all data.")
    metrics_allowed_ips: tuple[Network, ...] = setting(
        [], kinds.networks, "Peers that may read /metrics, by the address of their own connection."
    )
    metrics_token: str = setting(
        "", kinds.token, "Whoever sends it as `Authorization: Bearer <token>` may read /metrics.", secret=True
    )
    metrics_trusted_proxies: tuple[Network, ...] = setting(
        [], kinds.networks, "Proxies whose X-Forwarded-For is believed when METRICS_ALLOWED_IPS is judged."
    )
    metrics_port: int | None = setting(
        None, _PORT, "A port of its own for /metrics, open to all that can reach it; one server per host."
    )
    metrics_address: str = setting("127.0.0.1", kinds.address, "The address that METRICS_PORT binds to.")
    migrations: bool = setting(
        False,
        kinds.boolean,
        "Whether the page tells how many migrations each database lacks; counted beside the requests.",
    )
    annotations: tuple[str, ...] = setting(
        [],
        kinds.names,
        "Keys of `annotate()`, and flags as `flag.<name>`, that become labels; others are on traces and events only.",
    )
    slos: Mapping[str, Objective] = setting(
        {}, objectives, "Service level objectives, for alerts on their error budgets; see Objectives below."
    )
    opentelemetry: OpenTelemetry | None = setting(  # noqa: RUF009 (as the others)
        None, _TRACES, "Switches traces on; see OpenTelemetry below."
    )
    sentry: Sentry | None = setting(  # noqa: RUF009 (as the others)
        None, _ERRORS, "Switches events to Sentry on; see Sentry below."
    )

    def hook_enabled(self, name: str) -> bool:
        """Whether the built-in hook ``name`` is switched on."""
        return self.hooks.get(name, True)

    def buckets_of(self, metric: str) -> tuple[float, ...] | None:
        """The site's buckets for a metric, in the metric's unit, or None for the catalogue's."""
        return self.buckets.get(metric_key(metric))

    def max_series_of(self, metric: str) -> int:
        """How many series ``metric`` may have."""
        return self.max_series.get(metric_key(metric), self.max_series["default"])


def load(given: Any) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings that the dict ``given`` stands for, and its mistakes; never raises."""
    if not isinstance(given, Mapping):
        return Settings(), (Problem("type", NAME, f"must be a dict, not {type(given).__name__}."),)
    problems: list[Problem] = []
    return read(Settings, given, NAME, problems), tuple(problems)


@cache
def _loaded() -> tuple[Settings, tuple[Problem, ...]]:
    return load(getattr(django_settings, NAME, {}))


def get_settings() -> Settings:
    """The site's settings; cached until ``override_settings`` changes them."""
    return _loaded()[0]


def is_configured() -> bool:
    """Whether Django's settings are there."""
    return bool(django_settings.configured)


def get_problems() -> tuple[Problem, ...]:
    """The mistakes in the site's settings, in the order in which they are written."""
    return _loaded()[1]


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == NAME:
        _loaded.cache_clear()


setting_changed.connect(_forget, dispatch_uid="djmetrics.conf")
