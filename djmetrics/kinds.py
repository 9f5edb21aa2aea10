"""The kinds of values that settings may have: how each is read, and what is said about a wrong one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal

Network = IPv4Network | IPv6Network

DEFAULT_SERIES = 2000
"""How many series a metric may have where the site names no number."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the settings: an unknown ``key``, a wrong ``type`` or a wrong ``value``.

    ``where`` is the place as it is written in Python, ``message`` the rest of a sentence about it; neither
    holds a secret's value. Where a name was wrong, ``name`` is it and ``choices`` are the right names.
    """

    kind: Literal["key", "type", "value"]
    where: str
    message: str
    name: str = ""
    choices: tuple[str, ...] = ()


class Wrong(Exception):
    """Raised by a kind's ``clean``: what is wrong with the value it was given."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems


def shown(value: Any) -> str:
    """The value as a message shows it: short, and without failing whatever it is."""
    return value[:60] if isinstance(value, str) else f"<{type(value).__name__}>"


Clean = Callable[[Any, str, list[Problem]], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of setting: its ``text`` for readers, and ``clean(value, where, problems)``.

    ``clean`` returns the value as the package uses it, or raises Wrong; it appends to ``problems`` those
    mistakes that leave a usable value.
    """

    text: str
    clean: Clean


def instance(text: str, type_: type, rule: Callable[[Any], str | None] = lambda value: None) -> Kind:
    """Values of one Python type; ``rule`` returns what is wrong with a value, or None."""

    def clean(value: Any, where: str, problems: list[Problem]) -> Any:
        if not isinstance(value, type_) or (isinstance(value, bool) and type_ is not bool):
            raise Wrong(Problem("type", where, f"must be {text}, not {type(value).__name__}."))
        if mistake := rule(value):
            raise Wrong(Problem("value", where, mistake))
        return value

    return Kind(text, clean)


def whole(least: int, most: int | None = None) -> Kind:
    """Whole numbers within bounds."""

    def rule(value: int) -> str | None:
        if value < least or (most is not None and value > most):
            return f"must be at least {least}{f' and at most {most}' if most else ''}."
        return None

    return instance("an int", int, rule)


def number(least: float, most: float | None = None) -> Kind:
    """Finite numbers within bounds, kept as floats."""

    def clean(value: Any, where: str, problems: list[Problem]) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Wrong(Problem("type", where, f"must be a number, not {type(value).__name__}."))
        if not least <= value <= (1e15 if most is None else most):
            limit = "" if most is None else f" and at most {most:g}"
            raise Wrong(Problem("value", where, f"must be at least {least:g}{limit}."))
        return float(value)

    return Kind("a number", clean)


def one_of(names: tuple[str, ...]) -> Kind:
    """One of a fixed list of names."""

    def clean(value: Any, where: str, problems: list[Problem]) -> Any:
        if value not in names:
            raise Wrong(Problem("value", where, "is not a known name.", shown(value), names))
        return value

    return Kind("one of " + ", ".join(names), clean)


def optional(kind: Kind) -> Kind:
    """None, or a value of ``kind``."""
    return Kind(
        f"{kind.text} or None",
        lambda value, where, problems: None if value is None else kind.clean(value, where, problems),
    )


def sequence(text: str, entry: Kind, rule: Callable[[Any], str | None] = lambda value: None) -> Kind:
    """Lists and tuples, kept as tuples; one wrong entry makes the whole list wrong."""

    def clean(value: Any, where: str, problems: list[Problem]) -> Any:
        if not isinstance(value, (list, tuple)):
            raise Wrong(Problem("type", where, f"must be {text}, not {type(value).__name__}."))
        good: list[Any] = []
        wrong: list[Problem] = []
        for index, each in enumerate(value):
            try:
                good.append(entry.clean(each, f"{where}[{index}]", problems))
            except Wrong as error:
                wrong += error.problems
        if wrong:
            raise Wrong(*wrong)
        if mistake := rule(good):
            raise Wrong(Problem("value", where, mistake))
        return tuple(good)

    return Kind(text, clean)


def mapping(text: str, key: Kind, entry: Kind, spell: Callable[[str], str] = lambda name: name) -> Kind:
    """Dicts, kept read-only, a wrong entry left out; ``spell`` says under which spelling a key is kept."""

    def clean(value: Any, where: str, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            raise Wrong(Problem("type", where, f"must be {text}, not {type(value).__name__}."))
        good: dict[str, Any] = {}
        for name, each in value.items():
            place = f"{where}[{shown(name)!r}]"
            try:
                spelt = spell(key.clean(name, place, problems))
                if spelt in good:
                    raise Wrong(Problem("value", place, "names a metric that is named twice."))
                good[spelt] = entry.clean(each, place, problems)
            except Wrong as error:
                problems += error.problems
        return MappingProxyType(good)

    return Kind(text, clean)


def metric_key(name: str) -> str:
    """One spelling for a metric's dotted and Prometheus names: underscores, no unit, no ``_total``."""
    spelt = name.replace(".", "_").removesuffix("_total")
    return spelt.removesuffix("_seconds").removesuffix("_bytes")


def _ascending(bounds: list[float]) -> str | None:
    right = bounds and all(low < high for low, high in pairwise(bounds))
    return None if right else "must be numbers in ascending order, at least one."


def _bound(value: Any, where: str, problems: list[Problem]) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Wrong(Problem("type", where, f"must be a number, not {type(value).__name__}."))
    if not 0 <= value < 1e300:
        raise Wrong(Problem("value", where, "must be finite and not negative."))
    return float(value)


def _network(value: Any, where: str, problems: list[Problem]) -> Network:
    address: str = text.clean(value, where, problems)
    try:
        return ip_network(address.strip(), strict=False)
    except ValueError:
        raise Wrong(Problem("value", where, f"is not an address or network: {shown(address)!r}.")) from None


def _series(value: Any, where: str, problems: list[Problem]) -> Any:
    if isinstance(value, Mapping):
        given = mapping("a dict", text, whole(1), metric_key).clean(value, where, problems)
        return MappingProxyType({"default": DEFAULT_SERIES, **given})
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(Problem("type", where, f"must be {max_series.text}, not {type(value).__name__}."))
    return MappingProxyType({"default": whole(1).clean(value, where, problems)})


def _token_rule(value: str) -> str | None:
    right = value.isprintable() and " " not in value
    return None if right else "must hold no white space or control characters."


def _address_rule(value: str) -> str | None:
    try:
        ip_address(value)
    except ValueError:
        return f"must be an IPv4 or IPv6 address, not {shown(value)!r}."
    return None


def _header_rule(value: str) -> str | None:
    right = all(each.isascii() and (each.isalnum() or each in "-_") for each in value)
    return None if right else f"must be the name of a header, not {shown(value)!r}."


def _path_rule(value: str) -> str | None:
    parts = value.split(".")
    right = len(parts) > 1 and all(part.isidentifier() for part in parts)
    return None if right else f"must be a dotted path such as 'package.module.name', not {shown(value)!r}."


boolean = instance("a bool", bool)
text = instance("a str", str)
token = instance("a str", str, _token_rule)
address = instance("an IP address (str)", str, _address_rule)
header = instance("a header's name (str)", str, _header_rule)
path = instance("a dotted path (str)", str, _path_rule)
paths = sequence("a list of dotted paths", path)
names = sequence("a list of str", text)
networks = sequence("a list of addresses or networks", Kind("an address or network", _network))
bounds = sequence("a list of ascending numbers", Kind("a number", _bound), _ascending)
buckets = mapping("a dict of histogram name to a list of ascending numbers", text, bounds, metric_key)
max_series = Kind("an int, or a dict of metric name (or 'default') to int", _series)
