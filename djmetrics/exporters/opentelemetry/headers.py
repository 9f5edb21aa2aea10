"""A request's headers for OpenTelemetry's propagators, as far as they are well formed.

The propagators log a warning for what is not, with the client's text in it: without djmetrics no client writes there.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.propagators.textmap import Getter

_MOST_BAGGAGE, _MOST_MEMBERS, _LONGEST_MEMBER = 8_192, 180, 4_096
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_OCTETS = r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"
_PROPERTY = rf"[ \t]*{_NAME}[ \t]*(?:=[ \t]*{_OCTETS})?[ \t]*"
_MEMBER = re.compile(rf"[ \t]*{_NAME}[ \t]*=[ \t]*{_OCTETS}[ \t]*(?:;{_PROPERTY})*")

_MOST_PARENT = 512
_MOST_STATE, _MOST_VENDORS = 8_192, 32
_VENDOR = r"[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}|[a-z][a-z0-9_\-*/]{0,255}"
_STATE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_PAIR = re.compile(rf"(?:{_VENDOR})={_STATE}")


def _baggage(header: str) -> str:
    """The well-formed members of a header of baggage (https://www.w3.org/TR/baggage/)."""
    if len(header) > _MOST_BAGGAGE:
        return ""
    members = header.split(",")[:_MOST_MEMBERS]
    return ",".join([each for each in members if len(each) <= _LONGEST_MEMBER and _MEMBER.fullmatch(each)])


def _traceparent(header: str) -> str:
    return header if len(header) <= _MOST_PARENT else ""


def _tracestate(header: str) -> str:
    """What other vendors say (https://www.w3.org/TR/trace-context/#tracestate-header); "" if a part is malformed."""
    if len(header) > _MOST_STATE:
        return ""
    pairs = [each for each in (part.strip(" \t") for part in header.split(",")) if each]
    if len(pairs) > _MOST_VENDORS or not all(map(_PAIR.fullmatch, pairs)):
        return ""
    return ",".join(pairs)


_WELL_FORMED: dict[str, Callable[[str], str]] = {
    "baggage": _baggage,
    "traceparent": _traceparent,
    "tracestate": _tracestate,
}


class Headers(Getter[Mapping[str, Any]]):
    """Reads a request's headers as the variables of CGI that Django keeps them as."""

    def get(self, carrier: Mapping[str, Any], key: str) -> list[str] | None:
        """The header's values."""
        value = carrier.get(variable(key))
        if type(value) is not str:
            return None
        well_formed = _WELL_FORMED.get(key)
        return [value if well_formed is None else well_formed(value)]

    def keys(self, carrier: Mapping[str, Any]) -> list[str]:
        """The names of all headers."""
        return [each[5:].replace("_", "-").lower() for each in carrier if each.startswith("HTTP_")]


def variable(header: str) -> str:
    """The CGI variable of a header."""
    return "HTTP_" + header.upper().replace("-", "_")
