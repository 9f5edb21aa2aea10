"""URL resolving, and the name of the view that it found."""

import functools
from collections.abc import Callable
from typing import Any

from django.core.handlers.base import BaseHandler
from django.urls import Resolver404

from .. import layers, recorder, semconv
from ..record import Root, Subject
from . import Hook

RESOLVE = Subject("url", "resolve")

_guarded: tuple[Callable[..., Any], Callable[[Any], None]] | None = None


def guard_view(view: Callable[..., Any], gate: Callable[[Any], None]) -> None:
    """Call ``gate`` with each request that resolves to ``view``, ahead of any ``process_view``.

    What it raises, the request gets. It is for our own page: a stranger shall see what an unknown path shows,
    and middlewares that look at every view that is found would show a difference.
    """
    global _guarded
    _guarded = view, gate


class UrlHook(Hook):
    """Times ``BaseHandler.resolve_request`` and gives the record its view and route.

    Django sends no signal here; ``process_view`` would come after it and not at all for paths that match nothing.
    """

    name = "url"

    def patch(self) -> None:
        self.patches.replace(BaseHandler, "resolve_request", _timed)


def _timed(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve_request(self: BaseHandler, request: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        begun = layers.begin_layer()
        error = None
        try:
            match = original(self, request)
        except BaseException as raised:
            error = type(raised)
            if issubclass(error, Resolver404):
                _describe(begun, semconv.UNRESOLVED, "")
            raise
        finally:
            if begun is not None:
                layers.end_layer(RESOLVE, begun, error)
        _describe(begun, view_name(match), match.route or "")
        if _guarded is not None and match.func is _guarded[0]:
            recorder.discard()
            _guarded[1](request)
        return match

    return resolve_request


def view_name(match: Any) -> str:
    """Django's name of the view, worked out when it made the match; it calls all nameless partials the same."""
    view = match.func
    if match.url_name is not None or type(view) is not functools.partial:
        return match.view_name or semconv.UNRESOLVED
    while type(view) is functools.partial:
        view = view.func
    named = view if hasattr(view, "__qualname__") else type(view)
    return ":".join([*match.namespaces, f"{named.__module__}.{named.__qualname__}"])


def _describe(begun: tuple[Root, int, int] | None, view: str, route: str) -> None:
    record = None if begun is None else begun[0].record
    if record is not None and record.kind == "request":
        record.view, record.route = view, route
