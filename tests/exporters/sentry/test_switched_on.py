"""What it takes to switch reporting on, and that its absence stops nothing."""

import sys
from collections import Counter
from typing import Any

import pytest
import sentry_sdk
from django.test import override_settings

from djmetrics import ambient, annotate, guard, recorder, units

pytestmark = pytest.mark.django_db


def test_without_the_sdk(site, client, monkeypatch, caplog):
    """Without sentry-sdk the site works, and a line in the log says what is missing."""
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    for name in [each for each in sys.modules if each.startswith("djmetrics.exporters.sentry")]:
        monkeypatch.delitem(sys.modules, name)
    with site(), override_settings(ROOT_URLCONF="tests.urls"):
        assert (ambient.contexts, units.keeps_exceptions) == ((), False)
        assert client.get("/nowhere/").status_code == 404
    assert "reports nothing to Sentry" in caplog.text


def test_without_the_hook(site, client, receiver, caplog):
    """Where the scrubbing hook cannot be imported nothing leaves."""
    with site(BEFORE_SEND="no.such.hook"):
        client.get("/fail/1/")
        sentry_sdk.capture_message("nobody hears it")
        sentry_sdk.flush()
    assert receiver.raw == []
    assert "no.such" in caplog.text or "No module named" in caplog.text


def test_an_event_of_nobody_s(site, client, receiver):
    """What is captured outside of any unit of work is sent as it is."""
    with site():
        client.get("/fine/")
        sentry_sdk.capture_message("by the way")
        sentry_sdk.flush()
    [event] = receiver.events
    assert event["message"] == "by the way"
    assert "djmetrics" not in event["contexts"]


@pytest.mark.usefixtures("lenient")
def test_a_failure_of_ours(site, client, receiver, monkeypatch):
    """An event that we fail to enrich leaves all the same, and the failure is counted."""

    def fail(*args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(guard, "counts", Counter())
    monkeypatch.setattr("djmetrics.exporters.sentry.enrichment.summary", fail)
    with site():
        client.get("/fail/1/")
        sentry_sdk.flush()
    assert len(receiver.events) == 1
    assert guard.counts == {"exporters.sentry.enrichment": 1}


def test_what_the_caller_says_of_an_event(site, client, receiver):
    """What an event brings along is not replaced."""
    with site():
        record = units.open()
        units.announce(record)
        outer = recorder.make_current(record.root)
        sentry_sdk.capture_event({"message": "named", "transaction": "mine", "request": {"method": "PUT"}})
        recorder.make_current(outer)
        units.close(record)
        sentry_sdk.flush()
    [named] = receiver.events
    assert (named["transaction"], named["request"]) == ("mine", {"method": "PUT"})


def test_no_release(site, client, receiver, monkeypatch):
    """Where nobody names a release there is none, and no program is started to find one."""
    monkeypatch.delenv("SENTRY_RELEASE", raising=False)

    def fail(*args: Any, **kwargs: Any) -> None:
        pytest.fail("a program was started")

    monkeypatch.setattr("subprocess.Popen", fail)
    with site():
        client.get("/fail/1/")
        sentry_sdk.flush()
    assert receiver.events[0].get("release") is None
    monkeypatch.setenv("SENTRY_RELEASE", "of-the-variable")
    with site():
        client.get("/fail/1/")
        sentry_sdk.flush()
    assert receiver.events[1]["release"] == "of-the-variable"


def test_annotations(site, receiver):
    """What a site says of a request with ``annotate()`` is a tag of its event."""
    with site():
        record = units.open()
        units.announce(record)
        outer = recorder.make_current(record.root)
        annotate(tier="gold")
        sentry_sdk.capture_message("now")
        recorder.make_current(outer)
        units.close(record)
        sentry_sdk.flush()
    assert receiver.events[0]["tags"]["tier"] == "gold"
