"""PromQL taken apart: its nodes, the series and the labels that it names."""

from collections.abc import Iterator
from typing import Any

import promql_parser as p

_PARTS = ("lhs", "rhs", "expr", "param", "vector_selector")


def nodes(expression: Any, *above: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every node with those above it, the nearest last."""
    yield expression, above
    inner = [getattr(expression, name, None) for name in _PARTS]
    for each in (*inner, *(getattr(expression, "args", None) or ())):
        if each is not None:
            yield from nodes(each, *above, expression)


def selectors(expression: Any) -> list[Any]:
    """The series that are asked for."""
    return [node for node, _ in nodes(expression) if isinstance(node, p.VectorSelector)]


def labels_of_modifiers(expression: Any) -> set[str]:
    """The labels that are grouped by, joined on or taken over."""
    found: set[str] = set()
    for node, _ in nodes(expression):
        modifier = getattr(node, "modifier", None)
        for part in (modifier, getattr(modifier, "matching", None)):
            found |= set(getattr(part, "labels", None) or ())
        found |= set(getattr(modifier, "group_labels", None) or ())
        card = getattr(modifier, "card", None)
        found |= set(getattr(card, "labels", None) or ())
    return found


def made_labels(expression: Any) -> set[str]:
    """The labels that ``label_replace`` makes."""
    return {
        node.args[1].val
        for node, _ in nodes(expression)
        if isinstance(node, p.Call) and node.func.name == "label_replace"
    }
