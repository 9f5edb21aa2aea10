"""An exception as an event: bounded, whatever hangs on it, and never lost because it cannot be described.

The SDK describes all exceptions that are linked by cause, context or group, one inside the other, with all their
frames, and asks each for its text.
"""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple

from sentry_sdk.utils import event_from_exception, single_exception_from_error_tuple

from ... import guard
from ...errors import error_name, mro
from .choices import Event, Hint
from .frames import lazy_name

MOST = 50
"""How many exceptions one event has: those nearest to the one that was raised."""
MOST_FRAMES = 250
"""How many frames one exception has: the innermost."""
ALL_FRAMES = 500
"""How many frames all of them have."""
CUT = "exceptions_cut_at"
"""Under which name of ``extra`` an event says that exceptions were left out."""

# Past what the site's class makes of them.
_cause, _context, _suppressed, _traceback, _args = (
    vars(BaseException)[name].__get__
    for name in ("__cause__", "__context__", "__suppress_context__", "__traceback__", "args")
)
_inner = vars(BaseExceptionGroup)["exceptions"].__get__
_MAPPINGS = frozenset({dict, OrderedDict, defaultdict, Counter})
_CONTAINERS = frozenset(
    {list, tuple, set, frozenset, deque, type({}.items()), type({}.values()), type({}.keys())}
)
_LOOKED_AT = 1_000
"""Into how many things of an exception's arguments we look before they are shown by their classes only."""

_SPEAK_OF_ARGUMENTS = (BaseException.__str__, KeyError.__str__)


class Link(NamedTuple):
    """One of the exceptions that hang together: ``parent`` is the place of the one that it hangs on, ``source`` how."""

    error: BaseException
    parent: int
    source: str | None


def event_of(error: BaseException, options: dict[str, Any], mechanism: dict[str, Any]) -> tuple[Event, Hint]:
    """An event of ``error`` and its hint, for a client of these ``options``."""
    exc_info = type(error), error, _traceback(error)
    try:
        links = linked(error)
        if len(links) <= MOST and all(_is_plain(each.error) for each in links):
            event: Any
            hint: Any
            event, hint = event_from_exception(exc_info, client_options=options, mechanism=mechanism)
            return event, hint
        values = _values(links[:MOST], options, mechanism)
    except Exception:  # a class of the site's that cannot be asked for anything
        guard.failed("exporters.sentry.exceptions")
        least = {"type": error_name(type(error)), "value": "", "mechanism": mechanism}
        # Without the exception itself: the SDK would ask it, too.
        return {"level": "error", "exception": {"values": [least]}}, {}
    made: Event = {"level": "error", "exception": {"values": values}}
    if len(links) > MOST:
        made["extra"] = {CUT: MOST}
    return made, {"exc_info": exc_info}


def linked(error: BaseException) -> list[Link]:
    """``error`` and what hangs on it, the nearest first; one more than ``MOST`` at most."""
    found = [Link(error, 0, None)]
    seen = {id(error)}
    for place, link in enumerate(found):  # it grows meanwhile
        for source, other in _next_to(link.error):
            if other is None or id(other) in seen:
                continue
            seen.add(id(other))
            found.append(Link(other, place, source))
            if len(found) > MOST:
                return found
    return found


def _next_to(error: BaseException) -> Iterator[tuple[str, BaseException | None]]:
    if _suppressed(error):
        yield "__cause__", _cause(error)
    else:
        yield "__context__", _context(error)
    if _is_group(error):
        for place, inner in enumerate(_inner(error)):
            yield f"exceptions[{place}]", inner


def _is_group(error: BaseException) -> bool:
    return issubclass(type(error), BaseExceptionGroup)


def _is_plain(error: BaseException) -> bool:
    """Whether the SDK's own description of an exception is bounded, and runs no statement."""
    return _length(_traceback(error)) <= MOST_FRAMES and _without_lazy(error) is error


def _values(links: list[Link], options: dict[str, Any], mechanism: dict[str, Any]) -> list[dict[str, Any]]:
    """What the SDK would make of them, for so many frames."""
    has_group = any(_is_group(each.error) for each in links)
    left = ALL_FRAMES
    values = []
    for place, (error, parent, source) in enumerate(links):
        traceback = _shortened(_traceback(error), min(left, MOST_FRAMES))
        left -= _length(traceback)
        ids: dict[str, Any] = (
            {"exception_id": place, "parent_id": parent, "source": source} if has_group else {}
        )
        values.append(
            single_exception_from_error_tuple(
                type(error), _without_lazy(error), traceback, options, mechanism, **ids
            )
        )
    return values[::-1]


def _length(traceback: TracebackType | None) -> int:
    length = 0
    while traceback is not None:
        length, traceback = length + 1, traceback.tb_next
    return length


def _shortened(traceback: TracebackType | None, most: int) -> TracebackType | None:
    """The innermost frames, ``most`` of them."""
    for _ in range(_length(traceback) - most):
        traceback = None if traceback is None else traceback.tb_next
    return traceback


def _without_lazy(error: BaseException) -> BaseException:
    """``error``, or one to be asked for its text instead: query sets and objects in it would run statements.

    Where a class of the site's words its text itself, that is what the site wants to be told.
    """
    args = _args(error)
    spoken = next(vars(each)["__str__"] for each in mro(type(error)) if "__str__" in vars(each))
    if spoken not in _SPEAK_OF_ARGUMENTS or not any(map(_holds_lazy, args)):
        return error
    return Exception(", ".join(_shown(each) for each in args))


def _holds_lazy(value: Any) -> bool:
    """Whether something in ``value`` is lazy, as far as Python's own containers can be looked into; in doubt, yes."""
    waiting, left = [value], _LOOKED_AT
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind in _MAPPINGS:
            inside = (*each.keys(), *each.values())
        elif kind in _CONTAINERS:
            inside = tuple(each)
        elif lazy_name(each):
            return True
        else:
            continue
        left -= 1 + len(inside)
        if left < 0:  # large, or inside itself
            return True
        waiting += inside
    return False


def _shown(value: Any) -> str:
    if type(value) in (str, int, float, bool):
        return str(value)
    return lazy_name(value) or f"<{type(value).__module__}.{type(value).__qualname__}>"
