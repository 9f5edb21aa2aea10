"""Every alert: it fires when it must, with its exact words, and is silent when it must be."""

from pathlib import Path

import pytest

from djmetrics.rules.document import alert_names

from .cases import Promtool, tried
from .stories import STORIES


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
