"""Views: functions, classes, partials, sync and async; the view itself is what Django knows."""

import functools
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.views import View

from djmetrics.testing import FakeClock, fake_clock, record

from .site import asgi, the_one

pytestmark = pytest.mark.urls(__name__)
clock: FakeClock


def function(request: Any, extra: int = 0) -> HttpResponse:
    clock.advance(1)
    return HttpResponse()


async def async_function(request: Any) -> HttpResponse:
    clock.advance(1)
    return HttpResponse()


class Class(View):
    def get(self, request: Any) -> HttpResponse:
        clock.advance(1)
        return HttpResponse()


class AsyncClass(View):
    async def get(self, request: Any) -> HttpResponse:
        clock.advance(1)
        return HttpResponse()


class Callable:
    """An object that is a view."""

    def __call__(self, request: Any) -> HttpResponse:
        clock.advance(1)
        return HttpResponse()


def fails(request: Any) -> HttpResponse:
    clock.advance(1)
    raise LookupError


async def async_fails(request: Any) -> HttpResponse:
    clock.advance(1)
    raise LookupError


VIEWS: dict[str, Any] = {
    "function": function,
    "async-function": async_function,
    "class": Class.as_view(),
    "async-class": AsyncClass.as_view(),
    "object": Callable(),
    "partial": functools.partial(function, extra=5),
}
urlpatterns = [path(f"{name}/", view, name=name) for name, view in VIEWS.items()]
urlpatterns += [path("fails/", fails), path("async-fails/", async_fails)]

KNOWN: list[Any] = []


def knowing(get_response: Any) -> Any:
    """A middleware that looks at what Django says of the view."""

    class Knowing:
        def __call__(self, request: Any) -> Any:
            response = get_response(request)
            KNOWN.append(request.resolver_match.func)
            return response

        def process_view(self, request: Any, view: Any, *args: Any) -> None:
            KNOWN.append(view)

    return Knowing()


def by_wsgi(where: str) -> Any:
    return Client(raise_request_exception=False).get(where)


both_roads = pytest.mark.parametrize("get", [by_wsgi, asgi])


@pytest.fixture(autouse=True)
def still(settings: Any) -> Any:
    global clock
    settings.MIDDLEWARE = ["djmetrics.middleware.DjmetricsMiddleware", f"{__name__}.knowing"]
    with fake_clock() as clock:
        yield


@both_roads
@pytest.mark.parametrize("name", VIEWS)
def test_every_kind(get, name):
    """Each is timed, and Django and the middlewares know the view itself."""
    KNOWN.clear()
    with record() as seen:
        get(f"/{name}/")

    only = the_one(seen.records)
    views = [each for each in seen.operations if each.subject.kind == "view"]
    assert [(each.duration, each.error) for each in views] == [(1_000_000_000, None)]
    assert (only.status, only.view, only.phases["view"]) == (200, name, 1_000_000_000)
    assert [known is VIEWS[name] for known in KNOWN] == [True, True]


@both_roads
@pytest.mark.parametrize("where", ["/fails/", "/async-fails/"])
def test_errors(get, where):
    """A view's exception is recorded by its class."""
    with record() as seen:
        get(where)

    assert [each.error for each in seen.operations if each.subject.kind == "view"] == [LookupError]


@pytest.mark.django_db(transaction=True)
def test_atomic_requests(settings):
    """With ATOMIC_REQUESTS the transaction is part of the view's time, and its statements the database's."""
    from django.db import connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        with record() as seen:
            by_wsgi("/function/")

    view = next(each for each in seen.operations if each.subject.kind == "view")
    commit = next(each for each in seen.operations if each.subject.name == "COMMIT")
    assert commit.parent is view


def test_hook_off():
    """Without the hook the view's time is nobody's."""
    with override_settings(DJMETRICS={"HOOKS": {"view": False}}), record() as seen:
        by_wsgi("/function/")

    only = the_one(seen.records)
    assert (only.view, only.phases["view"], only.phases["other"]) == ("function", 0, 1_000_000_000)
