"""URL resolving: its time, and the names of view and route."""

import functools
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import include, path, re_path
from django.urls.converters import IntConverter, register_converter
from django.views import View

from djmetrics.hooks import url as hook
from djmetrics.testing import FakeClock, fake_clock, record

from .site import asgi, the_one

pytestmark = pytest.mark.urls(__name__)
clock: FakeClock


class SlowConverter(IntConverter):
    """Takes a second to look."""

    def to_python(self, value: str) -> int:
        clock.advance(1)
        return super().to_python(value)


register_converter(SlowConverter, "slowly")


def view(request: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse()


class AView(View):
    def get(self, request: Any) -> HttpResponse:
        return HttpResponse()


class Callable:
    """A view that is an object."""

    def __call__(self, request: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse()


partial = functools.partial(view, color="red")
of_object = functools.partial(Callable(), color="blue")
partials = ([path("inside/", partial), path("named-inside/", partial, name="red")], "colors")
inner = ([path("<int:number>/", view, name="detail")], "runs")
urlpatterns = [
    path("named/", view, name="named"),
    path("unnamed/", view),
    path("class/", AView.as_view()),
    path("runs/<slug:who>/", include(inner, namespace="mine")),
    re_path(r"^old/(?P<year>[0-9]{4})/$", view, name="old"),
    path("partial/", partial),
    path("partial-named/", partial, name="partial"),
    path("partial-object/", of_object),
    path("colors/", include(partials, namespace="mine")),
    path("slow/<slowly:number>/", view, name="slow"),
]


@pytest.fixture(autouse=True)
def still(settings: Any) -> Any:
    global clock
    settings.MIDDLEWARE = ["djmetrics.middleware.DjmetricsMiddleware"]
    with fake_clock() as clock:
        yield


@pytest.mark.parametrize("get", [Client().get, asgi])
@pytest.mark.parametrize(
    "where, view, route",
    [
        ("/named/", "named", "named/"),
        ("/unnamed/", f"{__name__}.view", "unnamed/"),
        ("/class/", f"{__name__}.AView", "class/"),
        ("/runs/ann/7/", "mine:detail", "runs/<slug:who>/<int:number>/"),
        ("/old/1999/", "old", "^old/(?P<year>[0-9]{4})/$"),
        ("/nothing/", "(unresolved)", ""),
        ("/partial/", f"{__name__}.view", "partial/"),
        ("/partial-named/", "partial", "partial-named/"),
        ("/partial-object/", f"{__name__}.Callable", "partial-object/"),
        ("/colors/inside/", f"mine:{__name__}.view", "colors/inside/"),
        ("/colors/named-inside/", "mine:red", "colors/named-inside/"),
    ],
)
def test_names(get, where, view, route):
    """The view's name with its namespace, or its dotted path; the route as it is written, never the path."""
    with record() as seen:
        get(where)

    only = the_one(seen.records)
    assert (only.view, only.route) == (view, route)
    assert [layer[0].kind for layer in only.layers] == ["url"]


def test_partial_of_a_partial():
    """However often a view is wrapped in partials, it is named after the function inside."""
    inside = functools.partial(view, color="red")
    inside.csrf_exempt = True  # Python makes one of two partials, unless the inner has attributes

    class Urls:
        urlpatterns = [path("", functools.partial(inside, size=1))]

    with override_settings(ROOT_URLCONF=Urls), record() as seen:
        assert Client().get("/").status_code == 200

    assert the_one(seen.records).view == f"{__name__}.view"


def test_time():
    """What it takes to find a view is the phase "url"."""
    with record() as seen:
        Client().get("/slow/5/")

    only = the_one(seen.records)
    assert {phase: ns for phase, ns in only.phases.items() if ns} == {"url": 1_000_000_000}
    assert [(layer[3], layer[4]) for layer in only.layers] == [(1_000_000_000, None)]


def test_nothing_found():
    """The error of a path that matches nothing is kept with the operation, not with the request."""
    with record() as seen:
        Client().get("/slow/x/")

    only = the_one(seen.records)
    assert (only.status, only.error) == (404, None)
    assert [layer[4].__name__ for layer in only.layers] == ["Resolver404"]


def test_hook_off():
    """Without the hook a request has no view's name."""
    with override_settings(DJMETRICS={"HOOKS": {"url": False}}), record() as seen:
        Client().get("/named/")

    only = the_one(seen.records)
    assert (only.view, only.layers) == ("(no view)", [])


def test_a_thousand_unknown_paths_are_one_view():
    """A client cannot make up views."""
    with record() as seen:
        for number in range(1000):
            Client().get(f"/made-up/{number}/")

    assert {(each.view, each.route) for each in seen.records} == {("(unresolved)", "")}


def test_guarded_view(monkeypatch):
    """A gate sees each request that found its view, ahead of any middleware; the request is in no data."""
    gated: list[str] = []

    def gate(request: Any) -> None:
        gated.append(request.path)
        if "q" in request.GET:
            raise PermissionDenied

    monkeypatch.setattr(hook, "_guarded", None)
    hook.guard_view(view, gate)
    with record() as seen:
        assert [Client().get(where).status_code for where in ("/unnamed/", "/unnamed/?q=", "/class/")] == [
            200,
            403,
            200,
        ]

    assert gated == ["/unnamed/", "/unnamed/"]
    assert the_one(seen.records).view == f"{__name__}.AView"
