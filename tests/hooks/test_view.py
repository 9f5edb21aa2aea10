"""Views: functions, classes, partials, sync and async; the view itself is what Django knows."""

import functools
import gc
import logging
from typing import Any

import pytest
from asgiref.sync import markcoroutinefunction
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.views import View

from djmetrics import runtime
from djmetrics.hooks import view as hook
from djmetrics.testing import FakeClock, fake_clock, record

from . import site
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


class AsyncCallable:
    """An object with an async ``__call__`` that is not marked as a coroutine function: a mistake of a site's."""

    async def __call__(self, request: Any) -> HttpResponse:
        return HttpResponse()


@markcoroutinefunction
def marked(request: Any) -> Any:
    """Fails before there is anything to await."""
    raise LookupError


class Mistakes:
    urlpatterns = [path("object/", AsyncCallable()), path("marked/", marked)]


def answer_of(get, where):
    """The status, or the error."""
    try:
        response = get(where)
    except Exception as error:
        return type(error), str(error)
    return getattr(response, "status_code", None) or response.status


@pytest.mark.parametrize("get", [by_wsgi, asgi])
@pytest.mark.parametrize("where", ["/object/", "/marked/"])
@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_views_that_are_mistakes(get, where, monkeypatch):
    """Django's own answer to them is the same with and without djmetrics."""
    # pytest keeps what is logged, and with it the traceback and the coroutine, until the test is over.
    monkeypatch.setattr(logging.getLogger("django.request"), "disabled", True)
    answers = []
    with site.files_left_open(), override_settings(ROOT_URLCONF=Mistakes, MIDDLEWARE=[]):
        for start in runtime.stop, runtime.start:
            start()
            answers.append(answer_of(get, where))
    gc.collect()  # a coroutine that nobody awaits says so when it is collected: here, where that is expected

    assert answers[0] == answers[1]


def test_marked_view_that_fails(settings):
    """Its error is recorded though it never was awaited."""
    settings.ROOT_URLCONF = Mistakes
    with record() as seen:
        by_wsgi("/marked/")
        asgi("/marked/")

    assert [each.error for each in seen.operations if each.subject.kind == "view"] == [LookupError] * 2


def test_what_is_remembered_is_bounded(monkeypatch):
    """A site that makes views at each request fills no memory."""
    monkeypatch.setattr(hook, "_CEILING", 5)
    for _ in range(20):

        class Urls:
            urlpatterns = [path("", lambda request: HttpResponse())]

        with override_settings(ROOT_URLCONF=Urls):
            by_wsgi("/")

    assert len(hook._timed_views) <= 5
