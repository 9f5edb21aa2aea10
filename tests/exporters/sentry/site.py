"""The views that the tests of the Sentry exporter ask for: each breaks in a way of its own."""

import asyncio
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import sentry_sdk
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import IntegrityError, connection
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.urls import path

SECRET = "pl4nted-s3cret"


class Broken(Exception):
    """What the views raise."""


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


def fine(request: Any) -> HttpResponse:
    sentry_sdk.set_tag("page", "fine")
    return HttpResponse("fine")


def fail(request: Any, number: int = 0) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'a literal', %s", [SECRET])
    cache.get("missing")
    sentry_sdk.set_tag("page", "fail")
    sentry_sdk.get_current_scope().set_tag("innermost", "yes")
    raise Broken("it broke")


async def fail_async(request: Any) -> HttpResponse:
    await asyncio.sleep(0)
    sentry_sdk.set_tag("page", "async")
    raise Broken("it broke in a task")


def handled(request: Any) -> HttpResponse:
    try:
        raise Broken("dealt with")
    except Broken as error:
        sentry_sdk.capture_exception(error)
    return HttpResponse("handled")


def captured_and_raised(request: Any) -> HttpResponse:
    try:
        raise ValueError("captured, then raised")
    except ValueError as error:
        sentry_sdk.capture_exception(error)
        raise


def captured_twice(request: Any) -> HttpResponse:
    error = ValueError("twice")
    sentry_sdk.capture_exception(error)
    sentry_sdk.capture_exception(error)
    return HttpResponse()


class Heavy:
    """Something that shall not be kept alive."""


heavy_ones: list[Any] = []
left: list[Any] = []
"""What views tell their tests."""


def heavy(request: Any) -> HttpResponse:
    kept = Heavy()
    heavy_ones.append(weakref.ref(kept))
    raise KeyError("with something heavy in its frame")


def scope(request: Any) -> HttpResponse:
    sentry_sdk.set_tag("outer", "1")
    manager = sentry_sdk.isolation_scope()
    manager.__enter__()
    sentry_sdk.set_tag("inner", "1")
    left.append(manager)
    return HttpResponse()


def template(request: Any) -> HttpResponse:
    return HttpResponse(engines["django"].from_string("{{ call }}").render({"call": fail_late}))


def fail_late() -> str:
    raise Broken("in a template")


def stream(request: Any) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield "one"
        sentry_sdk.set_tag("page", "stream")
        raise Broken("midway")

    return StreamingHttpResponse(parts())


async def stream_async(request: Any) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        yield "one"
        raise Broken("midway, in a task")

    return StreamingHttpResponse(parts())


async def heavy_stream(request: Any) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        kept = Heavy()
        heavy_ones.append(weakref.ref(kept))
        yield "one"
        raise KeyError("with something heavy in its frame")

    return StreamingHttpResponse(parts())


def unspeakable(request: Any) -> HttpResponse:
    raise Unspeakable


def group(request: Any) -> HttpResponse:
    raise ExceptionGroup("several", [Broken("one"), ExceptionGroup("more", [ValueError("two")])])


def huge(request: Any) -> HttpResponse:
    nested: list[Any] = ["x" * 1_000_000, *range(100_000)]
    nested.append(nested)  # recursive
    mapping = {"self": nested, **{str(each): each for each in range(10_000)}}
    raise Broken(len(mapping))


def missing(request: Any) -> HttpResponse:
    raise Http404


def denied(request: Any) -> HttpResponse:
    raise PermissionDenied


def suspicious(request: Any) -> HttpResponse:
    raise SuspiciousOperation


def leave(request: Any, code: int) -> HttpResponse:
    raise SystemExit(code)


def n_plus_one(request: Any) -> HttpResponse:
    with connection.cursor() as cursor:
        for _ in range(6):
            cursor.execute("SELECT name FROM sqlite_master WHERE name = 'literal'")
    return HttpResponse()


def broken_task() -> None:
    raise Broken("in a task")


def run_task(request: Any) -> HttpResponse:
    from django.tasks import task

    task(broken_task).enqueue()
    return HttpResponse("queued")


def refused(request: Any) -> HttpResponse:
    """What Django makes of PostgreSQL's refusal of a row."""
    detail = f'duplicate key value violates unique constraint "name"\nDETAIL:  Key (name)=({SECRET}) already exists.'
    try:
        raise type("UniqueViolation", (Exception,), {"__module__": "psycopg.errors"})(detail)
    except Exception as error:
        raise IntegrityError(detail) from error


async def tagged(request: Any, name: str) -> HttpResponse:
    """Two tasks that tag side by side, with another request's in between."""

    async def tag(key: str) -> None:
        for _ in range(3):
            await asyncio.sleep(0.001)
            sentry_sdk.set_tag(key, name)

    await asyncio.gather(tag("first"), tag("second"))
    raise Broken(name)


urlpatterns = [
    path("refused/", refused, name="refused"),
    path("task/", run_task, name="task"),
    path("fine/", fine, name="fine"),
    path("fail/<int:number>/", fail, name="fail"),
    path("fail-async/", fail_async, name="fail-async"),
    path("handled/", handled, name="handled"),
    path("captured/", captured_and_raised, name="captured"),
    path("captured-twice/", captured_twice, name="captured-twice"),
    path("heavy/", heavy, name="heavy"),
    path("scope/", scope, name="scope"),
    path("template/", template, name="template"),
    path("stream/", stream, name="stream"),
    path("stream-async/", stream_async, name="stream-async"),
    path("heavy-stream/", heavy_stream, name="heavy-stream"),
    path("unspeakable/", unspeakable, name="unspeakable"),
    path("group/", group, name="group"),
    path("huge/", huge, name="huge"),
    path("missing/", missing, name="missing"),
    path("denied/", denied, name="denied"),
    path("suspicious/", suspicious, name="suspicious"),
    path("leave/<int:code>/", leave, name="leave"),
    path("n-plus-one/", n_plus_one, name="n-plus-one"),
    path("tagged/<str:name>/", tagged, name="tagged"),
]


def breaking(get_response: Any) -> Any:
    """A middleware that fails."""

    def middleware(request: Any) -> Any:
        get_response(request)
        raise Broken("in a middleware")

    return middleware
