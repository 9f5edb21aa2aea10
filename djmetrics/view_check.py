"""Objectives on views that no URL leads to: a slip of the pen, which no request would ever show."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from django.conf import settings as django_settings
from django.core import checks
from django.urls import ResolverMatch, get_resolver

from . import semconv
from .check import Check
from .conf import NAME, Settings, get_settings
from .hooks.url import view_name

NO_SUCH_VIEW = Check(
    "W016",
    "An objective names a view that no URL leads to.",
    "{where} names the view '{view}', and no URL of ROOT_URLCONF leads to it: its requests would never be counted.",
    "{meant}Name views as the metrics' label `view` has them; silence this check if another URLconf has the view.",
)
TABLE = (NO_SUCH_VIEW,)
"""These checks, in the order of the reference table."""


@checks.register("djmetrics", checks.Tags.urls)
def check_views(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Objectives that would watch nothing."""
    for where, view, close in unknown_views(get_settings()):
        yield NO_SUCH_VIEW.message(where=where, view=view, meant=f"Did you mean '{close}'? " if close else "")


def unknown_views(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Each such view: where it is named, how, and the name that it may have meant, or "".

    Nothing is known where the URLconf cannot be imported: Django's own checks say so.
    """
    if not any(slo.views for slo in settings.slos.values()):
        return  # most sites: their URLconf need not be gone through
    try:
        known = _views(django_settings.ROOT_URLCONF)
    except Exception:
        return
    for name, slo in settings.slos.items():
        for index, view in enumerate(slo.views):
            if view not in known:
                close = get_close_matches(view, known, n=1)
                yield f"{NAME}['SLOS'][{name!r}]['VIEWS'][{index}]", view, close[0] if close else ""


def _views(urlconf: Any) -> frozenset[str]:
    """The names of all views of a URLconf, as the label has them."""
    return frozenset([semconv.UNRESOLVED, semconv.NO_VIEW, *_below(get_resolver(urlconf), [])])


def _below(resolver: Any, namespaces: list[str]) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            space = pattern.namespace
            yield from _below(pattern, [*namespaces, space] if space else namespaces)
        else:
            yield view_name(
                ResolverMatch(pattern.callback, (), {}, url_name=pattern.name, namespaces=namespaces)
            )
