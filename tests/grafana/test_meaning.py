"""What a panel says fits what it asks: units, columns, windows, traces."""

import re
from typing import Any

import pytest

from djmetrics import semconv
from djmetrics.grafana.options import panels

from ..components.fixtures import need
from .boards import BOARDS, Json, substituted
from .test_lint import of_boards

pytestmark = pytest.mark.once

UNITS = {"_seconds_bucket": "s", "_size_bytes_bucket": "bytes"}
"""The unit of a quantile, by the end of its metric's name."""

RESOURCE = {"service.name", "service.version", "deployment.environment.name"}
ALL = {".*", ".+"}


def units_of_quantiles(expr: str) -> set[str]:
    """The units of a query's result, if that is a quantile or several; none if it is something else."""
    need("promql_parser", "test")
    import promql_parser as p

    from .promql import selectors

    tree = p.parse(substituted(expr, {}))
    if not isinstance(tree, p.Call) or tree.func.name != "histogram_quantile":
        return set()
    names = [each.name for each in selectors(tree)]
    return {unit for name in names for end, unit in UNITS.items() if name.endswith(end)}


def column(panel: Json, target: Json) -> str:
    """The name of the column that a table has for a query; elsewhere its legend."""
    if panel["type"] != "table":
        return str(target["legendFormat"])
    [renamed] = [
        step["options"]["renameByName"]
        for step in panel.get("transformations", ())
        if step["id"] == "organize"
    ] or [{}]
    return str(renamed.get("Value" if len(panel["targets"]) == 1 else f"Value #{target['refId']}", ""))


def unit(panel: Json, target: Json) -> str:
    """The unit in which a query's values are shown."""
    found: str = panel["fieldConfig"]["defaults"].get("unit", "")
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"] == {"id": "byName", "options": column(panel, target)}:
            found = {each["id"]: each["value"] for each in override["properties"]}.get("unit", found)
    return found


def of_prometheus(panel: Json) -> list[Json]:
    """A panel's queries in PromQL."""
    return [each for each in panel.get("targets", ()) if each["datasource"]["type"] == "prometheus"]


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_units(board: Json, panel: Json) -> None:
    """A quantile has its metric's unit; a percentage of 100 is none of Prometheus's, whose shares are of 1."""
    for target in of_prometheus(panel):
        shown = unit(panel, target)
        assert shown != "percent"
        assert units_of_quantiles(target["expr"]) <= {shown}, target["refId"]
        if panel["type"] == "heatmap":
            [end] = [each for each in UNITS if each in target["expr"]] or [""]
            assert panel["options"]["yAxis"]["unit"] == UNITS.get(end, "short")


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_windows(board: Json, panel: Json) -> None:
    """A graph looks at a window at each of its points, a single figure at the whole range."""
    for target in of_prometheus(panel):
        assert not target.get("hide")
        if target["range"]:
            # What was there at some time of the range may be asked for at each point.
            assert not re.search(r"(?<!last_over_time)\([^()]*\[\$__range\]", target["expr"])
        if panel["type"] == "heatmap":
            assert target["legendFormat"] == "{{le}}"


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_columns(board: Json, panel: Json) -> None:
    """A table keeps, orders and names the same columns, and each is a value or a label that a query keeps.

    Sentry's columns are held against its plugin's elsewhere.
    """
    steps = {each["id"]: each["options"] for each in panel.get("transformations", ())}
    if "organize" not in steps:
        return
    named, ordered = steps["organize"]["renameByName"], steps["organize"]["indexByName"]
    assert sorted(named) == sorted(ordered) == sorted(steps["filterFieldsByName"]["include"]["names"])
    assert sorted(ordered.values()) == list(range(len(ordered)))
    text = " ".join(each["expr"] for each in of_prometheus(panel))
    kept = set(re.findall(r"\w+", " ".join(re.findall(r"(?:by|group_left) \(([^)]*)\)", text))))
    if text:
        assert {each for each in named if not each.startswith("Value")} <= kept


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_overrides_name_a_series(board: Json, panel: Json) -> None:
    """Where legends are fixed texts, what is said of a series by its name is said of one of them."""
    legends = {each["legendFormat"] for each in of_prometheus(panel)}
    if panel["type"] != "table" and not any("{{" in each or each == "__auto" for each in legends):
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["id"] == "byName":
                assert override["matcher"]["options"] in legends


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_traces_are_asked_for_by_what_spans_have(board: Json, panel: Json) -> None:
    """A query in TraceQL names attributes that the exporter writes, and its brackets close."""
    known = {value for value in vars(semconv).values() if isinstance(value, str)}
    for target in panel.get("targets", ()):
        if target["datasource"]["type"] == "tempo":
            query = target["query"]
            assert re.fullmatch(r'\{([^{}"]|"[^"]*")+\}', query)
            for scope, name in re.findall(r"\b(span|resource)\.([\w.]+)", query):
                assert name in (known if scope == "span" else RESOURCE)


@pytest.mark.parametrize("uid", BOARDS)
def test_choices(uid: str) -> None:
    """What can be chosen has a label, "all" matches everything, and what is repeated is a choice of several."""
    variables: dict[str, Any] = {each["name"]: each for each in BOARDS[uid]["templating"]["list"]}
    for each in variables.values():
        assert each.get("label") or each["hide"] == 2
        if each.get("includeAll") and each["datasource"]["type"] == "prometheus":
            assert each["allValue"] in ALL
    for panel in panels(BOARDS[uid]):
        if "repeat" in panel:
            assert variables[panel["repeat"]]["multi"]


@pytest.mark.parametrize("uid", BOARDS)
def test_other_boards_are_listed(uid: str) -> None:
    """The list of boards has this one in it."""
    for each in BOARDS[uid]["links"]:
        assert set(each["tags"]) <= set(BOARDS[uid]["tags"])
