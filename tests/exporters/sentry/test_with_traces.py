"""Sentry beside OpenTelemetry: both from one record, and each leads to the other."""

import pytest
import sentry_sdk

from djmetrics import ambient, runtime, units
from djmetrics.testing import record as recording

pytestmark = pytest.mark.django_db
pytest.importorskip("opentelemetry.sdk")


def test_the_ids(site, client, receiver, monkeypatch):
    """The event names the trace and the span of the record, which is kept as a failed one is."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    with site({"OPENTELEMETRY": {}}):
        with recording() as memory:
            client.get("/fail/5/")
            client.get("/fine/")
        sentry_sdk.flush()
        assert len(ambient.contexts) == 2
    failed, fine = memory.records
    [event] = receiver.events
    assert event["contexts"]["trace"] == {
        "trace_id": f"{failed.trace_id:032x}",
        "span_id": f"{failed.span_id:016x}",
    }
    assert (failed.reason, failed.kept) == ("error", True)
    assert failed.exception is None
    assert list(fine.notes) == ["opentelemetry"]


def test_an_incoming_trace(site, client, receiver):
    """Without traces of ours the event still names the trace that the request came with."""
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with site():
        client.get("/fail/5/", headers={"traceparent": header})
        sentry_sdk.flush()
    assert receiver.events[0]["contexts"]["trace"]["trace_id"] == header[3:35]


def test_off_again():
    """Without the setting nothing is kept and nothing is current."""
    assert (ambient.contexts, units.keeps_exceptions, runtime._destinations) == ((), False, [])
