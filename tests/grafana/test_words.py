"""The words and the shapes that Grafana's schema leaves free: overrides, calculations, formats, times."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from djmetrics.grafana.options import panels

from ..components.fixtures import need
from .boards import BOARDS, Json
from .test_lint import of_boards, strings
from .test_schema import SCHEMAS, wrong

pytestmark = pytest.mark.once

CALCULATIONS = {
    *("lastNotNull", "last", "firstNotNull", "first", "min", "max", "mean", "median", "variance", "stdDev"),
    *("sum", "count", "range", "delta", "step", "diff", "logmin", "allIsZero", "allIsNull", "changeCount"),
    *("distinctCount", "diffperc", "allValues", "uniqueValues"),
}
"""What Grafana can make of a series (the ids of its field reducers), percentiles aside."""

FORMATS = {
    *(
        "csv",
        "date",
        "distributed",
        "doublequote",
        "glob",
        "html",
        "join",
        "json",
        "lucene",
        "percentencode",
        "pipe",
    ),
    *("queryparam", "raw", "regex", "singlequote", "sqlstring", "text", "uriencode", "customqueryparam"),
}
"""How a variable can be written into a text."""

SHAPES = {"heatmap": {"heatmap"}, "table": {"table"}, "state-timeline": {"time_series"}}
OF_SENTRY = {"sentry_project", "sentry_environment"}
"""Variables that Sentry is asked for, in its own way."""

RELATIVE = re.compile(r"now(-\d+[smhdwMy])?(/[smhdwMy])?")


def of_a_field(value: Json) -> Iterator[str]:
    """What the schema has to say of a part of a field's configuration."""
    need("jsonschema", "test")
    from jsonschema import Draft7Validator

    definitions = SCHEMAS["dashboard"]["definitions"]
    [name] = [each for each in ("FieldConfig", "FieldConfig<any>") if each in definitions]
    schema = {"definitions": definitions, **definitions[name]}
    for error in Draft7Validator(schema).iter_errors(value):
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_overrides(board: Json, panel: Json) -> None:
    """What is said of some fields is what can be said of all of them."""
    kind = panel["type"].replace("-", "")
    for override in panel["fieldConfig"]["overrides"]:
        matcher = override["matcher"]
        assert matcher["id"] in {"byName", "byRegexp", "byFrameRefID"}
        if matcher["id"] == "byRegexp":
            re.compile(matcher["options"])
        ids = [each["id"] for each in override["properties"]]
        assert len(ids) == len(set(ids))
        for each in override["properties"]:
            name, value = each["id"], each["value"]
            if name.startswith("custom."):
                of_the_field = {
                    **panel["fieldConfig"]["defaults"]["custom"],
                    name.removeprefix("custom."): value,
                }
                assert list(wrong(of_the_field, f"{kind}.FieldConfig")) == []
            else:
                assert list(of_a_field({name: value})) == []


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_calculations(board: Json, panel: Json) -> None:
    """A legend and a figure show what Grafana can calculate."""
    options = panel["options"]
    used = {*options.get("legend", {}).get("calcs", ()), *options.get("reduceOptions", {}).get("calcs", ())}
    assert used <= CALCULATIONS


@pytest.mark.parametrize("board, panel", of_boards("panel"))
def test_queries_have_the_shape_of_the_panel(board: Json, panel: Json) -> None:
    """A query is asked for a moment or for a range, not both, and its answer comes as the panel reads it."""
    for target in panel.get("targets", ()):
        if target["datasource"]["type"] != "prometheus":
            continue
        assert target["instant"] != target["range"]
        assert target["format"] in SHAPES.get(panel["type"], {"time_series", "table"})
        assert target["editorMode"] == "code"
        if panel["type"] in {"timeseries", "heatmap", "state-timeline"}:
            assert target["range"]


@pytest.mark.parametrize("uid", BOARDS)
def test_formats_of_variables(uid: str) -> None:
    """A variable is written in a way that Grafana has."""
    for text in strings(BOARDS[uid]):
        used = set(re.findall(r"\$\{\w+:(\w+)", text))
        assert used <= FORMATS, text


@pytest.mark.parametrize("uid", BOARDS)
def test_times(uid: str) -> None:
    """The board opens at a time that Grafana understands, and reads anew as often."""
    board = BOARDS[uid]
    assert RELATIVE.fullmatch(board["time"]["from"])
    assert board["time"]["to"] == "now"
    assert re.fullmatch(r"\d+[smh]", board["refresh"])


@pytest.mark.parametrize("uid", BOARDS)
def test_variables_are_asked_for(uid: str) -> None:
    """A variable asks what it says that it asks, of the data source that was chosen, when the time range changes."""
    for variable in BOARDS[uid]["templating"]["list"]:
        if variable["type"] == "query" and variable["name"] not in OF_SENTRY:
            assert variable["query"]["query"] == variable["definition"]
            assert variable["refresh"] == 2
            assert variable["datasource"] == {"type": "prometheus", "uid": "${prometheus_datasource}"}


@pytest.mark.parametrize("uid", BOARDS)
def test_data_source_is_chosen(uid: str) -> None:
    """No panel, query or annotation names a data source of some Grafana: each takes the one chosen on the board."""
    board = BOARDS[uid]
    chosen = {
        each["query"]: f"${{{each['name']}}}"
        for each in board["templating"]["list"]
        if each["type"] == "datasource"
    }
    sources: list[Any] = [each["datasource"] for each in board["annotations"]["list"]]
    for panel in panels(board):
        if panel["type"] not in {"row", "text"}:
            sources += [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    for source in sources:
        assert source["uid"] == chosen[source["type"]]
