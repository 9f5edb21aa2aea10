"""Grafana's own types know each key that a board has."""

import json
from typing import Any

import pytest

from ..components.fixtures import need
from .boards import BOARDS, Json

# The types of the classic model are said to be superseded by those of the next; Grafana reads both.
pytestmark = [pytest.mark.filterwarnings("ignore:Prefer using dashboardv2"), pytest.mark.once]


def lost(before: Any, after: Any, path: str = "") -> list[str]:
    """The keys of ``before`` that ``after`` has not got."""
    if isinstance(before, dict):
        after = after if isinstance(after, dict) else {}
        return [
            each
            for key, value in before.items()
            for each in (lost(value, after[key], f"{path}.{key}") if key in after else [f"{path}.{key}"])
        ]
    if isinstance(before, list):
        if not isinstance(after, list) or len(before) != len(after):
            return [path]
        pairs = enumerate(zip(before, after, strict=True))
        return [each for number, pair in pairs for each in lost(*pair, f"{path}[{number}]")]
    return []


def round_trip(board: Json) -> Json:
    """The board, read and written by Grafana's own types."""
    need("grafana_foundation_sdk", "test")
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    read: Json = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    return read


@pytest.mark.parametrize("uid", BOARDS)
def test_no_key_is_dropped(uid: str) -> None:
    """Nothing is lost between the board and Grafana's types: no key is misspelt or of another version."""
    assert lost(without_empty(BOARDS[uid]), round_trip(BOARDS[uid])) == []


def without_empty(value: Any) -> Any:
    """A board without keys that say nothing: the types leave those out."""
    if isinstance(value, dict):
        return {key: without_empty(each) for key, each in value.items() if each is not None}
    return [without_empty(each) for each in value] if isinstance(value, list) else value
