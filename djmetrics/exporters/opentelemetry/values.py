"""What a span may hold: bounded, and such that it can be sent.

What cannot be encoded takes with it all that is sent at the same time, of other requests too. And what a site sets on
a span is anything at all, which without djmetrics nobody looks at: nothing here runs code of its values.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Status, StatusCode
from opentelemetry.util.types import AttributeValue

MAX_ATTRIBUTES = 128
MAX_KEY = 255
MAX_LENGTH = 4_096
"""Characters of one text, and values of one list: as the SDK's own limits, but for lengths, which it leaves open."""

_INTEGERS = range(-(1 << 63), 1 << 63)
_TIMES = range(1, 1 << 64)


def sound(text: str) -> str:
    """``text`` as it can be encoded: a lone surrogate cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def text_of(value: Any) -> str:
    """A name as it can be sent, cut to its greatest length; "" for what is no text."""
    return sound(str.__str__(value)[:MAX_LENGTH]) if isinstance(value, str) else ""


def time_of(value: Any) -> int | None:
    """Nanoseconds since 1970; None for what is no such time."""
    return value if type(value) is int and value in _TIMES else None


def status_of(status: Any, description: Any) -> Status | None:
    """A status that was given by itself or by its code; None for what is none, and for one that says nothing."""
    whole = isinstance(status, Status)
    code, said = (status.status_code, status.description) if whole else (status, description)
    if not isinstance(code, StatusCode) or code is StatusCode.UNSET:
        return None
    # Of any other kind it would be no news, and warned of.
    return Status(code, text_of(said).partition(":")[0] or None if code is StatusCode.ERROR else None)


def bounded(value: Any) -> AttributeValue | None:
    """``value`` as an attribute may hold it, cut to its greatest length; None for what is no attribute's value."""
    kind = type(value)
    if kind is list or kind is tuple:
        parts = [_single(each) for each in value[:MAX_LENGTH]]
        return None if any(each is None for each in parts) else tuple(parts)
    return _single(value)


def _single(value: Any) -> str | int | float | bool | None:
    kind = type(value)
    if kind is str:
        return sound(value[:MAX_LENGTH])
    if kind is int:
        return value if value in _INTEGERS else None
    return value if kind is bool or kind is float else None


def pairs(attributes: Any) -> Iterable[tuple[Any, Any]]:
    """The pairs of a mapping; none of what is no mapping, or fails to give them."""
    if type(attributes) is dict:
        return attributes.items()
    try:
        return list(attributes.items()) if isinstance(attributes, Mapping) else ()
    except Exception:  # the site's own kind of mapping
        return ()


def clean(attributes: Any) -> dict[str, AttributeValue]:
    """Those of the first attributes that have a name and a value, bounded."""
    return {
        key_of(key): kept
        for key, value in islice(pairs(attributes), MAX_ATTRIBUTES)
        if isinstance(key, str) and (kept := bounded(value)) is not None
    }


def key_of(key: str) -> str:
    """An attribute's name, cut to its greatest length."""
    return sound(str.__str__(key)[:MAX_KEY])


def can_be_sent(span: ReadableSpan) -> bool:
    """Whether what the SDK takes as it is given, names, texts and times, can be encoded."""
    events = span.events
    try:
        for text in (span.name, span.status.description or "", *(each.name for each in events)):
            if not text.isascii():
                text.encode()
        return all(time_of(each.timestamp) for each in events)
    except Exception:  # a name may be anything
        return False


def sound_values(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """What we say ourselves, of a site whose views or templates may be called anything."""
    return {sound(key): sound(value) if type(value) is str else value for key, value in attributes.items()}
