"""Reporting to Sentry changes nothing of the site either: what is answered, logged, raised, queried and kept alive."""

import gc
import logging
import weakref
from typing import Any

import pytest
import sentry_sdk
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from djmetrics import runtime
from tests.law1 import site as law1_site
from tests.law1.site import FAULTS, Block
from tests.law1.test_requests import STUCK, both_servers
from tests.law1.worlds import World, note, same

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def reporting(settings: Any, receiver: Any) -> Any:
    """A site that reports all it can, and shows local variables."""
    settings.ROOT_URLCONF = "tests.law1.site"
    settings.ALLOWED_HOSTS = ["*"]
    settings.DJMETRICS = {
        "SENTRY": {"DSN": receiver.dsn, "LOCAL_VARIABLES": True, "SLOW_THRESHOLD": 0, "N_PLUS_ONE": 2}
    }
    yield
    law1_site.urlpatterns.clear()


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in STUCK])
def test_failing_views(fault, receiver):
    """Every kind of exception comes out the same."""
    same(both_servers(law1_site.raising(fault, is_async=False), [Block("outer", "class", "catch", "404")]))


def test_no_query_of_ours(receiver):
    """Local variables are shown without a statement: no query set and no object of the site's is evaluated."""
    from django.contrib.auth.models import User

    class Chatty(User):
        class Meta:
            proxy = True
            app_label = "auth"

        def __str__(self) -> str:
            note("asked for its words")
            return str(User.objects.count())

    def view(request: Any, n: int, extra: str) -> HttpResponse:
        everybody = User.objects.all()
        somebody = Chatty()
        raise KeyError(type(everybody), type(somebody))

    def scenario(world: World) -> None:
        law1_site.show(view)
        with connection.execute_wrapper(lambda execute, sql, *rest: (note(sql), execute(sql, *rest))[1]):
            world.wsgi({"PATH_INFO": "/v/1/"})

    same(scenario)
    if runtime.started():
        sentry_sdk.flush()
    frames = [
        frame
        for each in receiver.events
        if "exception" in each
        for frame in each["exception"]["values"][0]["stacktrace"]["frames"]
    ]
    shown = next(frame["vars"] for frame in frames if "everybody" in frame.get("vars", {}))
    assert shown["everybody"] == "<django.db.models.query.QuerySet>"
    assert shown["somebody"].endswith("Chatty>")


def test_no_cycle_is_left(receiver, monkeypatch):
    """An exception of Python's own, which allows no weak reference, is gone with its response without the collector."""

    class Held:
        pass

    references: list[Any] = []

    def view(request: Any, n: int, extra: str) -> HttpResponse:
        held = Held()
        references.append(weakref.ref(held))
        raise ValueError(held)

    # Without templates: Django's own search for 500.html leaves a cycle.
    with override_settings(MIDDLEWARE=["djmetrics.middleware.DjmetricsMiddleware"], TEMPLATES=[]):
        handler = BaseHandler()
        handler.load_middleware()
        law1_site.show(view)
        monkeypatch.setattr(logging.getLogger("django.request"), "disabled", True)
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                handler.get_response(RequestFactory().get("/v/1/")).close()
            left = [each() is not None for each in references]
        finally:
            gc.enable()
        sentry_sdk.flush()
    assert left == [False] * 3
    assert receiver.events


def test_nothing_is_kept_alive(receiver, monkeypatch):
    """The exception, and what it holds, is gone with the response."""

    class Thing(Exception):
        pass

    references: list[Any] = []

    def view(request: Any, n: int, extra: str) -> HttpResponse:
        error = Thing()
        references.append(weakref.ref(error))
        raise error

    with override_settings(MIDDLEWARE=["djmetrics.middleware.DjmetricsMiddleware"]):
        handler = BaseHandler()
        handler.load_middleware()
        law1_site.show(view)
        monkeypatch.setattr(
            logging.getLogger("django.request"), "disabled", True
        )  # pytest keeps what is logged
        response = handler.get_response(RequestFactory().get("/v/1/"))
        response.close()
        del response
        gc.collect()
        assert references[0]() is None
        sentry_sdk.flush()
    assert len(receiver.events) == 2
