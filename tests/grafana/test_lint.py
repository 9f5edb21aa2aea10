"""Boards are sound: nothing overlaps, nothing is nameless, links lead somewhere, queries follow the rules."""

import re
from itertools import combinations
from typing import Any

import pytest

from djmetrics.grafana.options import panels

from ..components.fixtures import need
from .boards import BOARDS, BUILT_IN, VARIABLE, Json, Query, queries

pytestmark = pytest.mark.once

COUNTED = re.compile(r"_(bucket|count|sum|total)$")
TRANSFORMATIONS = {"merge", "filterFieldsByName", "organize", "joinByField", "sortBy", "labelsToFields"}
WITHOUT_QUERIES = {"row", "text"}
COLUMNS = 24


def of_boards(kind: str) -> Any:
    """Every panel or every query of all boards."""
    found: list[Any] = []
    for uid, board in BOARDS.items():
        if kind == "query":
            found += [pytest.param(each, id=each.where) for each in queries(board)]
        else:
            found += [
                pytest.param(board, each, id=f"{uid}:{each['id']}")
                for each in panels(board)
                if each["type"] != "row"
            ]
    return found


@pytest.mark.parametrize("uid", BOARDS)
def test_board(uid: str) -> None:
    """A board has its question, its uid, the schema of today, and what all boards have."""
    board = BOARDS[uid]
    assert (board["uid"], board["schemaVersion"], board["editable"]) == (uid, 42, False)
    assert board["description"].endswith("?")
    assert board["title"].startswith("djmetrics / ")
    assert "djmetrics" in board["tags"]
    assert [each["type"] for each in board["links"]] == ["dashboards"]
    assert all(each["keepTime"] and each["includeVars"] for each in board["links"])
    names = [each["name"] for each in board["templating"]["list"]]
    assert names[:3] == ["prometheus_datasource", "namespace", "job"]
    assert len(names) == len(set(names))
    ids = [panel["id"] for panel in panels(board)]
    assert len(ids) == len(set(ids))
    titles = [panel["title"] for panel in panels(board)]
    assert len(titles) == len(set(titles))
    assert board["panels"][0]["type"] == "row"


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_stand_beside_each_other(uid: str) -> None:
    """No panel lies over another or beyond the last column."""
    places = [panel["gridPos"] for panel in BOARDS[uid]["panels"]]
    assert all(place["x"] + place["w"] <= COLUMNS and place["w"] > 0 < place["h"] for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_panel(board: Json, panel: Json) -> None:
    """A panel says what it shows, in a unit that Grafana knows, with thresholds in ascending order."""
    assert panel["title"]
    assert len(panel["description"]) > 20, "what does it show?"
    assert panel["description"].endswith((".", "?"))
    defaults = panel["fieldConfig"]["defaults"]
    if panel["type"] not in WITHOUT_QUERIES:
        assert panel["targets"]
        assert [each["refId"] for each in panel["targets"]] == list("ABCDEFGHIJ")[: len(panel["targets"])]
        assert defaults.get("unit") or panel["datasource"]["type"] != "prometheus"
    need("grafana_foundation_sdk", "test")
    from grafana_foundation_sdk.models import units

    known = {value for name, value in vars(units).items() if isinstance(value, str) and name[0].isupper()}
    assert set(values_of(panel["fieldConfig"], "unit")) <= known
    steps = defaults["thresholds"]["steps"]
    assert steps[0]["value"] is None
    bounds = [each["value"] for each in steps[1:]]
    assert bounds == sorted(bounds)
    assert {each["id"] for each in panel.get("transformations", ())} <= TRANSFORMATIONS


def values_of(value: Any, key: str) -> list[str]:
    """Every value of a property in a field configuration."""
    found = []
    if isinstance(value, dict):
        if value.get("id") == key:
            found.append(value["value"])
        found += [value[key]] if isinstance(value.get(key), str) else []
        found += [each for inner in value.values() for each in values_of(inner, key)]
    elif isinstance(value, list):
        found += [each for inner in value for each in values_of(inner, key)]
    return found


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_overrides_and_columns_are_of_what_is_there(board: Json, panel: Json) -> None:
    """A table's columns come from its queries, and what is said of a column by name is said of one that it has."""
    targets = panel.get("targets", [])
    for step in panel.get("transformations", ()):
        if step["id"] == "organize":
            renamed = step["options"]["renameByName"]
            letters = [each["refId"] for each in targets]
            values = ["Value"] if len(letters) == 1 else [f"Value #{each}" for each in letters]
            if panel["datasource"]["type"] == "prometheus":
                assert [name for name in renamed if name.startswith("Value")] == values
            for each in panel["fieldConfig"]["overrides"]:
                assert each["matcher"]["options"] in renamed.values()
            for sort in panel["options"]["sortBy"]:
                assert sort["displayName"] in renamed.values()


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_labels_in_tables_are_texts(board: Json, panel: Json) -> None:
    """Grafana takes a release 2026.10 for a number, and shows 2026, where a column is not said to be text."""
    texts = {
        override["matcher"]["options"]
        for override in panel["fieldConfig"]["overrides"]
        if {"id": "unit", "value": "string"} in override["properties"]
    }
    for step in panel.get("transformations", ()):
        if step["id"] == "organize":
            renamed = step["options"]["renameByName"]
            assert texts == {heading for name, heading in renamed.items() if not name.startswith("Value")}


@pytest.mark.parametrize("uid", BOARDS)
def test_variables_are_defined(uid: str) -> None:
    """Each variable in a query, a title or a link is the board's own or Grafana's."""
    board = BOARDS[uid]
    names = {each["name"] for each in board["templating"]["list"]}
    own = re.compile(r"^(__\w+|\d+)$")
    for text in strings(board):
        used = {one or other for one, other in VARIABLE.findall(text)}
        assert {name for name in used if not own.match(name)} <= names, text
        for name in re.findall(r"\$\{(__[a-z_]+)", text) + re.findall(r"\$(__\w+)", text):
            assert name in {*BUILT_IN, "__field", "__data", "__url_time_range", "__from", "__to", "__all"}, (
                text
            )


def strings(value: Any) -> list[str]:
    """Every text in a board."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("uid", BOARDS)
def test_links_lead_somewhere(uid: str) -> None:
    """A link names a board that ships and variables that it has, and takes time range and choices along."""
    for url in (text for text in strings(BOARDS[uid]) if text.startswith("/d/")):
        match = re.fullmatch(r"/d/([\w-]+)\?(.+)", url)
        assert match, url
        assert match[1] in BOARDS
        target = {each["name"] for each in BOARDS[match[1]]["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", url)) <= target, url
        for carried in ("${__url_time_range}", "${job:queryparam}", "${namespace:queryparam}"):
            assert carried in url


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_links_use_fields_that_are_there(board: Json, panel: Json) -> None:
    """A link takes its value from a column of the table, or from a label that the query keeps."""
    columns = {
        name
        for step in panel.get("transformations", ())
        for name in step["options"].get("renameByName", {}).values()
    }
    for text in strings(panel["fieldConfig"]):
        assert set(re.findall(r"\$\{__data\.fields\.(\w+)", text)) <= columns, text
        for label in re.findall(r"\$\{__field\.labels\.(\w+)", text):
            assert any(re.search(rf"by \([^)]*\b{label}\b", each["expr"]) for each in panel["targets"]), text


@pytest.mark.parametrize("query", of_boards("query"))
def test_query(query: Query) -> None:
    """Counters under rate or increase, over Grafana's own windows; quantiles of rates by le; the site is chosen."""
    need("promql_parser", "test")
    import promql_parser as p

    from .promql import nodes

    assert "<<" not in query.text
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', query.text)
    windows = set(re.findall(r"\[([^\]]+)\]", bare))
    subquery = "$__range:$__rate_interval"
    assert windows <= {"$__rate_interval", "$__range", subquery}
    if query.target.get("instant") and subquery not in windows:
        assert "$__rate_interval" not in windows
    for node, above in nodes(p.parse(query.asked())):
        functions = [each.func.name for each in above if isinstance(each, p.Call)]
        if isinstance(node, p.VectorSelector):
            counted = bool(COUNTED.search(node.name)) and node.name != "scrape_samples_scraped"
            in_rate = bool({"rate", "increase"} & set(functions))
            assert counted == in_rate, f"{node.name} under {functions}"
            names = {each.name for each in node.matchers.matchers}
            assert names >= {"job", "namespace"} or node.name == "ALERTS", f"{node.name} of which site?"
        if isinstance(node, p.Call):
            assert node.func.name != "irate"
        if isinstance(node, p.Call) and node.func.name == "histogram_quantile":
            inner = node.args[1]
            assert isinstance(inner, p.AggregateExpr)
            assert "le" in inner.modifier.labels
            assert any(isinstance(each, p.Call) and each.func.name == "rate" for each, _ in nodes(inner))


@pytest.mark.parametrize("query", of_boards("query"))
def test_legend_has_its_braces(query: Query) -> None:
    """The builder halves the braces of what is not raw."""
    assert not re.search(r"(?<!\{)\{\w+\}", query.target.get("legendFormat", ""))


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_latency_has_exemplars(board: Json, panel: Json) -> None:
    """A heatmap of a metric that keeps trace ids shows them; an instant query has none."""
    for target in panel.get("targets", ()):
        expr = target.get("expr", "")
        if panel["type"] == "heatmap" and "http_server_request_duration_seconds_bucket" in expr:
            assert target["exemplar"]
        if target.get("exemplar"):
            assert not target["instant"]
            assert "_bucket" in expr
