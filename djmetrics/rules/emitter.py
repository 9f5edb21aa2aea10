"""YAML for people to read, of the little that rule files need: dicts, lists, texts and numbers."""

import json
import re
from collections.abc import Iterator
from typing import Any

# What no version of YAML takes for anything but a text.
_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z_][\w:./-]*", re.IGNORECASE)


def dumped(value: Any) -> str:
    """A document of a dict; texts with breaks or quotes stand as they are, others in JSON's quotes where needed."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _entry(f"{key}:", each)
    else:
        for each in value:
            first, *rest = _lines(each)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)


def _entry(head: str, value: Any) -> Iterator[str]:
    if isinstance(value, (dict, list)) and value:
        yield head
        yield from (f"  {line}" for line in _lines(value))
    elif isinstance(value, str) and ("\n" in value or '"' in value) and value == value.strip():
        yield f"{head} |-"
        yield from (f"  {line}".rstrip() for line in value.splitlines())
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not value.endswith(":"):
        return value
    return json.dumps(value, ensure_ascii=False)
