"""A real server that speaks Sentry's protocol: what a site reports becomes issues, and people are told."""

import json
import queue
from typing import Any

import pytest
import sentry_sdk

from tests.test_components import page_server

pytestmark = pytest.mark.django_db


def test_from_the_failing_page_to_the_mail(bugsink, site, client):
    """The failing page is one issue with its culprit, tags and trace; mail and webhook go out for it, once."""
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with page_server("") as (port, posted):
        server = bugsink(f"http://127.0.0.1:{port}/")
        chosen = {"ENVIRONMENT": "tests", "N_PLUS_ONE": 5}
        with site({"RELEASE": "v7"}, DSN=server.dsn, **chosen):
            client.get("/fail/5/", headers={"traceparent": header})
            sentry_sdk.flush()
            [issue] = server.wait_for(server.issues)
            told = json.loads(posted.get(timeout=20))
            assert len(server.wait_for(server.mails)) == 1

            client.get("/fail/6/")
            sentry_sdk.flush()
            server.wait_for(lambda: server.issues()[0]["digested_event_count"] == 2)
            assert len(server.mails()) == 1
            with pytest.raises(queue.Empty):
                posted.get(timeout=0.5)

            client.get("/n-plus-one/")
            sentry_sdk.flush()
            server.wait_for(lambda: len(server.issues()) == 2)

    assert (issue["calculated_type"], issue["calculated_value"]) == ("Broken", "it broke")
    assert issue["transaction"] == told["transaction"] == "fail"
    assert told["alert_reason"] == "NEW"
    events = server.events(issue["id"])
    first = next(each for each in events if each["contexts"]["trace"]["trace_id"] == header[3:35])
    assert tags(first) >= {"view": "fail", "route": "fail/<int:number>/", "page": "fail"}.items()
    assert (first["release"], first["environment"]) == ("v7", "tests")
    assert first["contexts"]["trace"]["span_id"] == header[36:52]
    assert first["contexts"]["djmetrics"]["queries"] == 1
    assert first["contexts"]["djmetrics"]["phases_ms"]["db"] > 0
    alert = server.issues()[1]
    assert alert["transaction"] == "n-plus-one"
    assert "N+1 queries: n-plus-one" in json.dumps(alert)


def tags(event: dict[str, Any]) -> Any:
    return dict(event["tags"]).items()
