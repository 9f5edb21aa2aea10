"""A site that calls ``sentry_sdk.init`` itself: its client is used, and each exception still reported once."""

from typing import Any

import django
import pytest

from . import elsewhere
from .site import SECRET
from .test_events import problems

pytestmark = pytest.mark.unmeasured

OWN = {"default_integrations": False, "auto_enabling_integrations": False}
DJANGO = {"integrations": ["django"], "auto_enabling_integrations": False}
WITH_LOGGING = {"integrations": ["django", "logging"], "auto_enabling_integrations": False}

TRY = """
def tried(ask, path):
    try:
        ask(path)
    except BaseException as error:
        print(type(error).__name__)
"""


def said(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["transaction"], each["exception"]["values"][-1]["value"]) for each in events]


@pytest.mark.parametrize("init", [OWN, DJANGO, WITH_LOGGING], ids=["bare", "django", "all"])
def test_once(receiver, init):
    """From a view, a template, a stream, a middleware's exit, sync and async: one event each, all alike enriched."""
    elsewhere.run(
        receiver.dsn,
        TRY
        + "for path in ('/fail/5/', '/template/', '/stream/', '/captured/', '/leave/3/'): tried(get, path)\n"
        "for path in ('/fail/5/', '/fail-async/', '/stream-async/'): tried(get_async, path)",
        init=init,
    )

    assert said(receiver.events) == [
        ("fail", "it broke"),
        ("template", "in a template"),
        ("stream", "midway"),
        ("captured", "captured, then raised"),
        ("leave", "3"),
        ("fail", "it broke"),
        ("fail-async", "it broke in a task"),
        ("stream-async", "midway, in a task"),
    ]
    for event in receiver.events:
        assert event["tags"]["view"] == event["transaction"]
        assert event["contexts"]["djmetrics"]["kind"] == "request"
        assert problems(event)[0] in (None, [])
        crumbs = [each["message"] for each in event["breadcrumbs"]["values"] if "SELECT" in each["message"]]
        assert crumbs == (["SELECT ?, %s"] if event["transaction"] == "fail" else [])
    assert [each["tags"]["page"] for each in receiver.events if "page" in each["tags"]] == [
        "fail", "stream", "fail", "async",
    ]  # fmt: skip


def test_own_name_of_a_transaction(receiver):
    """What the site itself says of an event stays."""
    elsewhere.run(
        receiver.dsn,
        "sentry_sdk.set_tag('view', 'mine')\n"
        "sentry_sdk.set_context('djmetrics', {'mine': True})\n"
        "sentry_sdk.get_current_scope().set_transaction_name('my name')\n"
        "get('/fail/5/')",
        init={**OWN, "release": "theirs", "environment": "here"},
    )
    [event] = receiver.events
    assert (event["transaction"], event["tags"]["view"]) == ("my name", "mine")
    assert event["contexts"]["djmetrics"] == {"mine": True}
    assert (event["release"], event["environment"]) == ("theirs", "here")


def test_init_after_ours(receiver):
    """A site that calls init late takes over, and each is reported through the client that is active then."""
    elsewhere.run(
        receiver.dsn,
        "get('/fail/5/')\nsentry_sdk.init(dsn, release='late', default_integrations=False)\nget('/fail/6/')",
        init={"late": True},
        settings={"DSN": receiver.dsn},
    )
    assert said(receiver.events) == [("fail", "it broke")] * 2
    assert "late" in [each.get("release") for each in receiver.events]


@pytest.mark.parametrize("init", [OWN, DJANGO], ids=["bare", "django"])
def test_secrets(receiver, init):
    """Without send_default_pii no parameter of a statement leaves in an event that we report."""
    elsewhere.run(
        receiver.dsn,
        f"get('/fail/5/', HTTP_COOKIE='sessionid={SECRET}', HTTP_AUTHORIZATION='{SECRET}')",
        init={**init, "include_local_variables": init is OWN},
    )
    assert len(receiver.events) == 1
    assert SECRET not in receiver.everything


def test_sentry_traces(receiver):
    """Where Sentry traces, the event stays in Sentry's trace and names the other beside it."""
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for init in (DJANGO, {**DJANGO, "traces_sample_rate": 1.0}):
        elsewhere.run(receiver.dsn, f"get('/fail/5/', HTTP_TRACEPARENT={header!r})", init=init)
    plain, traced = (each["contexts"] for each in receiver.events)
    assert plain["trace"] == {"trace_id": header[3:35], "span_id": header[36:52]}
    assert traced["djmetrics"]["trace_id"] == header[3:35]
    assert "op" in traced["trace"]


def test_hook(receiver):
    """The scrubbing hook is given what djmetrics added, too, where the client is the site's."""
    elsewhere.run(
        receiver.dsn,
        "get('/fail/5/')",
        init=OWN,
        settings={"BEFORE_SEND": "tests.exporters.sentry.hooks.without_context"},
    )
    [event] = receiver.events
    assert "djmetrics" not in event["contexts"]


@pytest.mark.parametrize("dsn", ["", "no dsn", "http://127.0.0.1:1/x"])
def test_no_usable_dsn(receiver, dsn):
    """Without a DSN, or with a wrong one, the site works and nothing is reported."""
    out = elsewhere.run(
        receiver.dsn, "print(len(get('/fine/')), len(get('/fail/5/')) > 0)", init=None, settings={"DSN": dsn}
    )
    assert out.split() == ["4", "True"]
    assert receiver.events == []


def test_beside_the_integrations(receiver):
    """With all of the SDK's integrations on: a command is reported once, and so is what a view's own task raised."""
    code = """
from django.core.management import call_command, BaseCommand
class Failing(BaseCommand):
    def handle(self, *args, **options):
        raise KeyError("in a command")
try:
    call_command(Failing())
except KeyError:
    import sys
    sys.excepthook(*sys.exc_info())
import django
if django.VERSION >= (6, 0):
    get('/task/')
"""
    elsewhere.run(receiver.dsn, code, init=WITH_LOGGING)
    values = [each["exception"]["values"][-1]["value"] for each in receiver.events]
    assert values == ["'in a command'", "in a task"][: 2 if django.VERSION >= (6, 0) else 1]


def test_captured_twice(receiver):
    """What the site itself reports twice is twice in Sentry, as without us; with the SDK's own filter, once."""
    code = "get('/captured-twice/')"
    elsewhere.run(receiver.dsn, code, init=OWN)
    assert said(receiver.events) == [("captured-twice", "twice")] * 2
    elsewhere.run(receiver.dsn, code, init=DJANGO)
    assert len(receiver.events) == 3


def test_ignored(receiver):
    """What the site ignores is not kept alive in case somebody should still report it."""
    code = TRY + (
        "import gc, weakref\n"
        "from tests.exporters.sentry import site\n"
        "for path in ('/heavy/', '/fail/5/'): tried(get, path)\n"
        "gc.collect()\n"
        "print(site.heavy_ones[0]() is None)\n"
    )
    for ignored in (["KeyError"], ["builtins.KeyError"]):
        out = elsewhere.run(receiver.dsn, code, init={**DJANGO, "ignore_errors": ignored})
        assert out.split() == ["True"]
    assert said(receiver.events) == [("fail", "it broke")] * 2


def test_scope_that_is_left_after_its_request(receiver):
    """A scope that the site enters in a request and leaves later is no scope of the next request."""
    code = """
from tests.exporters.sentry import site
list(get('/scope/'))
site.left.pop().__exit__(None, None, None)
get('/fail/5/')
"""
    elsewhere.run(receiver.dsn, code, init=OWN)
    [event] = receiver.events
    assert "inner" not in event["tags"]
    assert "outer" not in event["tags"]
    assert event["tags"]["page"] == "fail"


def test_sentry_traces_nothing(receiver):
    """With a rate of 0 Sentry has no trace to lead to: the event leads to the record's."""
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    elsewhere.run(
        receiver.dsn,
        f"get('/fail/5/', HTTP_TRACEPARENT={header!r})",
        init={**DJANGO, "traces_sample_rate": 0.0},
    )
    [event] = receiver.events
    assert event["contexts"]["trace"] == {"trace_id": header[3:35], "span_id": header[36:52]}


def test_where_statements_come_from(receiver):
    """The SDK's integration stands around Django's cursors; the place that is told is the site's."""
    elsewhere.run(receiver.dsn, "get('/n-plus-one/')", init=DJANGO, settings={"N_PLUS_ONE": 5})
    [event] = receiver.events
    [statement] = event["contexts"]["djmetrics"]["repeated_statements"]
    assert statement["location"] == event["extra"]["location"]
    assert statement["location"].endswith(" in n_plus_one")


def test_nothing_is_kept_alive_of_a_stream(receiver):
    """The SDK's integration learns of its exception when the record is over already; neither keeps it then."""
    said = elsewhere.run(
        receiver.dsn,
        TRY + "tried(get_async, '/heavy-stream/')\n"
        "import gc; gc.collect()\n"
        "from tests.exporters.sentry import site\n"
        "print([each() is None for each in site.heavy_ones])",
        init=DJANGO,
    )
    assert said.splitlines()[-1] == "[True]"
    [event] = receiver.events
    assert event["transaction"] == "heavy-stream"
