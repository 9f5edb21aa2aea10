"""The board that asks Sentry holds to the queries and the columns of Grafana's plugin for it, version 2.

Both are written down here from the plugin's published types and documentation; the plugin itself is not at hand.
"""

from typing import Any

import pytest

from djmetrics import semconv

from .boards import BOARDS, Json
from .test_lint import of_boards

pytestmark = pytest.mark.once

PLUGIN = "grafana-sentry-datasource"
COMMON = {"datasource", "refId", "queryType", "projectIds", "environments"}
KEYS = {
    "issues": {"issuesQuery", "issuesSort", "issuesLimit"},
    "events": {"eventsQuery", "eventsFields", "eventsSort", "eventsSortDirection", "eventsLimit"},
    "eventsStats": {
        *("eventsStatsQuery", "eventsStatsYAxis", "eventsStatsGroups", "eventsStatsSort", "eventsStatsLimit"),
    },
}
LIMITS = {"issues": 10_000, "events": 100, "eventsStats": 10}
SORTS = {"issues": {"new", "date", "priority", "freq", "user"}, "events": {"last_seen()", "count()", "epm()"}}

ISSUE = {
    *("ID", "ShortID", "Title", "Count", "UserCount", "Status", "Substatus", "Level", "Type", "Platform"),
    *("FirstSeen", "LastSeen", "Culprit", "HasSeen", "IsUnhandled", "Permalink", "IsPublic", "NumComments"),
}
"""The columns of a table of issues."""

SEARCHED = {"is": {"unresolved"}, "event.type": {"error"}, "has": {semconv.ALERT}}
"""What may be searched for: Sentry's own properties, and the tag of our alerts."""


def of_sentry(panel: Json) -> list[Json]:
    """A panel's queries for Sentry."""
    return [each for each in panel.get("targets", ()) if each["datasource"]["type"] == PLUGIN]


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_queries_are_the_plugins(board: Json, panel: Json) -> None:
    """Each key is one of its kind of query, all are there, and the words are the plugin's."""
    for target in of_sentry(panel):
        kind = target["queryType"]
        assert set(target) == COMMON | KEYS[kind]
        assert 0 < target[f"{kind}Limit"] <= LIMITS[kind]
        assert target.get(f"{kind}Sort") in SORTS.get(kind, {"-count()"})
        assert target["projectIds"] == ["${sentry_project}"]
        assert target["environments"] == ["${sentry_environment}"]
        for term in target[f"{kind}Query"].split():
            name, _, value = term.removeprefix("!").partition(":")
            assert value in SEARCHED[name]


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_columns_are_the_plugins(board: Json, panel: Json) -> None:
    """A table of issues has the plugin's columns, one of events those that it asks for."""
    for target in of_sentry(panel):
        columns = {
            name
            for step in panel.get("transformations", ())
            for name in step["options"].get("renameByName", {})
        }
        known = {"issues": ISSUE, "events": set(target.get("eventsFields", ())), "eventsStats": set[str]()}
        assert columns <= known[target["queryType"]]
        assert (panel["type"] == "table") == bool(columns)


@pytest.mark.parametrize("uid", BOARDS)
def test_variables_are_the_plugins(uid: str) -> None:
    """Projects and environments are asked for as the plugin understands it, and only where a query uses them."""
    board = BOARDS[uid]
    found: dict[str, Any] = {each["name"]: each for each in board["templating"]["list"]}
    asked = any(of_sentry(panel) for panel in board["panels"])
    assert ({"sentry_datasource", "sentry_project", "sentry_environment"} <= set(found)) == asked
    if asked:
        assert found["sentry_project"]["query"] == {"type": "projects"}
        chosen = {"projectIds": ["${sentry_project}"], "type": "environments"}
        assert found["sentry_environment"]["query"] == chosen
        assert found["sentry_datasource"]["query"] == PLUGIN


def test_there_is_such_a_board() -> None:
    """The checks above have something to check."""
    panels = [panel for board in BOARDS.values() for panel in board["panels"] if of_sentry(panel)]
    assert {each["queryType"] for panel in panels for each in of_sentry(panel)} == set(KEYS)
