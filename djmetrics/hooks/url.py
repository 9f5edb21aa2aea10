"""URL resolving, and the name of the view that it found."""

from collections.abc import Callable
from typing import Any

from django.core.handlers.base import BaseHandler
from django.urls import Resolver404

from .. import recorder, semconv
from ..record import Subject
from . import Hook

RESOLVE = Subject("url", "resolve")


class UrlHook(Hook):
    """Times ``BaseHandler.resolve_request`` and gives the record its view and route.

    Django sends no signal here; ``process_view`` would come after it and not at all for paths that match nothing.
    """

    name = "url"

    def patch(self) -> None:
        self.patches.replace(BaseHandler, "resolve_request", _timed)


def _timed(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve_request(self: BaseHandler, request: Any) -> Any:
        operation = recorder.begin(RESOLVE)
        record = operation.root.record
        try:
            match = original(self, request)
        except BaseException as error:
            operation.error = error.__class__
            if record is not None and isinstance(error, Resolver404):
                record.view = semconv.UNRESOLVED
            raise
        finally:
            recorder.end(operation)
        if record is not None and record.kind == "request":
            # Both are Django's own, worked out when the match was made.
            record.view = match.view_name or semconv.UNRESOLVED
            record.route = match.route or ""
        return match

    return resolve_request
