"""Caches: every operation of every backend, by alias; hits and misses; ``{% cache %}`` fragments."""

from collections.abc import Callable
from types import FunctionType
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.cache import CacheHandler, caches
from django.core.cache.backends.base import BaseCache
from django.templatetags.cache import CacheNode

from .. import guard, recorder
from ..caches import (
    MISSING,
    CacheSubject,
    cache_subject,
    fragment_subject,
    is_known,
    is_trusted,
    judge,
    judge_get,
    with_sentinel,
)
from ..record import Operation
from . import Hook

_ALIAS = "_djmetrics_alias"
_get = recorder.current.get

_OPERATIONS = (
    "get", "set", "add", "touch", "delete", "get_many", "set_many", "delete_many", "get_or_set", "has_key",
    "incr", "decr", "incr_version", "decr_version", "clear",
)  # fmt: skip


class CacheHook(Hook):
    """Wraps the operations of each backend class when Django first makes a cache of it.

    Classes and not instances: Django makes a cache object per thread, under ASGI per request. Only the
    outermost operation counts: what ``get_or_set`` or a subclass calls is part of it.
    """

    name = "cache"

    def patch(self) -> None:
        self.patches.replace(CacheHandler, "create_connection", self._naming)
        self.patches.replace(CacheNode, "render", _timed_fragment)
        self._wrap_class(BaseCache)
        # Made before us; only those of this thread can be reached. Until the settings have been read there are
        # none, and to read them here would be too early.
        for alias in caches.settings if "settings" in vars(caches) else ():
            existing = getattr(caches._connections, alias, None)
            if existing is not None:
                self._adopt(existing, alias)

    def _naming(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def create_connection(handler: CacheHandler, alias: str) -> Any:
            __traceback_hide__ = True  # Django's error pages leave out such frames
            cache = original(handler, alias)
            self._adopt(cache, alias)
            return cache

        return create_connection

    def _adopt(self, cache: Any, alias: str) -> None:
        """Remember the alias of a cache and see that its class is wrapped."""
        try:
            if self.patches.active:
                object.__setattr__(cache, _ALIAS, alias)
                for klass in type(cache).__mro__:
                    self._wrap_class(klass)
        except AttributeError:
            pass  # a class without a __dict__: its alias stays unknown
        except Exception:
            guard.failed("hooks.cache.create_connection")

    def _wrap_class(self, klass: type) -> None:
        """Wrap the operations that ``klass`` itself defines."""
        for operation in _OPERATIONS:
            for name in operation, f"a{operation}":
                function = vars(klass).get(name)
                if type(function) is not FunctionType:
                    continue  # not defined here, or something that binds in a way of its own
                self.patches.replace(klass, name, _wrapper(operation, iscoroutinefunction(function)))


def _begin(cache: Any, operation: str) -> Operation | None:
    """Begin a cache operation, or None inside another one."""
    current = _get()
    if current is not None and current.subject.kind == "cache":
        if operation in ("add", "set") and current.subject.name == "get_or_set":
            current.detail = (0, 1, 0)
        return None
    try:
        # The alias that we gave it when it was made, past whatever ``__getattr__`` its class has.
        alias: str = object.__getattribute__(cache, _ALIAS)
    except AttributeError:
        alias = ""
    return recorder.begin(cache_subject(alias, operation))


Make = Callable[[FunctionType], Callable[..., Any]]


def _wrapper(operation: str, is_async: bool) -> Make:
    if operation == "get":
        return _timed_get_async if is_async else _timed_get
    return (_timed_async if is_async else _timed)(operation)


def _timed_get(original: FunctionType) -> Callable[..., Any]:
    """``get``, with a default of ours in the place of the caller's.

    A backend that is not trusted keeps the caller's, since it might store, log or call it; then a value that *is*
    the default counts as a miss.
    """
    known = is_known(original)

    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        timed = _begin(self, "get")
        if timed is None:
            return original(self, *args, **kwargs)
        subject: CacheSubject = timed.subject  # type: ignore[assignment]
        try:
            if known and is_trusted(self):
                default = None
                if len(args) == 1 and not kwargs:  # nearly always
                    value = original(self, args[0], MISSING)
                else:
                    default, args, kwargs = with_sentinel(args, kwargs)
                    value = original(self, *args, **kwargs)
                judge_get(timed, subject, value, MISSING)
                return default if value is MISSING else value
            value = original(self, *args, **kwargs)
            judge_get(timed, subject, value, args[1] if len(args) > 1 else kwargs.get("default"))
            return value
        except BaseException as error:
            timed.error = type(error)
            raise
        finally:
            recorder.end(timed)

    return get


def _timed_get_async(original: FunctionType) -> Callable[..., Any]:
    known = is_known(original)

    async def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        timed = _begin(self, "get")
        if timed is None:
            return await original(self, *args, **kwargs)
        subject: CacheSubject = timed.subject  # type: ignore[assignment]
        try:
            if known and is_trusted(self):
                default, args, kwargs = with_sentinel(args, kwargs)
                value = await original(self, *args, **kwargs)
                judge_get(timed, subject, value, MISSING)
                return default if value is MISSING else value
            value = await original(self, *args, **kwargs)
            judge_get(timed, subject, value, args[1] if len(args) > 1 else kwargs.get("default"))
            return value
        except BaseException as error:
            timed.error = type(error)
            raise
        finally:
            recorder.end(timed)

    return get


def _timed(operation: str) -> Make:
    def make(original: FunctionType) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            __traceback_hide__ = True  # Django's error pages leave out such frames
            timed = _begin(self, operation)
            if timed is None:
                return original(self, *args, **kwargs)
            subject: CacheSubject = timed.subject  # type: ignore[assignment]
            try:
                value = original(self, *args, **kwargs)
                judge(timed, subject, args, kwargs, value)
                return value
            except BaseException as error:
                timed.error = type(error)
                raise
            finally:
                recorder.end(timed)

        return method

    return make


def _timed_async(operation: str) -> Make:
    def make(original: FunctionType) -> Callable[..., Any]:
        async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            __traceback_hide__ = True  # Django's error pages leave out such frames
            timed = _begin(self, operation)
            if timed is None:
                return await original(self, *args, **kwargs)
            subject: CacheSubject = timed.subject  # type: ignore[assignment]
            try:
                value = await original(self, *args, **kwargs)
                judge(timed, subject, args, kwargs, value)
                return value
            except BaseException as error:
                timed.error = type(error)
                raise
            finally:
                recorder.end(timed)

        return method

    return make


def _timed_fragment(original: Callable[..., Any]) -> Callable[..., Any]:
    def render(self: CacheNode, context: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        name = str(self.fragment_name)
        operation = recorder.begin(fragment_subject(name, ""))
        try:
            return original(self, context)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            operation.subject = fragment_subject(name, operation.detail or "")
            recorder.end(operation)

    return render
