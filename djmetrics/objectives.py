"""Service level objectives as a site declares them under ``DJMETRICS["SLOS"]``, and how they are read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import kinds
from .declared import read, setting
from .kinds import Kind, Problem, Wrong, shown

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def _share(value: Any, where: str, problems: list[Problem]) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Wrong(Problem("type", where, f"must be a number, not {type(value).__name__}."))
    if not 0 < value < 1:
        meant = f": {value / 100:g} for {value:g} %" if 1 < value < 100 else ""
        raise Wrong(Problem("value", where, f"must be a share between 0 and 1{meant}."))
    return float(value)


def _above_zero(value: Any, where: str, problems: list[Problem]) -> float:
    found: float = kinds.number(0).clean(value, where, problems)
    if not found:
        raise Wrong(Problem("value", where, "must be more than 0."))
    return found


def _view_rule(value: str) -> str | None:
    # A lone surrogate: no file of rules can hold it.
    right = not any("\ud800" <= each <= "\udfff" for each in value)
    return None if right else f"must be a name that UTF-8 can hold, not {shown(value)!r}."


_views = kinds.sequence(kinds.names.text, kinds.instance("a str", str, _view_rule))


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One objective: which share of which requests must be good, and what good is.

    Without a latency a request is good that ends without an error. With one, in seconds, a request is good that takes
    no longer, and those that end with an error are left out: they spend the other objective's budget.
    """

    objective: float = setting(
        None,
        kinds.optional(Kind("a share, above 0 and below 1", _share)),
        "The share of requests over 30 days that must be good, such as 0.999. It must be given.",
    )
    latency: float | None = setting(
        None,
        kinds.optional(Kind("a number", _above_zero)),
        "Good is what takes no longer, in seconds: one of the bounds of `http.server.request.duration`. None: what "
        "ends without an error.",
    )
    views: tuple[str, ...] = setting(
        [], _views, "The views that it holds for, together; empty: the whole site."
    )


def _objective(value: Any, where: str, problems: list[Problem]) -> Objective:
    """One objective; it is left out as a whole when a part of it is wrong, for it would then mean something else."""
    if not isinstance(value, Mapping):
        raise Wrong(Problem("type", where, f"must be a dict, not {type(value).__name__}."))
    wrong: list[Problem] = []
    found: Objective = read(Objective, value, where, wrong)
    if not wrong and found.objective is None:
        wrong.append(Problem("value", where, "has no OBJECTIVE, the share of requests that must be good."))
    if wrong:
        raise Wrong(*wrong)
    return found


def _name_rule(value: str) -> str | None:
    right = _NAME.fullmatch(value)
    return None if right else f"must be of lower case letters, digits, - and _, not {shown(value)!r}."


objectives = kinds.mapping(
    "a dict of name to a dict",
    kinds.instance("a str", str, _name_rule),
    Kind("a dict", _objective),
)
