"""Settings as frozen dataclasses: each field says its kind, its default and what it is for; and how a dict is read."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .kinds import Kind, Problem, Wrong, shown


def setting(default: Any, kind: Kind, help: str, *, env: str = "", secret: bool = False) -> Any:
    """Declare one setting: its default as a site would write it, its kind and what it is for.

    The environment variable ``env``, if it is set, comes before the default; a secret setting is left out of
    the object's repr.
    """

    def value() -> Any:
        return kind.clean(os.environ.get(env, default) if env else default, "", [])

    return field(
        default_factory=value, repr=not secret, metadata={"kind": kind, "default": default, "help": help}
    )


@dataclass(frozen=True, slots=True)
class Declaration:
    """One setting as the reference table shows it."""

    key: str
    type: str
    default: str
    help: str


def declarations(section: type) -> Iterator[Declaration]:
    """Every setting of a section, in the order of declaration: the rows of its reference table."""
    for each in fields(section):
        about = each.metadata
        yield Declaration(each.name.upper(), about["kind"].text, repr(about["default"]), about["help"])


def read(section: type, given: Mapping[Any, Any], name: str, problems: list[Problem]) -> Any:
    """An object of the dataclass ``section`` from a dict of the site's, in ``name``; mistakes go to ``problems``."""
    known: dict[Any, Kind] = {each.name.upper(): each.metadata["kind"] for each in fields(section)}
    chosen: dict[str, Any] = {}
    for key, value in given.items():
        where = f"{name}[{shown(key)!r}]"
        if key not in known:
            problems.append(Problem("key", where, "is not a setting of djmetrics.", shown(key), tuple(known)))
            continue
        try:
            chosen[key.lower()] = known[key].clean(value, where, problems)
        except Wrong as error:
            problems += error.problems
    return section(**chosen)


def part(section: type, text: str) -> Kind:
    """A dict of settings of its own, or None for what is switched off."""

    def clean(value: Any, where: str, problems: list[Problem]) -> Any:
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise Wrong(Problem("type", where, f"must be {text}, not {type(value).__name__}."))
        return read(section, value, where, problems)

    return Kind(text, clean)
