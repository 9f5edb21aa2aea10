"""Exceptions that nothing handled: each becomes one event, and what was dealt with becomes none."""

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest
import sentry_sdk
from django.test import AsyncClient, Client, override_settings

from djmetrics import runtime
from tests.exporters.sentry.site import SECRET, Broken

pytestmark = pytest.mark.django_db


def reported(receiver: Any) -> list[dict[str, Any]]:
    sentry_sdk.flush()
    events: list[dict[str, Any]] = receiver.events
    return events


def errors(receiver: Any) -> list[tuple[str, str]]:
    """The transaction of each event and what it says broke."""
    return [(each["transaction"], each["exception"]["values"][-1]["value"]) for each in reported(receiver)]


def test_a_view(site, client, receiver):
    """A failing view is one event with what is known of its request."""
    with site({"RELEASE": "v7"}, ENVIRONMENT="tests"):
        assert client.get("/fail/5/").status_code == 500
        [event] = reported(receiver)

    assert event["transaction"] == "fail"
    assert (event["release"], event["environment"], bool(event["server_name"])) == ("v7", "tests", True)
    said = {"page": "fail", "innermost": "yes"}
    assert event["tags"] == {"view": "fail", "route": "fail/<int:number>/", "kind": "request", **said}
    assert event["request"] == {"method": "GET", "url": "/fail/<int:number>/"}
    [value] = event["exception"]["values"]
    assert value["mechanism"] == {"type": "djmetrics", "handled": False}
    assert value["stacktrace"]["frames"][-1]["function"] == "fail"
    assert all("djmetrics" not in frame["module"] for frame in value["stacktrace"]["frames"])
    known = event["contexts"]["djmetrics"]
    assert (known["queries"], known["cache_misses"], known["status"]) == (1, 1, 500)
    assert sum(known["phases_ms"].values()) == pytest.approx(known["duration_ms"], abs=0.01)
    assert known["slowest_statements"][0]["statement"] == "SELECT ?, %s"
    crumbs = [(each["category"], each["message"]) for each in event["breadcrumbs"]["values"]]
    assert crumbs == [("query", "SELECT ?, %s"), ("cache", "get"), ("view", "fail")]


@pytest.mark.parametrize(
    "path, view, says",
    [
        ("/fail/5/", "fail", "it broke"),
        ("/fail-async/", "fail-async", "it broke in a task"),
        ("/template/", "template", "in a template"),
        ("/stream/", "stream", "midway"),
        ("/stream-async/", "stream-async", "midway, in a task"),
        ("/captured/", "captured", "captured, then raised"),
        ("/handled/", "handled", "dealt with"),
    ],
)
@pytest.mark.parametrize("is_async", [False, True], ids=["wsgi", "asgi"])
def test_once(site, receiver, path, view, says, is_async):
    """Wherever it comes from, it is reported once, sync and async."""
    with site():
        if is_async:
            asyncio.run(get_async(path))
        else:
            get(path)
        assert errors(receiver) == [(view, says)]


def get(path: str) -> None:
    response = Client(raise_request_exception=False).get(path)
    if response.streaming:
        warned = pytest.warns(Warning, match="asynchronous") if response.is_async else nullcontext()
        with warned, pytest.raises(Broken, match="midway"):
            b"".join(response)
        response.close()


async def gathered(response: Any) -> bytes:
    return b"".join([each async for each in response] if response.is_async else response)


async def get_async(path: str) -> None:
    response = await AsyncClient(raise_request_exception=False).get(path)
    if response.streaming:
        with pytest.raises(Broken, match="midway"):
            await gathered(response)
        response.close()


@pytest.mark.parametrize("path", ["/missing/", "/denied/", "/suspicious/", "/nowhere/", "/fine/"])
@pytest.mark.parametrize("debug", [False, True])
def test_answers_are_no_errors(site, client, receiver, path, debug):
    """What Django answers with a 4xx page is no failure, DEBUG or not."""
    with site(), override_settings(DEBUG=debug):
        client.get(path)
        assert reported(receiver) == []


def test_debug(site, client, receiver):
    """With DEBUG on the page is Django's technical one, and the event the same."""
    with site(), override_settings(DEBUG=True):
        assert b"it broke" in client.get("/fail/5/").content
        assert errors(receiver) == [("fail", "it broke")]


def test_a_middleware(site, client, receiver):
    """A middleware that fails on the way out is reported for the view; with the view's own failure both are."""
    ours, *others = __import__("tests.settings").settings.MIDDLEWARE
    chain = [ours, "tests.exporters.sentry.site.breaking", *others]
    with override_settings(MIDDLEWARE=chain), site():
        client.get("/fine/")
        assert errors(receiver) == [("fine", "in a middleware")]
        receiver.events.clear()
        client.get("/fail/5/")
        assert errors(receiver) == [("fail", "it broke"), ("fail", "in a middleware")]


@pytest.mark.parametrize("code, times", [(0, 0), (3, 1)])
def test_an_exit(site, receiver, code, times):
    """A server that ends its worker in the middle of a request is reported; an orderly exit is not."""
    with site():
        with pytest.raises(SystemExit):
            Client().get(f"/leave/{code}/")
        assert len(reported(receiver)) == times


def test_nasty_exceptions(site, client, receiver):
    """An exception without words, a group, and locals that are huge and recursive are reported like any."""
    with site(LOCAL_VARIABLES=True):
        for path in ("/unspeakable/", "/group/", "/huge/"):
            client.get(path)
        events = reported(receiver)

    assert [each["transaction"] for each in events] == ["unspeakable", "group", "huge"]
    assert len(events[1]["exception"]["values"]) == 4
    assert max(map(len, receiver.raw)) < 500_000


def test_scopes_are_apart(site, receiver):
    """What a request's code tells the SDK is on its own events only, with tasks side by side."""

    async def both() -> None:
        client = AsyncClient(raise_request_exception=False)
        await asyncio.gather(*(client.get(f"/tagged/{name}/") for name in "abcd"))

    with site():
        sentry_sdk.set_tag("process", "here")
        asyncio.run(both())
        tags = {
            each["exception"]["values"][0]["value"]: (each["tags"]["first"], each["tags"]["second"])
            for each in reported(receiver)
        }
        assert all(each["tags"]["process"] == "here" for each in receiver.events)
        assert sentry_sdk.get_isolation_scope()._tags == {"process": "here"}
    assert tags == {name: (name, name) for name in "abcd"}
    assert len({each["contexts"]["trace"]["trace_id"] for each in receiver.events}) == 4


def test_nothing_leaks_into_the_next(site, client, receiver):
    """A tag and a breadcrumb of one request are not on the next one's event."""
    with site():
        client.get("/fine/")
        client.get("/fail/5/")
        client.get("/handled/")
        event = reported(receiver)[-1]
    assert not {"page", "innermost"} & set(event["tags"])
    assert event["contexts"]["djmetrics"]["unfinished"]


def test_secrets(site, client, receiver):
    """What a request carries stays here: its body, cookies, headers, query string and path, and SQL parameters."""
    client.cookies["session"] = SECRET
    with site():
        client.post(
            f"/fail/5/?q={SECRET}",
            {"password": SECRET, "name": SECRET},
            headers={"authorization": f"Bearer {SECRET}", "x-thing": SECRET, "user-agent": SECRET},
        )
        client.get(f"/tagged/{SECRET}1/")
        client.get("/refused/")
        assert len(reported(receiver)) == 3
    assert "duplicate key value violates unique constraint" in receiver.everything
    leaving = receiver.everything.replace(f'"value":"{SECRET}1"', "").replace(f'":"{SECRET}1"', "")
    assert SECRET not in leaving


def test_stopped_while_open(site, client, receiver):
    """A second start changes nothing, and after a stop the SDK is as it was."""
    with site():
        runtime.start()
        client.get("/fail/5/")
        assert errors(receiver) == [("fail", "it broke")]
    assert not sentry_sdk.get_client().is_active()
    client.get("/nowhere/")
    assert len(receiver.events) == 1
