"""Caches: every operation of every backend, by alias; hits and misses; ``{% cache %}`` fragments."""

from collections.abc import Callable
from types import FunctionType
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.cache import CacheHandler, caches
from django.core.cache.backends.base import BaseCache
from django.templatetags.cache import CacheNode

from .. import guard, recorder
from ..record import Operation, Subject
from . import Hook

_ALIAS = "_djmetrics_alias"
_CEILING = 2000

_OPERATIONS = (
    "get", "set", "add", "touch", "delete", "get_many", "set_many", "delete_many", "get_or_set", "has_key",
    "incr", "decr", "incr_version", "decr_version", "clear",
)  # fmt: skip

# Whose ``get`` treats its default as Django documents it: returns it and does nothing else with it.
_TRUSTED = ("django.core.cache.", "django_redis.", "django_valkey.")
_HANDLES_DEFAULT = ("get", "aget", "get_many", "aget_many", "_cache", "_class")


class _Missing:
    """The default that tells a miss from a cached falsy value; whoever copies it gets itself."""

    def __copy__(self) -> "_Missing":
        return self

    def __deepcopy__(self, memo: object) -> "_Missing":
        return self


_MISSING = _Missing()
_subjects: dict[tuple[str, str, str], Subject] = {}
_SIZED = (list, tuple, set, frozenset, dict)
_trust: dict[type, bool] = {}


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
                make = _timed_async if iscoroutinefunction(function) else _timed
                self.patches.replace(klass, name, make(operation))


def subject(alias: str, operation: str, result: str) -> Subject:
    """The subject of a cache operation, with its result: "hit", "miss" or "" where there is neither."""
    key = (alias, operation, result)
    found = _subjects.get(key)
    if found is None:
        if len(_subjects) >= _CEILING:
            _subjects.clear()
        found = _subjects[key] = Subject(
            "cache", operation, {"alias": alias, "operation": operation, "result": result}
        )
    return found


def _begin(cache: Any, operation: str) -> Operation | None:
    """Begin a cache operation, or None inside another one."""
    current = recorder.current_operation()
    if current is not None and current.subject.kind == "cache":
        if operation in ("add", "set") and current.subject.name == "get_or_set":
            current.detail = (0, 1, 0)
        return None
    return recorder.begin(subject(_alias_of(cache), operation, ""))


def _alias_of(cache: Any) -> str:
    """The alias that we gave a cache when it was made, past whatever ``__getattr__`` its class has."""
    try:
        alias: str = object.__getattribute__(cache, "__dict__").get(_ALIAS, "")
    except AttributeError:
        return ""
    return alias


def _is_trusted(klass: type) -> bool:
    """Whether nothing that handles the default of ``get`` was written by anybody whom we do not know."""
    trusted = _trust.get(klass)
    if trusted is None:
        if len(_trust) >= _CEILING:
            _trust.clear()
        definers = (
            next((base for base in klass.__mro__ if name in vars(base)), klass) for name in _HANDLES_DEFAULT
        )
        trusted = _trust[klass] = all(f"{base.__module__}.".startswith(_TRUSTED) for base in definers)
    return trusted


def _timed(operation: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    is_get = operation == "get"

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            timed = _begin(self, operation)
            if timed is None:
                return original(self, *args, **kwargs)
            try:
                if is_get:
                    trusted = _is_trusted(type(self))
                    default, args, kwargs = _with_sentinel(trusted, args, kwargs)
                    value = original(self, *args, **kwargs)
                    return _judge_get(timed, value, default, trusted)
                value = original(self, *args, **kwargs)
                _judge(timed, operation, args, kwargs, value)
                return value
            except BaseException as error:
                timed.error = type(error)
                raise
            finally:
                recorder.end(timed)

        return method

    return make


def _timed_async(operation: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    is_get = operation == "get"

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            timed = _begin(self, operation)
            if timed is None:
                return await original(self, *args, **kwargs)
            try:
                if is_get:
                    trusted = _is_trusted(type(self))
                    default, args, kwargs = _with_sentinel(trusted, args, kwargs)
                    value = await original(self, *args, **kwargs)
                    return _judge_get(timed, value, default, trusted)
                value = await original(self, *args, **kwargs)
                _judge(timed, operation, args, kwargs, value)
                return value
            except BaseException as error:
                timed.error = type(error)
                raise
            finally:
                recorder.end(timed)

        return method

    return make


def _with_sentinel(
    trusted: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The caller's default, and the arguments with ours in its place.

    A backend that is not trusted keeps the caller's, since it might store, log or call it; then a value that
    *is* the default counts as a miss.
    """
    if len(args) > 1:
        default = args[1]
        return default, (args[0], _MISSING, *args[2:]) if trusted else args, kwargs
    default = kwargs.get("default")
    return default, args, {**kwargs, "default": _MISSING} if trusted else kwargs


def _judge_get(operation: Operation, value: Any, default: Any, trusted: bool) -> Any:
    """Tell hit from miss; the value that the caller shall have."""
    attributes = operation.subject.attributes
    if value is (_MISSING if trusted else default):
        operation.subject = subject(attributes["alias"], "get", "miss")
        operation.detail = (0, 1, 0)
        value = default
    else:
        operation.subject = subject(attributes["alias"], "get", "hit")
        operation.detail = (1, 0, _size(value))
    _tell_fragment(operation)
    return value


def _judge(
    operation: Operation, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], value: Any
) -> None:
    """Keep what can be told of the other operations: (hits, misses, bytes).

    Only of values of Python's own types: to ask another one anything is to run the site's code once more.
    """
    try:
        alias = operation.subject.attributes["alias"]
        if name == "get_many" and type(value) is dict:
            keys = args[0] if args else kwargs.get("keys")
            misses = max(0, len(keys) - len(value)) if keys is not None and type(keys) in _SIZED else 0
            operation.detail = (len(value), misses, sum(map(_size, value.values())))
        elif name == "get_or_set":
            missed = operation.detail is not None  # what it added said so
            operation.subject = subject(alias, name, "miss" if missed else "hit")
            operation.detail = operation.detail or (1, 0, 0)
        elif name == "has_key" and type(value) is bool:
            operation.subject = subject(alias, name, "hit" if value else "miss")
            operation.detail = (1, 0, 0) if value else (0, 1, 0)
        elif name in ("set", "add"):
            operation.detail = (0, 0, _size(args[1] if len(args) > 1 else kwargs.get("value")))
        elif name == "set_many":
            data = args[0] if args else kwargs.get("data")
            operation.detail = (0, 0, sum(map(_size, data.values())) if type(data) is dict else 0)
    except Exception:
        guard.failed("hooks.cache.judge")


def _size(value: Any) -> int:
    """Bytes of a byte string, characters of a text; 0 for what would have to be serialised to know."""
    return len(value) if type(value) in (bytes, str) else 0


def _tell_fragment(operation: Operation) -> None:
    """A ``{% cache %}`` block asks its cache once; what that found is the block's result."""
    parent = operation.parent
    if parent.subject.kind == "fragment" and parent.detail is None:
        parent.detail = operation.subject.attributes["result"]


def _timed_fragment(original: Callable[..., Any]) -> Callable[..., Any]:
    def render(self: CacheNode, context: Any) -> Any:
        name = str(self.fragment_name)
        operation = recorder.begin(_fragment(name, ""))
        try:
            return original(self, context)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            operation.subject = _fragment(name, operation.detail or "")
            recorder.end(operation)

    return render


def _fragment(name: str, result: str) -> Subject:
    key = ("", name, f"fragment {result}")
    found = _subjects.get(key)
    if found is None:
        if len(_subjects) >= _CEILING:
            _subjects.clear()
        found = _subjects[key] = Subject("fragment", name, {"fragment": name, "result": result})
    return found
