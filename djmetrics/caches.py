"""What a cache's operation is about: hit or miss, told without changing what the caller gets; sizes where cheap."""

from types import FunctionType
from typing import Any

from . import guard
from .record import Operation, Subject

CEILING = 2000
"""How many subjects and classes are remembered."""

# Whose ``get`` treats its default as Django documents it: returns it and does nothing else with it.
_TRUSTED = ("django.core.cache.", "django_redis.", "django_valkey.")
_HANDLES_DEFAULT = ("get", "aget", "get_many", "aget_many", "_cache", "_class")

# Of which nothing can be told.
_UNTOLD = frozenset(
    {"delete", "touch", "delete_many", "incr", "decr", "incr_version", "decr_version", "clear"}
)

_SIZED = (list, tuple, set, frozenset, dict)


class CacheSubject(Subject):
    """An operation on one alias; ``hit`` and ``miss`` are the subjects of those whose result is known."""

    __slots__ = ("hit", "miss")
    hit: Subject
    miss: Subject


class Missing:
    """The default that tells a miss from a cached falsy value; whoever copies it gets itself."""

    def __copy__(self) -> "Missing":
        return self

    def __deepcopy__(self, memo: object) -> "Missing":
        return self


MISSING = Missing()
_subjects: dict[tuple[str, str], CacheSubject] = {}
_fragments: dict[tuple[str, str], Subject] = {}
_trust: dict[type, bool] = {}


def cache_subject(alias: str, operation: str) -> CacheSubject:
    """The subject of an operation whose result is not known yet, or never will be."""
    found = _subjects.get((alias, operation))
    if found is None:
        if len(_subjects) >= CEILING:
            _subjects.clear()
        found = CacheSubject("cache", operation, {"alias": alias, "operation": operation, "result": ""})
        for result in "hit", "miss":
            attributes = {"alias": alias, "operation": operation, "result": result}
            setattr(found, result, Subject("cache", operation, attributes))
        _subjects[alias, operation] = found
    return found


def fragment_subject(name: str, result: str) -> Subject:
    """The subject of a ``{% cache %}`` block."""
    found = _fragments.get((name, result))
    if found is None:
        if len(_fragments) >= CEILING:
            _fragments.clear()
        found = _fragments[name, result] = Subject("fragment", name, {"fragment": name, "result": result})
    return found


def is_known(function: FunctionType) -> bool:
    """Whether a ``get`` is the one of Django or of a library that we know, and no patch of somebody else's."""
    return f"{function.__globals__.get('__name__', '')}.".startswith(_TRUSTED)


def is_trusted(cache: Any) -> bool:
    """Whether nothing that handles the default of ``get`` was written by anybody whom we do not know."""
    klass = type(cache)
    if type(klass) is not type or "get" in object.__getattribute__(cache, "__dict__"):
        return False  # a metaclass may say anything of its classes; an object may have methods of its own
    trusted = _trust.get(klass)
    if trusted is None:
        if len(_trust) >= CEILING:
            _trust.clear()
        definers = (
            next((base for base in klass.__mro__ if name in vars(base)), klass) for name in _HANDLES_DEFAULT
        )
        trusted = _trust[klass] = all(f"{base.__module__}.".startswith(_TRUSTED) for base in definers)
    return trusted


def with_sentinel(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The caller's default for ``get``, and the arguments with ours in its place."""
    if len(args) > 1:
        return args[1], (args[0], MISSING, *args[2:]), kwargs
    default = kwargs.get("default")
    kwargs["default"] = MISSING  # a dict of the wrapper's own
    return default, args, kwargs


def judge_get(operation: Operation, subject: CacheSubject, value: Any, default: object) -> None:
    """Tell hit from miss: ``default`` is what the backend was given to return for a miss."""
    if value is default:
        operation.subject = subject.miss
        operation.detail = 0, 1, 0
    else:
        operation.subject = subject.hit
        operation.detail = 1, 0, size(value)
    fragment = operation.parent
    if fragment.subject.kind == "fragment" and fragment.detail is None:
        # A {% cache %} block asks its cache once; what that found is the block's result.
        fragment.detail = operation.subject.attributes["result"]


def judge(
    operation: Operation, subject: CacheSubject, args: tuple[Any, ...], kwargs: dict[str, Any], value: Any
) -> None:
    """Keep what can be told of the other operations: (hits, misses, bytes).

    Only of values of Python's own types: to ask another one anything is to run the site's code once more.
    """
    name = subject.name
    if name in _UNTOLD:
        return
    try:
        if name == "get_many" and type(value) is dict:
            keys: Any = args[0] if args else kwargs.get("keys")
            is_sized = any(type(keys) is kind for kind in _SIZED)
            misses = max(0, len(keys) - len(value)) if is_sized else 0
            operation.detail = (len(value), misses, sum(map(size, value.values())))
        elif name == "get_or_set":
            missed = operation.detail is not None  # what it added said so
            operation.subject = subject.miss if missed else subject.hit
            operation.detail = operation.detail or (1, 0, 0)
        elif name == "has_key" and type(value) is bool:
            operation.subject = subject.hit if value else subject.miss
            operation.detail = (1, 0, 0) if value else (0, 1, 0)
        elif name in ("set", "add"):
            operation.detail = (0, 0, size(args[1] if len(args) > 1 else kwargs.get("value")))
        elif name == "set_many":
            data = args[0] if args else kwargs.get("data")
            operation.detail = (0, 0, sum(map(size, data.values())) if type(data) is dict else 0)
    except Exception:
        guard.failed("hooks.cache.judge")


def size(value: Any) -> int:
    """Bytes of a byte string, characters of a text; 0 for what would have to be serialised to know."""
    kind = type(value)  # compared by identity: a metaclass may say anything when asked whether it is equal
    return len(value) if kind is bytes or kind is str else 0
