"""Views that do known work, some of it under spans of the site's own."""

import asyncio
import io
import threading
from typing import Any

import django
from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.template import engines
from django.urls import path
from opentelemetry import baggage, context, propagate, trace

tracer = trace.get_tracer("site")
seen: dict[str, Any] = {}
"""What views tell their tests."""


def query(number: int = 1) -> None:
    """One statement."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {number}, 'secret' -- secret")
        cursor.fetchall()


def hello(request: Any) -> HttpResponse:
    """Almost nothing."""
    return HttpResponse("hello")


def fail(request: Any) -> HttpResponse:
    """Break."""
    query()
    raise ValueError("secret")


def missing(request: Any) -> HttpResponse:
    """Be not there."""
    return HttpResponse(status=404)


def queries(request: Any, number: int) -> HttpResponse:
    """So many statements, all alike."""
    for _ in range(number):
        query()
    return HttpResponse()


def page(request: Any) -> HttpResponse:
    """A template, a cache, a statement."""
    cache.set("secret", 1)
    cache.get("secret")
    cache.get("other-secret")
    query()
    return HttpResponse(engines["django"].from_string("{{ a }}").render({"a": 1}))


def commanding(request: Any) -> HttpResponse:
    """A management command, and a task where Django has them, inside a request."""
    call_command("diffsettings", stdout=io.StringIO())
    if django.VERSION >= (6, 0):
        from django.tasks import task

        task(commanded).enqueue()
    return HttpResponse()


def commanded() -> None:
    """A task's function: Django wants it by its module's name."""
    query()


def nested(request: Any) -> HttpResponse:
    """A statement outside, inside, and in between spans of the site's own."""
    query(1)
    with tracer.start_as_current_span("outer"):
        query(2)
        with tracer.start_as_current_span("inner"):
            query(3)
        query(4)
    query(5)
    return HttpResponse()


def rendered(request: Any) -> HttpResponse:
    """A template inside a span, a statement and a span inside the template."""

    def work() -> str:
        query()
        with tracer.start_as_current_span("deep"):
            query(6)
        return ""

    with tracer.start_as_current_span("around"):
        return HttpResponse(engines["django"].from_string("{{ work }}").render({"work": work}))


def touched(request: Any) -> HttpResponse:
    """Write on the request's own span."""
    span = trace.get_current_span()
    span.set_attribute("site.colour", "red")
    span.add_event("site.event", {"n": 1})
    span.update_name("another name")
    return HttpResponse()


def outgoing(request: Any) -> HttpResponse:
    """Tell the headers that a call to another service would carry, and the baggage."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    seen.update(carrier=carrier, baggage=dict(baggage.get_all()))
    return HttpResponse()


def stream(request: Any) -> StreamingHttpResponse:
    """Three parts, one statement and one span each, under a span that lasts over all of them."""

    def parts() -> Any:
        with tracer.start_as_current_span("whole"):
            for number in range(3):
                with tracer.start_as_current_span(f"part {number}"):
                    query(number)
                yield b"."

    return StreamingHttpResponse(parts())


async def stream_async(request: Any) -> StreamingHttpResponse:
    """The same, async."""

    async def parts() -> Any:
        with tracer.start_as_current_span("whole"):
            for number in range(3):
                with tracer.start_as_current_span(f"part {number}"):
                    await sync_to_async(query)(number)
                yield b"."

    return StreamingHttpResponse(parts())


async def tangled(request: Any, name: str) -> HttpResponse:
    """Statements and spans that take turns with those of other requests, side by side and on threads."""

    async def branch(number: int) -> None:
        with tracer.start_as_current_span(f"{name}.{number}"):
            await asyncio.sleep(0)
            await sync_to_async(query)(number)
            with tracer.start_as_current_span(f"{name}.{number}.leaf"):
                await asyncio.sleep(0)
                await sync_to_async(leaf)(number)

    def leaf(number: int) -> None:
        with tracer.start_as_current_span(f"{name}.{number}.thread"):
            query(number)

    await asyncio.gather(*(branch(number) for number in range(3)))
    return HttpResponse(name)


async def outliving(request: Any) -> HttpResponse:
    """Start a task that goes on after the answer."""
    go = asyncio.Event()

    async def later() -> None:
        with tracer.start_as_current_span("early"):
            pass
        await go.wait()
        await sync_to_async(query)()
        with tracer.start_as_current_span("late"):
            pass

    seen.update(task=asyncio.create_task(later()), go=go)
    await asyncio.sleep(0)
    return HttpResponse()


async def waiting(request: Any) -> HttpResponse:
    """Never answer."""
    with tracer.start_as_current_span("waits"):
        seen["waits"].set()
        await asyncio.Event().wait()
    return HttpResponse()


def threaded(request: Any) -> HttpResponse:
    """A span on a thread of the view's own, which is given the context by hand, as OpenTelemetry asks."""
    here = context.get_current()

    def work() -> None:
        token = context.attach(here)
        with tracer.start_as_current_span("on a thread"):
            pass
        context.detach(token)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return HttpResponse()


def bridged(request: Any) -> HttpResponse:
    """A coroutine run from sync code."""

    async def work() -> None:
        with tracer.start_as_current_span("in a loop"):
            await sync_to_async(query)()

    async_to_sync(work)()
    return HttpResponse()


urlpatterns = [
    path("hello/", hello, name="hello"),
    path("fail/", fail, name="fail"),
    path("missing/", missing, name="missing"),
    path("queries/<int:number>/", queries, name="queries"),
    path("page/", page, name="page"),
    path("commanding/", commanding, name="commanding"),
    path("nested/", nested, name="nested"),
    path("rendered/", rendered, name="rendered"),
    path("touched/", touched, name="touched"),
    path("outgoing/", outgoing, name="outgoing"),
    path("stream/", stream, name="stream"),
    path("stream-async/", stream_async, name="stream-async"),
    path("tangled/<str:name>/", tangled, name="tangled"),
    path("outliving/", outliving, name="outliving"),
    path("waiting/", waiting, name="waiting"),
    path("threaded/", threaded, name="threaded"),
    path("bridged/", bridged, name="bridged"),
]
