"""The middleware that opens and closes each request's record."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

from djmetrics import current_record, guard, lanes, recorder, runtime, units
from djmetrics.middleware import DjmetricsMiddleware
from djmetrics.testing import fake_clock, record

from .hooks.conftest import fresh, in_flight  # noqa: F401 - the fixtures' names are their use
from .hooks.site import get, the_one

OURS = "djmetrics.middleware.DjmetricsMiddleware"

pytestmark = pytest.mark.urls(__name__)
urlpatterns = [path("", lambda request: HttpResponse("hello"), name="home")]


class Boom(BaseException):
    """What no exception handler of Django's takes."""


def answer(request: Any) -> HttpResponse:
    return HttpResponse("hello")


async def async_answer(request: Any) -> HttpResponse:
    return HttpResponse("hello")


def both(function: Any) -> list[Any]:
    """A sync and an async chain that do the same, and how to ask them."""

    async def async_function(request: Any) -> Any:
        return function(request)

    return [
        DjmetricsMiddleware(function),
        lambda request: asyncio.run(DjmetricsMiddleware(async_function)(request)),
    ]


@pytest.mark.parametrize("inner", [answer, async_answer])
def test_mode(inner):
    """It runs in the mode of what is inside it."""
    assert iscoroutinefunction(DjmetricsMiddleware(inner)) is iscoroutinefunction(inner)


def test_returns_what_it_got():
    """The response is the identical object, with its headers and its body."""
    for way in range(2):
        response = HttpResponse("hello", headers={"X-Own": "1"})
        before = response.items(), response.content
        assert both(lambda request: response)[way](get()) is response  # noqa: B023
        assert (response.items(), response.content) == before
        response.close()


def test_what_is_measured():
    """From the call to the response's close: all of it, with its CPU time."""
    for way in range(2):
        with fake_clock() as clock, record() as seen:

            def work(request: Any) -> HttpResponse:
                clock.advance(2, cpu=1)
                return HttpResponse("hello")

            response = both(work)[way](get())
            clock.advance(3, cpu=1)
            response.close()

        only = the_one(seen.records)
        assert (only.duration, only.first_byte_ns, only.cpu_ns) == (
            5_000_000_000,
            2_000_000_000,
            1_000_000_000,
        )
        assert (only.status, only.response_size, only.method) == (200, 5, "GET")


@pytest.mark.parametrize("error", [Boom, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_exits_pass(error):
    """What is no Exception goes on unchanged; the request failed with it."""
    raised = error()

    def leave(request: Any) -> HttpResponse:
        raise raised

    with record() as seen, pytest.raises(error) as caught:
        DjmetricsMiddleware(leave)(get())

    assert caught.value is raised
    only = the_one(seen.records)
    assert (only.outcome, only.error) == ("failed", error)
    assert lanes.current() is recorder.current_operation() is None


def test_cancelled():
    """A cancelled task is no error: the client went away."""

    async def wait(request: Any) -> HttpResponse:
        await asyncio.sleep(60)
        return HttpResponse()

    async def main() -> None:
        task = asyncio.create_task(DjmetricsMiddleware(wait)(get()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with record() as seen:
        asyncio.run(main())

    only = the_one(seen.records)
    assert (only.outcome, only.error) == ("disconnected", None)


def test_current_record():
    """Inside it the request's record is current, outside it is not."""
    found: list[Any] = []

    def look(request: Any) -> HttpResponse:
        found.append(current_record())
        return HttpResponse()

    for way in range(2):
        both(look)[way](get()).close()
        assert current_record() is None
    assert [each.kind for each in found] == ["request"] * 2


def test_twice():
    """The same request that comes a second time is the same record."""
    with record() as seen:
        for way in range(2):
            both(lambda request: DjmetricsMiddleware(answer)(request))[way](get()).close()
            twice = DjmetricsMiddleware(DjmetricsMiddleware(async_answer))
            asyncio.run(twice(get())).close()

    assert len(seen.records) == 4


def test_not_used_when_off():
    """Where djmetrics is off, Django leaves the middleware out."""
    runtime.stop()
    with pytest.raises(MiddlewareNotUsed):
        DjmetricsMiddleware(answer)


def test_chain_that_outlives_the_runtime():
    """A chain that was built when djmetrics was on answers when it is off."""
    middleware = DjmetricsMiddleware(answer)
    runtime.stop()

    response = middleware(get())
    assert response.content == b"hello"
    response.close()


@pytest.mark.parametrize("place", ["describe", "answered", "watch"])
@pytest.mark.usefixtures("lenient")
def test_own_failure(place, monkeypatch):
    """Should we fail, the response is unchanged, nothing stays open, and it is counted."""
    from djmetrics import middleware

    def fail(*args: object) -> None:
        raise LookupError

    monkeypatch.setattr(middleware, place, fail)
    for way in range(2):
        response = both(answer)[way](get())
        assert response.content == b"hello"
        response.close()

    assert sum(guard.counts.values()) == 2
    assert in_flight() == 0


@pytest.mark.usefixtures("lenient")
def test_response_that_is_none_of_django_s():
    """A middleware that returns something else than a response fails in Django's own way, not in ours."""
    assert DjmetricsMiddleware(lambda request: "text")(get()) == "text"
    assert DjmetricsMiddleware(lambda request: None)(get()) is None
    assert in_flight() == 0


def test_response_that_is_returned_twice():
    """One response object for two requests: both are observed."""
    response = HttpResponse("again")
    middleware = DjmetricsMiddleware(lambda request: response)
    with record() as seen:
        for _ in range(2):
            middleware(get()).close()

    assert [each.status for each in seen.records] == [200, 200]


def test_first_and_only():
    """Through a whole handler."""
    with override_settings(MIDDLEWARE=[OURS]), record() as seen:
        assert Client().get("/").content == b"hello"

    assert the_one(seen.records).view == "home"
    assert units.outside.layers == []
