"""A Sentry on loopback, and a site that reports to it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import sentry_sdk
from django.test import Client, override_settings

from .receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The Sentry; one for each test, as events may come late."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def site(receiver: Receiver) -> Callable[..., AbstractContextManager[Any]]:
    """A function that gives the settings of a site that reports to the receiver, with these settings of SENTRY."""

    def settings(others: dict[str, Any] | None = None, **chosen: Any) -> AbstractContextManager[Any]:
        return override_settings(
            ROOT_URLCONF="tests.exporters.sentry.site",
            DJMETRICS={"SENTRY": {"DSN": receiver.dsn, **chosen}, **(others or {})},
        )

    return settings


@pytest.fixture
def client() -> Client:
    """A browser that sees the error page, as visitors do."""
    return Client(raise_request_exception=False)


@pytest.fixture(autouse=True)
def sdk_as_before() -> Iterator[None]:
    """Fail a test that leaves the SDK's global scope with a client or a processor; leave no scope of a test behind."""
    scope = sentry_sdk.get_global_scope()
    processors = list(scope._event_processors)
    outer = sentry_sdk.get_isolation_scope(), sentry_sdk.get_current_scope()
    sentry_sdk.Scope.set_isolation_scope(outer[0].fork())
    yield
    assert sentry_sdk.get_current_scope() is outer[1], "this test left a scope of Sentry's"
    sentry_sdk.Scope.set_isolation_scope(outer[0])
    left = sentry_sdk.get_client()
    scope.set_client(None)
    assert not left.is_active(), "this test left a client of Sentry's"
    assert scope._event_processors == processors
