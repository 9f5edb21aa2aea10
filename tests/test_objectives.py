"""Objectives in the settings: how they are read, and what is said of a wrong one."""

from typing import Any

import pytest
from django.core import checks as django_checks
from django.test import override_settings

from djmetrics.conf import load


@pytest.mark.parametrize(
    "given, kind, where, message",
    [
        ({"up": 0.9}, "type", "['up']", "must be a dict, not float."),
        ({"up": {}}, "value", "['up']", "has no OBJECTIVE, the share of requests that must be good."),
        (
            {"up": {"OBJECTIVE": 99.9}},
            *("value", "['up']['OBJECTIVE']", "must be a share between 0 and 1: 0.999 for 99.9 %."),
        ),
        ({"up": {"OBJECTIVE": 1}}, "value", "['up']['OBJECTIVE']", "must be a share between 0 and 1."),
        ({"up": {"OBJECTIVE": "high"}}, "type", "['up']['OBJECTIVE']", "must be a number, not str."),
        ({"up": {"OBJECTIVE": 0.9, "LATENCY": 0}}, "value", "['up']['LATENCY']", "must be more than 0."),
        ({"up": {"OBJECTIVE": 0.9, "VIEW": "a"}}, "key", "['up']['VIEW']", "is not a setting of djmetrics."),
        (
            {"up": {"OBJECTIVE": 0.9, "VIEWS": "a"}},
            "type",
            "['up']['VIEWS']",
            "must be a list of str, not str.",
        ),
        (
            {"up": {"OBJECTIVE": 0.9, "VIEWS": ["a", "\ud800"]}},
            *("value", "['up']['VIEWS'][1]", r"must be a name that UTF-8 can hold, not '\ud800'."),
        ),
        (
            {"Up time": {"OBJECTIVE": 0.9}},
            *("value", "['Up time']", "must be of lower case letters, digits, - and _, not 'Up time'."),
        ),
    ],
)
def test_wrong_objective_is_left_out(given: Any, kind: str, where: str, message: str) -> None:
    """Without its wrong part an objective would be another one: it goes as a whole, and the others stay."""
    settings, problems = load({"SLOS": {**given, "right": {"OBJECTIVE": 0.99}}})
    assert [(each.kind, each.where, each.message) for each in problems] == [
        (kind, f"DJMETRICS['SLOS']{where}", message)
    ]
    assert set(settings.slos) == {"right"}


def test_objective() -> None:
    """Shares and seconds become numbers, views a tuple."""
    settings, problems = load({"SLOS": {"fast": {"OBJECTIVE": 0.95, "LATENCY": 1, "VIEWS": ["a", "b"]}}})
    assert problems == ()
    fast = settings.slos["fast"]
    assert (fast.objective, fast.latency, fast.views) == (0.95, 1.0, ("a", "b"))


def checked(latency: float, **given: Any) -> list[str]:
    """What the system checks say of an objective's latency."""
    slos = {"fast": {"OBJECTIVE": 0.95, "LATENCY": latency}}
    with override_settings(DJMETRICS={"METRICS_TOKEN": "a-token-that-is-long-enough", "SLOS": slos, **given}):
        messages = django_checks.run_checks(tags=["djmetrics"])
    return [f"{each.id} {each.msg} {each.hint}" for each in messages if "SLOS" in each.msg]


@pytest.mark.parametrize(
    "latency, nearest", [(0.3, "0.25 and 0.5"), (0.001, "0.005"), (60, "10"), (0.6, "0.5 and 0.75")]
)
def test_latency_must_be_a_bound(latency: float, nearest: str) -> None:
    """The histogram cannot tell how many were within it; the check names the bounds that it can tell of."""
    assert checked(latency) == [
        f"djmetrics.W008 DJMETRICS['SLOS']['fast']['LATENCY'] is {latency:g}, which is no bound of "
        f"http.server.request.duration's buckets; the nearest: {nearest}. Correct it; until then its default is used. "
        "In a dict or a list only the wrong entry is left out. See docs/reference/checks.md#djmetrics-w008."
    ]


def test_bounds_are_those_of_the_site() -> None:
    """A bound of the catalogue's is right; one of the site's own buckets is, and then no other."""
    buckets = {"http.server.request.duration": [0.3, 3]}
    assert checked(0.5) == []
    assert checked(0.3, BUCKETS=buckets) == []
    [message] = checked(0.5, BUCKETS=buckets)
    assert "the nearest: 0.3 and 3." in message
