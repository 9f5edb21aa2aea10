"""The site's settings, ``settings.DJMETRICS``, as one frozen object.

This is the one place that knows each key, its type, its default and its help text. A wrong key, type or
value never raises: the default is used, and the mistake is kept for the system checks, so that the site
starts. In a list one wrong entry brings back the default of the whole list, since a part of a list of trusted
addresses would mean something else; in a dict only the wrong entry is left out.

To add a setting, add one line to ``Settings``.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from . import kinds
from .kinds import DEFAULT_SERIES, Kind, Network, Problem, Wrong, metric_key, shown

__all__ = [
    "HOOKS",
    "NAME",
    "Declaration",
    "Network",
    "Problem",
    "Settings",
    "declarations",
    "get_problems",
    "get_settings",
    "load",
]

NAME = "DJMETRICS"
HOOKS = ("request", "middleware", "url", "view", "database", "template", "jinja2", "cache", "threads")
"""The built-in hooks, by their names in the setting HOOKS."""


def setting(default: Any, kind: Kind, help: str, *, env: str = "", secret: bool = False) -> Any:
    """Declare one setting: its default as a site would write it, its kind and what it is for.

    The environment variable ``env``, if it is set, comes before the default; a secret setting is left out of
    the object's repr.
    """

    def value() -> Any:
        return kind.clean(os.environ.get(env, default) if env else default, "", [])

    return field(
        default_factory=value, repr=not secret, metadata={"kind": kind, "default": default, "help": help}
    )


_SWITCHES = kinds.mapping("a dict of hook name to bool", kinds.one_of(HOOKS), kinds.boolean)
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

    def hook_enabled(self, name: str) -> bool:
        """Whether the built-in hook ``name`` is switched on."""
        return self.hooks.get(name, True)

    def buckets_of(self, metric: str) -> tuple[float, ...] | None:
        """The site's buckets for a metric, in the metric's unit, or None for the catalogue's."""
        return self.buckets.get(metric_key(metric))

    def max_series_of(self, metric: str) -> int:
        """How many series ``metric`` may have."""
        return self.max_series.get(metric_key(metric), self.max_series["default"])


@dataclass(frozen=True, slots=True)
class Declaration:
    """One setting as the reference table shows it."""

    key: str
    type: str
    default: str
    help: str


def declarations() -> Iterator[Declaration]:
    """Every setting, in the order of declaration: the rows of the reference table."""
    for each in fields(Settings):
        about = each.metadata
        yield Declaration(each.name.upper(), about["kind"].text, repr(about["default"]), about["help"])


def load(given: Any) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings that the dict ``given`` stands for, and its mistakes; never raises."""
    if not isinstance(given, Mapping):
        return Settings(), (Problem("type", NAME, f"must be a dict, not {type(given).__name__}."),)
    known: dict[Any, Kind] = {each.name.upper(): each.metadata["kind"] for each in fields(Settings)}
    chosen: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in given.items():
        where = f"{NAME}[{shown(key)!r}]"
        if key not in known:
            problems.append(Problem("key", where, "is not a setting of djmetrics.", shown(key), tuple(known)))
            continue
        try:
            chosen[key.lower()] = known[key].clean(value, where, problems)
        except Wrong as error:
            problems += error.problems
    return Settings(**chosen), tuple(problems)


@cache
def _loaded() -> tuple[Settings, tuple[Problem, ...]]:
    return load(getattr(django_settings, NAME, {}))


def get_settings() -> Settings:
    """The site's settings; cached until ``override_settings`` changes them."""
    return _loaded()[0]


def get_problems() -> tuple[Problem, ...]:
    """The mistakes in the site's settings, in the order in which they are written."""
    return _loaded()[1]


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == NAME:
        _loaded.cache_clear()


setting_changed.connect(_forget, dispatch_uid="djmetrics.conf")
