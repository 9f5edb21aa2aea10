"""Performance alerts: slow requests, N+1 and too many queries as events of a stable fingerprint."""

from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from django.test import override_settings

from djmetrics.destinations import Sentry
from djmetrics.exporters.sentry.alerts import Alerts
from djmetrics.record import Record, Subject
from djmetrics.units import REQUEST

SECOND = 1_000_000_000


def record(view: str = "page", seconds: float = 1.0, at: float = 0.0, subject: Subject = REQUEST) -> Record:
    made = Record(subject, view)
    made.duration, made.end = round(seconds * SECOND), round(at * SECOND)
    return made


def kinds(alerts: Alerts, made: Record) -> list[str]:
    return [event["tags"]["djmetrics.alert"] for event in alerts.of(made)]


def test_none_unless_asked():
    """Without a setting nothing is judged."""
    alerts = Alerts(Sentry())
    assert not alerts.wanted
    assert kinds(alerts, record(seconds=100)) == []


def test_once_per_view_and_period():
    """A slow request is reported once per view in each period, another view's by itself."""
    alerts = Alerts(Sentry(slow_threshold=2, alert_period=60))
    assert kinds(alerts, record(seconds=1.9)) == []
    assert kinds(alerts, record(seconds=2, at=1)) == ["slow"]
    assert kinds(alerts, record(seconds=9, at=60)) == []
    assert kinds(alerts, record("other", seconds=9, at=60)) == ["slow"]
    assert kinds(alerts, record(seconds=2, at=61)) == ["slow"]


def test_the_budget():
    """With a budget slow requests are reported once there are more of them than the budget allows."""
    alerts = Alerts(Sentry(slow_threshold=1, slow_budget=0.02, alert_period=60))
    seen = [kinds(alerts, record(seconds=2, at=each)) for each in range(4)]
    assert seen == [[], [], ["slow"], []]
    alerts = Alerts(Sentry(slow_threshold=1, slow_budget=0.02, alert_period=6000))
    seen = [kinds(alerts, record(seconds=2 if each % 80 == 0 else 0.1, at=each)) for each in range(1000)]
    assert ["slow"] not in seen


def test_the_budget_is_one_period_s():
    """What was slow in the last period does not count in this one."""
    alerts = Alerts(Sentry(slow_threshold=1, slow_budget=0.02, alert_period=60))
    assert [kinds(alerts, record(seconds=2, at=40 * each)) for each in range(8)] == [[]] * 8


def test_commands_may_take_their_time():
    """Only requests are slow; a command's statements are its own affair."""
    alerts = Alerts(Sentry(slow_threshold=1, max_queries=1))
    for kind, expected in ("command", []), ("task", ["queries"]):
        made = record(subject=Subject(kind, kind), seconds=100)
        made.queries = 2
        assert kinds(alerts, made) == expected


def test_the_memory_is_bounded(monkeypatch):
    """Beyond so many views none is added."""
    monkeypatch.setattr("djmetrics.exporters.sentry.alerts._VIEWS", 2)
    alerts = Alerts(Sentry(slow_threshold=1, slow_budget=0.0, alert_period=60))
    assert sum(len(kinds(alerts, record(f"view {each}"))) for each in range(100)) <= 6


@pytest.fixture
def tried(site: Any, client: Any, receiver: Any) -> Iterator[Any]:
    def ask(path: str, **chosen: Any) -> list[dict[str, Any]]:
        with site(**chosen):
            client.get(path)
            client.get(path)
            sentry_sdk.flush()
        events: list[dict[str, Any]] = receiver.events
        return events

    return ask


@pytest.mark.django_db
def test_n_plus_one(tried):
    """An event of its own kind with the statement, without data, and the place in the code."""
    [event] = tried("/n-plus-one/", N_PLUS_ONE=5)

    assert event["message"] == "N+1 queries: n-plus-one"
    assert event["fingerprint"] == ["djmetrics", "n_plus_one", "n-plus-one"]
    assert (event["level"], event["transaction"]) == ("warning", "n-plus-one")
    assert event["tags"]["djmetrics.alert"] == "n_plus_one"
    assert event["extra"]["statement"] == "SELECT name FROM sqlite_master WHERE name = ?"
    assert "site.py" in event["extra"]["location"]
    assert "in n_plus_one" in event["extra"]["location"]
    [repeated] = event["contexts"]["djmetrics"]["repeated_statements"]
    assert (repeated["runs"], repeated["location"]) == (6, event["extra"]["location"])


@pytest.mark.django_db
def test_too_many_queries_and_slow(tried):
    """Each kind is an issue of its own."""
    events = tried("/n-plus-one/", MAX_QUERIES=3, SLOW_THRESHOLD=0)
    assert [event["message"] for event in events] == ["Slow: n-plus-one", "Too many queries: n-plus-one"]
    assert all(event["contexts"]["djmetrics"]["queries"] == 6 for event in events)


@pytest.mark.django_db
def test_not_of_excluded_views(site, client, receiver):
    """A view that is left out of all data is left out here."""
    with site({"EXCLUDE_VIEWS": ["fine", "fail"]}, SLOW_THRESHOLD=0), override_settings(DEBUG=False):
        client.get("/fine/")
        client.get("/fail/1/")
        sentry_sdk.flush()
    assert receiver.events == []
