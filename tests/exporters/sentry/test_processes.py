"""Threads and processes: each reports what is its own, once."""

import threading
from typing import Any

import pytest
import sentry_sdk
from django.test import Client

from . import elsewhere

pytestmark = [pytest.mark.django_db, pytest.mark.unmeasured]


def test_a_child_reports_for_itself(receiver):
    """After a fork parent and child both report, each its own, and the child's end waits for it."""
    elsewhere.run(
        receiver.dsn,
        """
import os
get('/fail/1/')
pid = os.fork()
get('/handled/' if pid else '/template/')
if pid:
    assert os.waitpid(pid, 0)[1] == 0
else:
    sentry_sdk.flush()
    os._exit(0)
""",
        init=None,
        settings={"DSN": receiver.dsn},
    )
    assert sorted(each["transaction"] for each in receiver.events) == ["fail", "handled", "template"]


def test_a_process_that_ends(receiver):
    """What broke last is sent before a process ends, without being asked to."""
    elsewhere.run(
        receiver.dsn,
        "from djmetrics import units\nunits.flush = sentry_sdk.flush = lambda: None\nget('/fail/1/')",
        init=None,
        settings={"DSN": receiver.dsn},
    )
    assert [each["transaction"] for each in receiver.events] == ["fail"]


def test_threads(site, receiver):
    """Requests side by side on threads keep apart what they say."""
    names = [f"name{each}" for each in range(8)]
    with site():
        threads = [threading.Thread(target=ask, args=(f"/tagged/{name}/",)) for name in names]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        sentry_sdk.flush()
    seen: dict[str, Any] = {
        each["exception"]["values"][0]["value"]: (each["tags"]["first"], each["tags"]["second"])
        for each in receiver.events
    }
    assert seen == {name: (name, name) for name in names}


def ask(path: str) -> None:
    Client(raise_request_exception=False).get(path)
