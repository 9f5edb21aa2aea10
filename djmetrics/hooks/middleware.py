"""Middlewares: the exclusive time of each, without touching the chain that Django builds."""

import functools
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.handlers import base
from django.core.handlers.base import BaseHandler

from .. import guard, layers
from ..record import Subject
from . import Hook

HANDLER = Subject("handler", "handler")
"""What the handler does itself, inside the innermost middleware and outside the view."""

OWN = "djmetrics.middleware.DjmetricsMiddleware"


class MiddlewareHook(Hook):
    """Wraps each layer where ``load_middleware`` passes it to ``convert_exception_to_response``.

    Every layer goes through that one function, already adapted to sync or async, so that neither classes nor
    ``settings.MIDDLEWARE`` are touched and no mode is changed. ``process_view`` and its like are wrapped in the
    handler's own lists, which ``load_middleware`` fills.
    """

    name = "middleware"

    def __init__(self) -> None:
        super().__init__()
        self._subjects: dict[str, Subject] = {}

    def patch(self) -> None:
        self.patches.replace(base, "convert_exception_to_response", self._convert)
        self.patches.replace(BaseHandler, "load_middleware", self._load)

    def _convert(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def convert_exception_to_response(get_response: Callable[..., Any]) -> Any:
            __traceback_hide__ = True  # Django's error pages leave out such frames
            if isinstance(getattr(get_response, "__self__", None), BaseHandler):
                # Outside the conversion: to answer an exception is the handler's work, no middleware's.
                converted = original(get_response)
                timed = self._timed(converted, HANDLER)
            else:
                timed = original(self._timed_layer(get_response))
            # Django gives each handler the name and the attributes of what it is for.
            return functools.update_wrapper(timed, get_response)

        return convert_exception_to_response

    def _load(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def load_middleware(handler: BaseHandler, *args: Any, **kwargs: Any) -> Any:
            __traceback_hide__ = True  # Django's error pages leave out such frames
            result = original(handler, *args, **kwargs)
            try:
                for name in "_view_middleware", "_template_response_middleware", "_exception_middleware":
                    methods = getattr(handler, name)
                    methods[:] = [self._timed_method(method) for method in methods]
            except Exception:
                guard.failed("hooks.middleware.load_middleware")
            return result

        return load_middleware

    def _timed_layer(self, layer: Callable[..., Any]) -> Callable[..., Any]:
        try:
            name = _name(layer)
            return layer if name == OWN else self._timed(layer, self._subject(name))
        except Exception:
            guard.failed("hooks.middleware.convert_exception_to_response")
            return layer

    def _timed_method(self, method: Callable[..., Any]) -> Callable[..., Any]:
        # Behind sync_to_async and async_to_sync, too, there is a bound method.
        owner = getattr(method, "__self__", None)
        timed = self._lapped(method, self._subject(_name(method if owner is None else owner)))
        if owner is not None:
            # Django names the middleware by this attribute when it returned no response.
            timed.__self__ = owner  # type: ignore[attr-defined]
        return timed

    def _subject(self, name: str) -> Subject:
        return self._subjects.setdefault(name, Subject("middleware", name, {"middleware": name}))

    def _timed(self, layer: Callable[..., Any], subject: Subject) -> Callable[..., Any]:
        """Time ``layer`` as long as the hook is installed: a chain that is built lives on."""
        make = layers.timed_async_layer if iscoroutinefunction(layer) else layers.timed_layer
        return make(layer, subject, self.patches)

    def _lapped(self, method: Callable[..., Any], subject: Subject) -> Callable[..., Any]:
        """Add the time of ``process_view`` and its like to that of their middleware, which is running around them."""
        make = layers.timed_async_lap if iscoroutinefunction(method) else layers.timed_lap
        lapped = make(method, subject, self.patches)
        functools.update_wrapper(lapped, method, updated=())
        return lapped


def _name(middleware: Any) -> str:
    """The dotted name of a middleware: of its class, or of the function or factory that made it."""
    named = middleware if hasattr(middleware, "__qualname__") else type(middleware)
    return f"{named.__module__}.{named.__qualname__.partition('.<locals>')[0]}"
