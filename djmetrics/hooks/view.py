"""Views: functions, classes, partials, sync and async."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.handlers.base import BaseHandler

from .. import recorder
from ..record import Subject
from . import Hook

VIEW = Subject("view", "view")


class ViewHook(Hook):
    """Times what ``BaseHandler.make_view_atomic`` returns: the callable that the handler is about to call.

    Nobody else sees it, so the view that the URLconf, ``resolver_match`` and ``process_view`` know stays the
    view itself.
    """

    name = "view"

    def patch(self) -> None:
        self.patches.replace(BaseHandler, "make_view_atomic", _make_timed_view)


def _make_timed_view(original: Callable[..., Any]) -> Callable[..., Any]:
    def make_view_atomic(self: BaseHandler, view: Callable[..., Any]) -> Callable[..., Any]:
        callback = original(self, view)
        return _timed_async(callback) if iscoroutinefunction(callback) else _timed(callback)

    return make_view_atomic


def _timed(view: Callable[..., Any]) -> Callable[..., Any]:
    def timed_view(*args: Any, **kwargs: Any) -> Any:
        operation = recorder.begin(VIEW)
        try:
            return view(*args, **kwargs)
        except BaseException as error:
            operation.error = error.__class__
            raise
        finally:
            recorder.end(operation)

    return timed_view


def _timed_async(view: Callable[..., Any]) -> Callable[..., Any]:
    async def timed_view(*args: Any, **kwargs: Any) -> Any:
        operation = recorder.begin(VIEW)
        try:
            return await view(*args, **kwargs)
        except BaseException as error:
            operation.error = error.__class__
            raise
        finally:
            recorder.end(operation)

    return timed_view
