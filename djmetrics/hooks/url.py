"""URL resolving, and the name of the view that it found."""

from collections.abc import Callable
from typing import Any

from django.core.handlers.base import BaseHandler
from django.urls import Resolver404

from .. import recorder, semconv
from ..record import Subject
from . import Hook

RESOLVE = Subject("url", "resolve")

_guarded: tuple[Callable[..., Any], Callable[[Any], None]] | None = None


def guard_view(view: Callable[..., Any], gate: Callable[[Any], None]) -> None:
    """Call ``gate`` with each request that resolves to ``view``, ahead of any middleware's ``process_view``.

    What it raises, the request gets. It is for our own page: a stranger shall see what a path that matches nothing shows,
    and middlewares that look at every view that is found would show a difference.
    """
    global _guarded
    _guarded = view, gate


class UrlHook(Hook):
    """Times ``BaseHandler.resolve_request`` and gives the record its view and route.

    Django sends no signal here; ``process_view`` would come after it and not at all for paths that match
    nothing.
    """

    name = "url"

    def patch(self) -> None:
        self.patches.replace(BaseHandler, "resolve_request", self._timed)

    def _timed(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def resolve_request(handler: BaseHandler, request: Any) -> Any:
            resolve = recorder.timed_layer(original.__get__(handler), RESOLVE, self.patches)
            try:
                match = resolve(request)
                if _guarded is not None and match.func is _guarded[0]:
                    recorder.discard()
                    _guarded[1](request)
            except Resolver404:
                _describe(semconv.UNRESOLVED, "")
                raise
            # Both were worked out when Django made the match.
            _describe(match.view_name or semconv.UNRESOLVED, match.route or "")
            return match

        return resolve_request


def _describe(view: str, route: str) -> None:
    record = recorder.current_record()
    if record is not None and record.kind == "request":
        record.view, record.route = view, route
