"""Errors to Sentry from real servers: each failing request is one event, in whatever process and thread it ran."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.components.fixtures import absent
from tests.components.process import Missing
from tests.exporters.sentry.receiver import Receiver, receiving

from . import drivers
from .client import fetch_all
from .configurations import CONFIGURATIONS

FAILING = 24


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda each: each.name.replace(" ", "-"))
def test_each_failure_is_one_event(configuration, receiver):
    """None is lost, none comes twice, also of those that wait when the server is stopped or a worker recycled."""
    env = {**configuration.env, "SENTRY_DSN": receiver.dsn, "SENTRY_RELEASE": "v7"}
    try:
        with drivers.serving(replace(configuration, env=env)) as server:
            replies = fetch_all(server.port, ["/error/", "/hello/"] * FAILING)
            assert [reply.status for reply in replies].count(500) == FAILING
    except (Missing, drivers.Refused) as error:
        absent(str(error))

    assert len(receiver.events) == FAILING
    assert len({each["event_id"] for each in receiver.events}) == FAILING
    assert {each["transaction"] for each in receiver.events} == {"error"}
    assert len({each["contexts"]["trace"]["trace_id"] for each in receiver.events}) == FAILING
