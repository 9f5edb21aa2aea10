"""Views: functions, classes, partials, sync and async."""

from collections.abc import Awaitable, Callable
from inspect import CO_COROUTINE
from types import FunctionType
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.handlers.base import BaseHandler

from .. import recorder
from ..record import Operation, Subject
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


_CEILING = 5000

_timed_views: dict[FunctionType, Callable[..., Any]] = {}


def _make_timed_view(original: Callable[..., Any]) -> Callable[..., Any]:
    def make_view_atomic(self: BaseHandler, view: Callable[..., Any]) -> Callable[..., Any]:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        callback = original(self, view)
        if type(callback) is not FunctionType and _only_calls_async(callback):
            return callback  # Django refuses it under ASGI, and shall see that it must
        if callback is not view or type(callback) is not FunctionType:
            return _wrap(callback)
        # Most views are functions that live as long as the URLconf: wrapped once, not at each request.
        timed = _timed_views.get(callback)
        if timed is None:
            if len(_timed_views) >= _CEILING:
                _timed_views.clear()
            timed = _timed_views[callback] = _wrap(callback)
        return timed

    return make_view_atomic


def _only_calls_async(view: Any) -> bool:
    """Whether ``view`` is an object with an async ``__call__`` that is not marked as a coroutine function itself."""
    return not iscoroutinefunction(view) and iscoroutinefunction(getattr(view, "__call__", None))  # noqa: B004


def _wrap(view: Callable[..., Any]) -> Callable[..., Any]:
    if not iscoroutinefunction(view):
        return _timed(view)
    is_native = type(view) is FunctionType and view.__code__.co_flags & CO_COROUTINE
    return _timed_async(view) if is_native else _timed_marked(view)


def _timed(view: Callable[..., Any]) -> Callable[..., Any]:
    def timed_view(*args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = recorder.begin(VIEW)
        try:
            return view(*args, **kwargs)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            recorder.end(operation)

    return timed_view


def _timed_async(view: Callable[..., Any]) -> Callable[..., Any]:
    async def timed_view(*args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = recorder.begin(VIEW)
        try:
            return await view(*args, **kwargs)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            recorder.end(operation)

    return timed_view


def _timed_marked(view: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is only marked as a coroutine function, as those of async class-based views are.

    What it does before it returns its coroutine is done where it is called, which may be another thread.
    """

    def timed_view(*args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        outer = recorder.current.get()
        operation = recorder.begin(VIEW)
        try:
            awaitable = view(*args, **kwargs)
        except BaseException as error:
            operation.error = type(error)
            recorder.end(operation)
            raise
        recorder.make_current(outer)
        return _finish(awaitable, operation)

    return markcoroutinefunction(timed_view)


async def _finish(awaitable: Awaitable[Any], operation: Operation) -> Any:
    __traceback_hide__ = True  # Django's error pages leave out such frames
    recorder.make_current(operation)
    try:
        return await awaitable
    except BaseException as error:
        operation.error = type(error)
        raise
    finally:
        recorder.end(operation)
