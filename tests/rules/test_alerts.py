"""Every alert: it fires when it must, with its exact words, and is silent when it must be."""

from pathlib import Path

import pytest

from djmetrics.rules.document import alert_names
from djmetrics.rules.options import Options

from .cases import History, Promtool, tried
from .stories import STORIES, with_slow_ones

pytestmark = pytest.mark.once


@pytest.mark.parametrize("alert", STORIES)
def test_alert(promtool: Promtool, tmp_path: Path, alert: str) -> None:
    """Each of its histories."""
    for history in STORIES[alert]():
        tried(promtool, tmp_path, history)


@pytest.mark.parametrize("alert", STORIES)
def test_both_are_tried(alert: str) -> None:
    """At one moment it fires, at another it is silent."""
    found = [bool(moment["exp_alerts"]) for history in STORIES[alert]() for moment in history.alerts]
    assert set(found) == {True, False}


def test_every_alert_is_tried() -> None:
    """No alert without its histories."""
    assert {f"Djmetrics{alert}" for alert in STORIES} == set(alert_names())


@pytest.mark.slow
@pytest.mark.parametrize("alert", with_slow_ones(STORIES))
def test_alert_under_other_labels(promtool: Promtool, tmp_path: Path, alert: str) -> None:
    """A site with other labels is told of under these; a neighbour of the same name is not mixed in."""
    options = Options(job="service", namespace="cluster", site="shop")
    for history in STORIES[alert]():
        tried(promtool, tmp_path, renamed(history), options)


def renamed(history: History) -> History:
    """The same history of a site that is labelled otherwise, beside one of the same name in another cluster."""
    series = {
        name.replace('job="shop"', f'service="shop", cluster="{cluster}"'): values
        for cluster in ("eu", "us")
        for name, values in history.series.items()
    }
    found = History(series)
    for moment in history.alerts:
        both = [
            (
                {"service": "shop", "cluster": cluster}
                | {name: value for name, value in each["exp_labels"].items() if name != "job"},
                each["exp_annotations"]
                | {
                    "dashboard_url": each["exp_annotations"]["dashboard_url"].replace(
                        "var-namespace=", f"var-namespace={cluster}"
                    )
                },
            )
            for cluster in ("eu", "us")
            for each in moment["exp_alerts"]
        ]
        found.expects(moment["eval_time"], moment["alertname"].removeprefix("Djmetrics"), *both)
    return found
