"""Boards hold to Grafana's own schema: right keys, right types, right words."""

from collections.abc import Iterator
from typing import Any

import pytest

from djmetrics.grafana.options import panels

from ..components.fixtures import need
from . import schema
from .boards import BOARDS, Json

pytestmark = pytest.mark.once

SCHEMAS = schema.load()

KNOWN = {
    "annotations.list.target": "Grafana's Prometheus plug-in reads expr and interval in it",
    "annotations.list.textFormat": "the same plug-in's, as are the next three",
    "annotations.list.titleFormat": "",
    "annotations.list.tagKeys": "",
    "annotations.list.useValueForTime": "",
    "templating.list.definition": "Grafana writes it itself",
    "panels.fieldConfig.defaults.fieldMinMax": "in the types of @grafana/data, and of the Foundation SDK",
}
"""Keys that the types leave out, though Grafana reads them."""


def wrong(value: Any, name: str) -> Iterator[str]:
    """What a schema has to say of a value, one line each."""
    need("jsonschema", "test")
    from jsonschema import Draft7Validator

    for error in Draft7Validator(SCHEMAS[name]).iter_errors(value):
        path = ".".join(str(each) for each in error.absolute_path if not isinstance(each, int))
        yield f"{name}: {path}: {error.message[:200]}"


def in_schema(board: Json) -> Json:
    """The board without the keys that are known to be missing in the types."""

    def without(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            paths = {key: f"{path}.{key}".lstrip(".") for key in value}
            return {key: without(each, paths[key]) for key, each in value.items() if paths[key] not in KNOWN}
        return [without(each, path) for each in value] if isinstance(value, list) else value

    found: Json = without(board, "")
    return found


def mistakes(board: Json) -> list[str]:
    """All that the schemas have to say of a board and its panels."""
    found = list(wrong(in_schema(board), "dashboard"))
    for panel in panels(board):
        kind = panel["type"].replace("-", "")
        if kind != "row":
            found += wrong(panel["options"], f"{kind}.Options")
        if f"{kind}.FieldConfig" in SCHEMAS:
            found += wrong(panel["fieldConfig"]["defaults"].get("custom", {}), f"{kind}.FieldConfig")
    return found


@pytest.mark.parametrize("uid", BOARDS)
def test_board_holds_to_the_schema(uid: str) -> None:
    """No key that Grafana's types do not know, no value of another type, no word that is none of theirs."""
    assert mistakes(BOARDS[uid]) == []
