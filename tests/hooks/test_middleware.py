"""Middlewares: the exclusive time of each, whatever it is made of, with Django's chain as it was."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, iscoroutinefunction, markcoroutinefunction
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils.deprecation import MiddlewareMixin

from djmetrics import recorder, runtime
from djmetrics.record import Record, Subject
from djmetrics.testing import FakeClock, fake_clock, record

from .site import asgi, the_one

OURS = "djmetrics.middleware.DjmetricsMiddleware"
HERE = __name__

pytestmark = pytest.mark.urls(__name__)
clock: FakeClock


def function(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Takes a second before and two after."""

    def middleware(request: Any) -> Any:
        clock.advance(1)
        response = get_response(request)
        clock.advance(2)
        return response

    return middleware


def async_function(get_response: Callable[..., Any]) -> Callable[..., Any]:
    async def middleware(request: Any) -> Any:
        clock.advance(1)
        response = await get_response(request)
        clock.advance(2)
        return response

    return middleware


async_function.sync_capable = False  # type: ignore[attr-defined]
async_function.async_capable = True  # type: ignore[attr-defined]


class Class:
    """Takes a second before and three after, in either mode."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        if iscoroutinefunction(self):
            return self.answer(request)
        clock.advance(1)
        response = self.get_response(request)
        clock.advance(3)
        return response

    async def answer(self, request: Any) -> Any:
        clock.advance(1)
        response = await self.get_response(request)
        clock.advance(3)
        return response


class Mixin(MiddlewareMixin):
    """Django's own base class, with every method that there is; each takes its own time."""

    def process_request(self, request: Any) -> None:
        clock.advance(0.1)

    def process_view(self, *args: Any) -> None:
        clock.advance(0.2)

    def process_template_response(self, request: Any, response: Any) -> Any:
        clock.advance(0.3)
        return response

    def process_exception(self, request: Any, exception: Exception) -> HttpResponse:
        clock.advance(0.4)
        return HttpResponse(status=418)

    def process_response(self, request: Any, response: Any) -> Any:
        clock.advance(0.5)
        return response


class AsyncView(Class):
    """A process_view that is async, and so works in async mode only."""

    sync_capable = False

    async def process_view(self, *args: Any) -> None:
        clock.advance(0.25)


class Early(Class):
    """Its process_view answers for the view."""

    def process_view(self, *args: Any) -> HttpResponse:
        clock.advance(0.25)
        return HttpResponse(status=204)


class Forgetful(Class):
    """Its process_template_response forgets to return."""

    def process_template_response(self, request: Any, response: Any) -> None:
        pass


def failing(get_response: Callable[..., Any]) -> Callable[..., Any]:
    def middleware(request: Any) -> Any:
        clock.advance(1)
        raise LookupError

    return middleware


def partial(get_response: Callable[..., Any]) -> Callable[..., Any]:
    return functools.partial(lambda get_response, request: get_response(request), get_response)


def home(request: Any) -> HttpResponse:
    clock.advance(10)
    return HttpResponse()


async def async_home(request: Any) -> HttpResponse:
    clock.advance(10)
    return HttpResponse()


def fails(request: Any) -> HttpResponse:
    clock.advance(10)
    raise ValueError


def templated(request: Any) -> TemplateResponse:
    from django.template import engines

    clock.advance(10)
    return TemplateResponse(request, engines["django"].from_string("text"))


urlpatterns = [
    path("", home), path("async/", async_home), path("fails/", fails), path("templated/", templated),
]  # fmt: skip


def ask(get: Callable[[str], Any], where: str, *middleware: str) -> Record:
    """The record of a request through these middlewares, outermost first."""
    global clock
    chain = [OURS, *(f"{HERE}.{name}" for name in middleware)]
    with override_settings(MIDDLEWARE=chain), fake_clock() as clock, record() as seen:
        get(where)
    only = the_one(seen.records)
    assert sum(only.phases.values()) == only.duration == clock.wall - only.start
    return only


def own(only: Record) -> dict[str, float]:
    """Of each middleware its own seconds."""
    return {
        layer[0].name.removeprefix(f"{HERE}."): layer[3] / 1e9
        for layer in only.layers
        if layer[0].kind == "middleware"
    }


def by_wsgi(where: str) -> Any:
    return Client(raise_request_exception=False).get(where)


both_roads = pytest.mark.parametrize("get", [by_wsgi, asgi])


@both_roads
@pytest.mark.parametrize("where", ["/", "/async/"])
@pytest.mark.parametrize(
    "chain",
    [
        ("function", "Class", "Mixin"),
        ("Class", "async_function", "function"),
        ("async_function", "Mixin", "Class"),
    ],
)
def test_exclusive_time(get, where, chain):
    """Each middleware has what it took itself, function or class, sync or async, in whatever order."""
    figures = {"function": 3, "async_function": 3, "Class": 4, "Mixin": 0.8}
    only = ask(get, where, *chain)

    assert own(only) == {name: figures[name] for name in chain}
    assert only.phases["middleware"] == sum(round(figures[name] * 1e9) for name in chain)
    assert only.phases["view"] == 10_000_000_000


@both_roads
def test_process_template_response(get):
    """It belongs to its middleware."""
    assert own(ask(get, "/templated/", "Class", "Mixin")) == {"Class": 4, "Mixin": 1.1}


@both_roads
def test_process_exception(get):
    """It belongs to its middleware, also where it handles the exception."""
    only = ask(get, "/fails/", "Class", "Mixin")

    assert own(only) == {"Class": 4, "Mixin": 1.2}
    assert only.status == 418


@both_roads
def test_process_view_that_answers(get):
    """The view is not called; the time is its middleware's."""
    only = ask(get, "/", "function", "Early")

    assert own(only) == {"function": 3, "Early": 4.25}
    assert (only.status, only.phases["view"]) == (204, 0)


def test_async_process_view():
    """A coroutine function is awaited as ever."""
    assert own(ask(asgi, "/", "AsyncView")) == {"AsyncView": 4.25}


@both_roads
def test_failing_middleware(get):
    """What it took is known, and what it raised."""
    only = ask(get, "/", "function", "failing")

    assert own(only) == {"function": 3, "failing": 1}
    assert [layer[4] for layer in only.layers] == [LookupError, None]


@both_roads
def test_unusual_callables(get):
    """A middleware may be any callable; it is named after what it is."""
    assert own(ask(get, "/", "partial", "Class")) == {"functools.partial": 0, "Class": 4}


def test_work_inside_a_middleware():
    """What a middleware asks the database is the database's, not its own."""
    work = Subject("db", "SELECT")

    def asking(get_response: Callable[..., Any]) -> Callable[..., Any]:
        def middleware(request: Any) -> Any:
            operation = recorder.begin_leaf(work)
            clock.advance(5)
            recorder.end_leaf(operation)
            return get_response(request)

        return middleware

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "asking", asking)
        only = ask(by_wsgi, "/", "function", "asking")

    assert own(only) == {"function": 3, "test_work_inside_a_middleware": 0}
    assert only.phases["db"] == 5_000_000_000


def test_our_own_middleware_is_no_layer():
    """It is around all others, and not one of them."""
    assert own(ask(by_wsgi, "/")) == {}


def test_middleware_that_forgets_to_return():
    """Django's message names the class, as in plain Django."""
    global clock
    with (
        override_settings(MIDDLEWARE=[OURS, f"{HERE}.Forgetful"]),
        fake_clock() as clock,
        pytest.raises(ValueError, match=r"Forgetful\.process_template_response"),
    ):
        Client().get("/templated/")


def test_chain_outlives_the_hook():
    """A handler that was built before works on when the hook is gone, and records nothing."""
    global clock
    with override_settings(MIDDLEWARE=[f"{HERE}.Class", f"{HERE}.Mixin"]):
        handler = WSGIHandler()
    runtime.stop()
    from .site import get, request_record

    with fake_clock() as clock, record() as seen, request_record() as only:
        assert handler.get_response(get("/fails/")).status_code == 418

    assert only.layers == []
    assert seen.operations == []


def test_layers_outside_requests_are_not_kept():
    """Requests that no record is open for (our middleware is missing, or not the first) leave nothing to grow."""
    from djmetrics import units

    global clock
    with override_settings(MIDDLEWARE=[f"{HERE}.Class"]), fake_clock() as clock:
        recorder.end_leaf(recorder.begin_leaf(Subject("db", "SELECT")))
        recorder.end(recorder.begin(Subject("db", "SELECT")))
        for _ in range(3):
            Client().get("/")
        units.flush()

    assert units.outside.layers == []
    assert not units.outside.laps


def test_own_failure_changes_nothing(lenient, monkeypatch):
    """Should we fail to name or wrap a middleware, Django's own chain is used."""
    from djmetrics.hooks import middleware as hook

    def fail(*args: object) -> None:
        raise LookupError

    monkeypatch.setattr(hook, "_name", fail)
    global clock
    with override_settings(MIDDLEWARE=[OURS, f"{HERE}.Mixin"]), fake_clock() as clock:
        assert Client().get("/templated/").content == b"text"


def shape(handler: BaseHandler) -> list[Any]:
    """What Django built: the kinds and the visible attributes of the chain and of the lists beside it."""
    lists = handler._view_middleware, handler._template_response_middleware, handler._exception_middleware
    return [
        [[iscoroutinefunction(method), type(getattr(method, "__self__", None))] for method in methods]
        for methods in lists
    ] + [iscoroutinefunction(handler._middleware_chain)]


CHAINS = [
    ["function", "Class", "Mixin"],
    ["Class", "Early", "Mixin", "function"],
    ["AsyncView", "function", "Class", "Mixin"],
]
GIVEN: list[Any] = []


def looking(get_response: Any) -> Any:
    """Notes what a middleware is given: whether it is async, its module, attributes, and the name of a function."""
    name = getattr(get_response, "__qualname__", "")
    GIVEN.append(
        (
            iscoroutinefunction(get_response),
            name if "middleware" in name else "",
            getattr(get_response, "__module__", None),
            {name for name in vars(get_response) if name != "__wrapped__"},
        )
    )
    return Class(get_response)


looking.async_capable = True  # type: ignore[attr-defined]


@pytest.mark.parametrize("handler", [WSGIHandler, ASGIHandler])
@pytest.mark.parametrize("chain", CHAINS, ids=str)
def test_chain_is_django_s(handler, chain):
    """With and without the hook Django builds the same chain, of the same modes, names and attributes."""
    shapes = []
    given = []
    middleware = [part for name in chain for part in (f"{HERE}.looking", f"{HERE}.{name}")]
    with override_settings(MIDDLEWARE=[*middleware, f"{HERE}.looking"]):
        for start in runtime.stop, runtime.start:
            start()
            GIVEN.clear()
            shapes.append(shape(handler()))
            given.append(list(GIVEN))

    assert shapes[0] == shapes[1]
    assert given[0] == given[1]


@pytest.mark.parametrize("chain", CHAINS, ids=str)
@pytest.mark.parametrize("where", ["/", "/async/", "/fails/", "/templated/"])
def test_no_thread_hop_is_added(chain, where, monkeypatch):
    """As many calls go through sync_to_async with djmetrics as without, our middleware included."""
    calls: list[str] = []
    plain = SyncToAsync.__call__

    async def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(getattr(self.func, "__qualname__", str(self.func)))
        return await plain(self, *args, **kwargs)

    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    names = [f"{HERE}.{name}" for name in chain]
    hops = []
    global clock
    for start, middleware in (runtime.stop, names), (runtime.start, [OURS, *names]):
        start()
        with override_settings(MIDDLEWARE=middleware), fake_clock() as clock:
            calls.clear()
            asgi(where)
            hops.append(len(calls))

    assert hops[0] == hops[1] > 0
