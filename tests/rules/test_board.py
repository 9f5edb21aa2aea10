"""What the SLO board says of a made-up history, by hand."""

from pathlib import Path

import pytest

from djmetrics.grafana.options import panels
from djmetrics.rules.objectives import spelt
from djmetrics.rules.options import BURNS
from tests.grafana.boards import BOARDS, queries

from .burns import errors
from .cases import Promtool, tried

pytestmark = pytest.mark.once

TABLE = "djmetrics-slo: Objectives and their budgets"
DAYS_30 = 30 * 86400

# Half of the errors that the objective of 99.9 % allows, and ten times as many, for two hours.
HALF, TEN = ("0+0.5x150", "0+999.5x150"), ("0+10x150", "0+990x150")


def asked(where: str) -> str:
    """The query of a panel, of the site's own objective."""
    [query] = [each for each in queries(BOARDS["djmetrics-slo"]) if each.where == where]
    return query.asked(job="shop", slo="availability")


@pytest.mark.parametrize(
    "bad, good, expected",
    [
        (*HALF, {"A": 0.999, "B": 0.9995, "C": 0.5, "D": 0.5, "E": DAYS_30}),
        (*TEN, {"A": 0.999, "B": 0.99, "C": -9, "D": 10, "E": 0}),
    ],
)
def test_table(promtool: Promtool, tmp_path: Path, bad: str, good: str, expected: dict[str, float]) -> None:
    """Wanted, good, left, speed, and how long the rest lasts at that speed."""
    history = errors(bad, good)
    for letter, value in expected.items():
        # Floating point leaves something at the far end.
        rounded = f"round(10000 * ({asked(f'{TABLE}: {letter}')})) / 10000"
        history.records("2h", rounded, ('{job="shop", slo="availability"}', value))
    tried(promtool, tmp_path, history)


@pytest.mark.parametrize("span", ["1 hour", "6 hours", "1 day", "3 days"])
def test_speed(promtool: Promtool, tmp_path: Path, span: str) -> None:
    """Ten times as many errors as allowed are a speed of ten, over whichever window."""
    rounded = f"round(10000 * ({asked(f'djmetrics-slo: Speed over {span}: A')})) / 10000"
    history = errors(*TEN).records("2h", rounded, ('{job="shop", slo="availability"}', 10))
    tried(promtool, tmp_path, history)


def test_line_of_each_speed_is_that_of_its_alert() -> None:
    """The board draws each line where the alert fires."""
    lines = {
        panel["title"]: panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"]
        for panel in panels(BOARDS["djmetrics-slo"])
        if panel["title"].startswith("Speed over")
    }
    assert lines == {f"Speed over {spelt(burn.long)}": burn.factor for burn in BURNS}
