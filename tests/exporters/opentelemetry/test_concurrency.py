"""Every span has the right parent, whatever runs side by side; and no context is left behind."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import AsyncClient, Client
from opentelemetry import context, trace

from djmetrics import ambient, recorder, units
from djmetrics.record import Subject

from . import site

pytestmark = pytest.mark.django_db

REQUESTS = 50


def test_requests_that_take_turns_on_one_loop(memory, switched_on):
    """50 async requests, each with three branches of spans and statements on threads: each finds its own parent."""

    async def all_at_once() -> None:
        client = AsyncClient()
        await asyncio.gather(*(client.get(f"/tangled/r{number}/") for number in range(REQUESTS)))
        assert trace.get_current_span() is trace.INVALID_SPAN

    with switched_on():
        asyncio.run(all_at_once())
        spans = memory.take()

    assert spans.orphans() == []
    servers = {each.context.trace_id: each for each in spans.all if each.kind is trace.SpanKind.SERVER}
    assert len(servers) == REQUESTS
    top = ["view tangled", "GET tangled/<str:name>/"]
    for number in range(REQUESTS):
        for branch in range(3):
            name = f"r{number}.{branch}"
            assert spans.above(spans.one(name)) == top
            assert spans.above(spans.one(f"{name}.leaf")) == [name, *top]
            assert spans.above(spans.one(f"{name}.thread")) == [f"{name}.leaf", name, *top]
    for each in spans.named("SELECT"):
        nearest, *others = spans.above(each)
        if nearest.endswith(".thread"):
            assert others[0] == nearest.replace(".thread", ".leaf")
        else:
            assert others == top
    assert len(spans.named("SELECT")) == REQUESTS * 6


def test_requests_on_threads(memory, switched_on):
    """Sync requests on several threads keep their traces apart."""

    def once(number: int) -> object:
        # A fresh context, as a new thread of a server has.
        return contextvars.Context().run(lambda: (Client().get("/rendered/"), trace.get_current_span())[1])

    with switched_on():
        Client().get("/hello/")  # the database of tests belongs to this thread
        with ThreadPoolExecutor(4) as pool:
            current = list(pool.map(once_without_database(once), range(20)))
        spans = memory.take()
    assert set(current) == {trace.INVALID_SPAN}
    assert spans.orphans() == []
    assert len({each.context.trace_id for each in spans.named("around")}) == 20


def once_without_database(function):
    """Let this test's threads share the in-memory database."""
    from django.db import connections

    connection = connections["default"]
    connection.inc_thread_sharing()

    def work(number: int) -> object:
        connections["default"] = connection
        return function(number)

    return work


@pytest.mark.parametrize("path", ["/hello/", "/nested/", "/fail/", "/stream/", "/missing/", "/bridged/"])
def test_nothing_is_current_afterwards(memory, switched_on, path):
    """The context after a request is the one before it."""
    mine = context.set_value("mine", 1)
    token = context.attach(mine)
    try:
        with switched_on():
            response = Client(raise_request_exception=False).get(path)
            b"".join(response) if response.streaming else response.content
            response.close()
            assert context.get_current() is mine
            assert trace.get_current_span() is trace.INVALID_SPAN
    finally:
        context.detach(token)


def parts_are_right(spans):
    """What a streamed body did lies under its stream; spans inside a span that lasts over all parts, under that."""
    (server,) = (each for each in spans.all if each.kind is trace.SpanKind.SERVER)
    assert spans.orphans() == []
    assert spans.above(spans.one("whole")) == ["stream", server.name]
    for number in range(3):
        assert spans.above(spans.one(f"part {number}")) == ["whole", "stream", server.name]
    assert [spans.above(each)[0] for each in spans.named("SELECT")] == ["part 0", "part 1", "part 2"]


def test_stream(memory, switched_on):
    """A generator's own span stays current in the generator, and there only."""
    with switched_on():
        response = Client().get("/stream/")
        for _ in response:
            assert trace.get_current_span() is trace.INVALID_SPAN
        response.close()
        parts_are_right(memory.take())


def test_async_stream(memory, switched_on):
    """So does that of an async generator."""

    async def once() -> None:
        response = await AsyncClient().get("/stream-async/")
        async for _ in response:
            assert trace.get_current_span() is trace.INVALID_SPAN
        response.close()
        assert trace.get_current_span() is trace.INVALID_SPAN

    with switched_on():
        asyncio.run(once())
        parts_are_right(memory.take())


def test_task_that_outlives_its_request(memory, switched_on):
    """What it does later is still of the request's trace, under spans that exist."""

    async def once() -> None:
        await AsyncClient().get("/outliving/")
        site.seen["go"].set()
        await site.seen["task"]

    with switched_on():
        asyncio.run(once())
        spans = memory.take()
    assert spans.orphans() == []
    server = spans.server()
    assert spans.above(spans.one("early")) == ["view outliving", server.name]
    assert spans.one("late").context.trace_id == server.context.trace_id
    assert spans.above(spans.one("late"))[-1] == server.name


def test_cancelled_request(memory, switched_on):
    """A client that goes away leaves a whole trace that says so, and no context."""

    async def once() -> None:
        site.seen["waits"] = asyncio.Event()
        task = asyncio.create_task(AsyncClient().get("/waiting/"))
        await site.seen["waits"].wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert trace.get_current_span() is trace.INVALID_SPAN

    with switched_on():
        asyncio.run(once())
        spans = memory.take()
    assert spans.above(spans.one("waits")) == ["view waiting", "GET waiting/"]
    server = spans.server()
    assert server.attributes["django.request.outcome"] == "disconnected"
    failed = [each.name for each in spans.all if each.status.status_code is trace.StatusCode.ERROR]
    assert failed == []  # that a client went away is no error, neither of the request nor of what ran for it
    assert spans.one("view waiting").attributes["error.type"] == "asyncio.exceptions.CancelledError"


def test_operation_that_outlives_its_request(memory, switched_on):
    """An operation that is still open when its record is closed has a span, if others hang on it: cut, and marked."""
    with switched_on():
        record = units.open()
        record.method = "GET"
        units.announce(record)
        outer = recorder.make_current(record.root)
        before = ambient.enter(record)
        operation = recorder.begin(Subject("mail", "send"))
        with site.tracer.start_as_current_span("inside"):
            pass
        units.close(record)
        recorder.end(operation)
        ambient.leave(before)
        recorder.make_current(outer)
        spans = memory.take()

    assert spans.above(spans.one("inside")) == ["mail send", "GET"]
    mail = spans.one("mail send")
    assert mail.attributes["djmetrics.cut"] is True
    assert mail.end_time == spans.server().end_time


def test_thread_of_the_site(memory, switched_on):
    """A thread that is given the context works under the view."""
    with switched_on():
        Client().get("/threaded/")
        spans = memory.take()
    assert spans.above(spans.one("on a thread"))[0] in ("view threaded", "GET threaded/")


def test_coroutine_in_sync_code(memory, switched_on):
    """``async_to_sync`` and back: the statement lies under the span in the loop."""
    with switched_on():
        Client().get("/bridged/")
        spans = memory.take()
    assert spans.above(spans.one("SELECT")) == ["in a loop", "view bridged", "GET bridged/"]
