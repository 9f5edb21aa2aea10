"""The preview, with a board of somebody's own: its panels are of all types that our components make."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo_site.launch import preview
from demo_site.launch.processes import Failure
from demo_site.preview import screenshots
from tests.components import process
from tests.components.chromium import Chromium
from tests.components.fixtures import absent
from tests.components.prometheus import Prometheus

ROOT = Path(__file__).resolve().parents[2]
REDUCED = {"calcs": ["lastNotNull"], "fields": "", "values": False}
DATA_SOURCE = {"type": "prometheus", "uid": "${prometheus_datasource}"}

# The demo's tests use the same folder.
pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.xdist_group("make demo")]


def panel(number: int, kind: str, *queries: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A panel as Grafana has it."""
    return {
        "id": number,
        "type": kind,
        "title": f"a {kind}",
        "gridPos": {"x": number % 3 * 8, "y": number // 3 * 8, "w": 8, "h": 8},
        "datasource": DATA_SOURCE,
        "targets": [{"refId": "ABC"[place], **query} for place, query in enumerate(queries)],
        "fieldConfig": {"defaults": {"unit": "short", "color": {"mode": "thresholds"}}, "overrides": []},
        "options": {"reduceOptions": REDUCED},
        **more,
    }


def named(name: str, value: int) -> str:
    """A query for a series of this name and value."""
    return f'label_replace(vector({value}), "name", "{name}", "", "")'


LINK = "/d/djmetrics-view?${__url_time_range}&var-view=${__data.fields.name:percentencode}"

BOARD = {
    "uid": "mine",
    "title": "Mine",
    "description": "",
    "templating": {"list": []},
    "panels": [
        panel(0, "gauge", {"expr": "vector(42)", "instant": True, "legendFormat": "answers"}),
        panel(
            1,
            "barchart",
            {"expr": f"{named('first', 3)} or {named('second', 7)}", "instant": True, "format": "table"},
            transformations=[
                {"id": "filterFieldsByName", "options": {"include": {"names": ["name", "Value"]}}}
            ],
        ),
        panel(2, "text", options={"content": "Some **words**", "mode": "markdown"}),
        panel(3, "stat", {"expr": "vector(5)", "legendFormat": "five"}),
        panel(
            4,
            "table",
            {"expr": named("a row", 11), "instant": True, "format": "table"},
            fieldConfig={
                "defaults": {},
                "overrides": [
                    {
                        "matcher": {"id": "byName", "options": "name"},
                        "properties": [{"id": "links", "value": [{"title": "There", "url": LINK}]}],
                    }
                ],
            },
        ),
        panel(5, "timeseries", {"expr": "no_such_metric"}, options={"legend": {"showLegend": False}}),
        panel(6, "timeseries", {"expr": "sum("}, options={"legend": {"showLegend": False}}),
        panel(7, "piechart", {"expr": "vector(1)"}),
    ],
}


@pytest.fixture
def address(prometheus: Prometheus, tmp_path: Path) -> Iterator[str]:
    """A preview of this board, with a Prometheus that scrapes nothing."""
    try:
        built = preview.build(ROOT / "demo_site" / "var" / "preview", print)
    except Failure as failure:
        absent(str(failure))
    (tmp_path / "mine.json").write_text(json.dumps(BOARD))
    port = process.free_port()
    command = [sys.executable, str(ROOT / "demo_site" / "preview" / "serve.py"), "--built", str(built)]
    command += ["--port", str(port), "--prometheus", f"http://127.0.0.1:{prometheus.port}"]
    command += ["--board", str(tmp_path / "mine.json"), "--seconds", "60"]
    url = f"http://127.0.0.1:{port}"
    with process.running(command, ready=lambda: process.answers(f"{url}/boards"), cwd=tmp_path):
        yield url


def test_panels_of_all_types(address: str, chromium: Chromium) -> None:
    """Each shows its figure and name; what fails says why, and what has no data says that."""
    with chromium.page() as page:
        drawn = {each["panel"]: each for each in screenshots.shown(page, address, "mine")}
        page.get_by_text("a row").click()
        page.wait_for_url("**/#djmetrics-view**")
        there = page.url
    text = {name: " ".join(each["text"].split()) for name, each in drawn.items()}
    assert "42" in text["a gauge"]
    assert "answers" in text["a gauge"]
    for word in ("first", "3", "second", "7"):
        assert word in text["a barchart"].split()
    assert "Some **words**" in text["a text"]
    assert "5" in text["a stat"].split()
    assert {"row", "11"} <= set(text["a table"].split())
    assert there == f"{address}/#djmetrics-view?seconds=60&var-view=a%20row"
    # Of two panels of one name the last is found.
    assert drawn["a timeseries"]["status"] == "failed"
    assert "parse error" in drawn["a timeseries"]["error"]


def test_what_it_cannot_draw(address: str, chromium: Chromium) -> None:
    """A type that the preview does not know is named, and the other panels are drawn."""
    with chromium.page() as page:
        drawn = {each["panel"]: each for each in screenshots.shown(page, address, "mine")}
    assert drawn["a piechart"]["status"] == "failed"
    assert "piechart" in drawn["a piechart"]["error"]
    assert drawn["a gauge"]["status"] == "drawn"
