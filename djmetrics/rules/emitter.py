"""YAML for people to read, of the little that rule files need: dicts, lists, texts and whole numbers."""

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
            yield from _entry(f"{_scalar(key)}:", each)
    else:
        for each in value:
            first, *rest = _lines(each)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)


def _entry(head: str, value: Any) -> Iterator[str]:
    if isinstance(value, (dict, list)) and value:
        yield head
        yield from (f"  {line}" for line in _lines(value))
    elif isinstance(value, str) and _is_block(value):
        yield f"{head} |-"
        yield from (f"  {line}" if line else "" for line in value.split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _is_block(text: str) -> bool:
    """Whether a text is easier to read as it is, and can be."""
    printable = all(line.isprintable() for line in text.split("\n"))
    return ("\n" in text or '"' in text) and printable and text == text.strip()


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and not value.endswith(":"):
        return value
    # What JSON leaves as it is, YAML may take for a line break.
    return "".join(
        each if each.isprintable() else f"\\U{ord(each):08x}"
        for each in json.dumps(value, ensure_ascii=False)
    )
