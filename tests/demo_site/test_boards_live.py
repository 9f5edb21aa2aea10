"""Every query of every board, asked of a real Prometheus that reads the demo under load."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demo_site.launch.parts import RELEASES
from demo_site.preview import screenshots
from djmetrics.grafana.options import Json, Options, fitted, panels
from tests.components.chromium import Chromium
from tests.components.fixtures import program
from tests.components.prometheus import Prometheus
from tests.grafana.boards import BOARDS, BY_DEFAULT, Query, label_queries, queries, substituted

from .test_make_demo import JOB, started, taken  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.xdist_group("make demo")]

# The demo is scraped every two seconds.
RATE, RANGE = 20, 60
VALUES = {
    "job": JOB,
    "release": RELEASES[1],
    "baseline": RELEASES[0],
    "__rate_interval": f"{RATE}s",
    "__range": f"{RANGE}s",
}

EMPTY = {
    "djmetrics-overview: Views, by the time that they take: F": "nothing is a week old",
    "djmetrics-view: Latency, now and a week ago: B": "nothing is a week old",
    "djmetrics-cache: Bytes read and written": "the demo's cache holds objects, of unknown size",
    "djmetrics-runtime: Management commands": "the demo's command has ended before Prometheus starts",
    "djmetrics-runtime: Tasks": "the demo has no tasks",
    "djmetrics-errors: Failed commands and tasks: B": "the same",
}
"""What has no data in the demo, by the beginning of where it stands, and why."""


def ask(prometheus: Prometheus, query: Query) -> list[dict[str, Any]]:
    """What a panel would get."""
    text, now = query.asked(**VALUES), time.time()
    if query.target.get("instant"):
        return prometheus.query(text)
    found = prometheus.api(
        "query_range", query=text, start=f"{now - RANGE}", end=f"{now}", step=str(RATE // 4)
    )
    result: list[dict[str, Any]] = found["result"]
    return result


BROKEN_PAGES = 'sum(rate(django_request_exceptions_total{view="runs:leaderboard"}[20s])) > 0'
"""The page that needs the cache, where that is dead."""


def most(prometheus: Prometheus, where: str) -> float:
    """The greatest latest value of a query."""
    (query,) = [each for board in BOARDS.values() for each in queries(board) if each.where == where]
    latest = [float(series["values"][-1][1]) for series in ask(prometheus, query)]
    return max((value for value in latest if math.isfinite(value)), default=0.0)


def eventually(is_so: Callable[[], bool], seconds: float = 40) -> bool:
    """Whether it is so in time."""
    end = time.monotonic() + seconds
    while not (found := is_so()) and time.monotonic() < end:
        time.sleep(1)
    return found


def expected_empty(query: Query) -> bool:
    """Whether there is a reason for it to have no data."""
    return any(query.where.startswith(where) for where in EMPTY)


def test_every_query_has_data(taken: None, chromium: Chromium, tmp_path: Path) -> None:  # noqa: F811
    """No query fails, and each has data, but for those that the demo has nothing for, which are named.

    Meanwhile the demo deploys a release. And the preview draws all of it. Then the cache dies, and pages with it.
    """
    program("prometheus")
    cache, nothing = tmp_path / "cache", tmp_path / "nothing"
    (tmp_path / "files").mkdir()
    cache.symlink_to(tmp_path / "files")
    nothing.symlink_to("/dev/null")
    with started("--deploy-after", "25", CACHE_URL=f"filecache://{cache}") as demo:
        preview = demo.found(r"Boards\s+(http://127\.0\.0\.1:\d+)/")
        prometheus = Prometheus(int(demo.found(r"Prometheus\s+http://127\.0\.0\.1:(\d+)/")), Path())
        end = time.monotonic() + 180
        asked = [query for board in BOARDS.values() for query in queries(board)]
        left = [query for query in asked if not expected_empty(query)]
        while left and time.monotonic() < end:
            time.sleep(2)
            left = [query for query in left if not ask(prometheus, query)]
        spent = one_after_another(prometheus)
        drawn, said = previewed(chromium, preview)
        surprising = [query.where for query in asked if expected_empty(query) and ask(prometheus, query)]
        choices = {
            f"{board['uid']}: {label}": values(prometheus, selector, label)
            for board in BOARDS.values()
            for selector, label in label_queries(board)
        }
        nothing.replace(cache)  # from one moment to the next: the demo writes there all the time
        assert eventually(lambda: most(prometheus, "djmetrics-cache: Failures: A") > 0)
        assert eventually(lambda: bool(prometheus.query(BROKEN_PAGES)))
    assert [query.where for query in left] == []
    # A rate leaves out the first sample of a new series, and a new status is one for the duration alone.
    assert spent[0] == pytest.approx(spent[1], rel=0.1), "the phases add up to the mean duration"
    assert surprising == [], "there is data now: take it from the list"
    # The demo is in no namespace.
    assert {name.partition(": ")[2] for name, found in choices.items() if not found} == {"namespace"}
    assert said == []
    assert {uid: len(panels) for uid, panels in drawn.items()} == {
        uid: sum(panel["type"] != "row" for panel in shown(BOARDS[uid])) for uid in BY_DEFAULT
    }
    failed = [(uid, each) for uid, panels in drawn.items() for each in panels if each["status"] != "drawn"]
    assert failed == []
    (versions,) = [each for each in drawn["djmetrics-runtime"] if each["panel"] == "Versions"]
    assert RELEASES[1] in versions["text"].split()
    empty = [f"{uid}: {each['panel']}" for uid, panels in drawn.items() for each in panels if is_empty(each)]
    # What no query has data for has none here; a table that is empty says so in a word of its own.
    assert [name for name in empty if not any(where.startswith(name) for where in EMPTY)] == []


def shown(board: Json) -> list[Json]:
    """The panels that a board without options has."""
    return panels(fitted(board, Options()))


def is_empty(panel: dict[str, str]) -> bool:
    """Whether a panel of the preview says that it has no data."""
    return panel["text"].strip().endswith("No data")


def previewed(chromium: Chromium, preview: str) -> tuple[dict[str, list[dict[str, str]]], list[str]]:
    """What the preview draws of each board, and what the browser complains of."""
    said: list[str] = []
    drawn = {}
    with chromium.page() as page:
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("response", lambda answer: said.append(answer.url) if answer.status >= 400 else None)
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        for uid in BY_DEFAULT:
            # Of the views this one has a bit of everything.
            drawn[uid] = screenshots.shown(page, preview, uid, "seconds=120&var-view=runs:leaderboard")
    return drawn, said


def one_after_another(prometheus: Prometheus) -> tuple[float, float]:
    """The sum of the phases of an average request, and its duration, at one moment."""
    board = BOARDS["djmetrics-overview"]
    phases, mean = [each for each in queries(board) if "Seconds per request, by phase" in each.where]
    at = time.time() - 5  # all of it is scraped, and the same for both
    found = [
        prometheus.api("query", query=each.asked(**VALUES), time=f"{at}")["result"] for each in (phases, mean)
    ]
    first, second = (sum(float(series["value"][1]) for series in result) for result in found)
    return first, second


def values(prometheus: Prometheus, selector: str, label: str) -> list[str]:
    """What a variable offers."""
    found = prometheus.query(f"group by ({label}) ({substituted(selector, VALUES)})")
    return [each["metric"][label] for each in found if label in each["metric"]]
