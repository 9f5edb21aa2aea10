"""Streamed bodies: their bytes, the time to the first one, how they ended; nothing about them is changed."""

import asyncio
import gc
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path

from djmetrics import ambient, current_record, recorder, streaming, timed, units
from djmetrics.clock import now
from djmetrics.middleware import DjmetricsMiddleware
from djmetrics.record import Subject
from djmetrics.testing import FakeClock, fake_clock, record

from .hooks import site
from .hooks.conftest import fresh, in_flight  # noqa: F401 - the fixture's name is its use
from .hooks.site import asgi, the_one, wsgi

pytestmark = pytest.mark.urls(__name__)

WORK = Subject("db", "SELECT")
clock: FakeClock


class Broken(Exception):
    """What a body of these tests breaks off with."""


def parts() -> Iterator[Any]:
    """Half a second to the first part; a second with a tenth of database work to the next."""
    clock.advance(0.5)
    yield b"first"
    clock.advance(0.9)
    operation = recorder.begin_leaf(WORK)
    clock.advance(0.1)
    recorder.end_leaf(operation)
    yield "zweiter ü"
    clock.advance(2)


def statement() -> None:
    operation = recorder.begin_leaf(WORK)
    clock.advance(0.1)
    recorder.end_leaf(operation)


def in_a_block() -> Iterator[bytes]:
    with timed("outer"):
        yield b"a"
        clock.advance(0.5)
        statement()
        yield b"b"
        clock.advance(0.25)
    statement()
    yield b"c"


async def async_in_a_block() -> AsyncIterator[bytes]:
    for part in in_a_block():
        yield part


def breaking() -> Iterator[bytes]:
    clock.advance(0.5)
    yield b"first"
    raise Broken


async def async_parts() -> AsyncIterator[Any]:
    for part in parts():
        yield part


async def async_breaking() -> AsyncIterator[bytes]:
    for part in breaking():
        yield part


async def endless() -> AsyncIterator[bytes]:
    yield b"first"
    await asyncio.sleep(60)


def view(make: Any) -> Any:
    def answer(request: Any) -> Any:
        clock.advance(0.25)
        return make()

    return answer


async def async_view(request: Any) -> StreamingHttpResponse:
    clock.advance(0.25)
    return StreamingHttpResponse(async_parts())


urlpatterns = [
    path("sync/", view(lambda: StreamingHttpResponse(parts()))),
    path("async/", async_view),
    path("block/", view(lambda: StreamingHttpResponse(in_a_block()))),
    path("async-block/", view(lambda: StreamingHttpResponse(async_in_a_block()))),
    path("breaking/", view(lambda: StreamingHttpResponse(breaking()))),
    path("async-breaking/", view(lambda: StreamingHttpResponse(async_breaking()))),
    path("endless/", view(lambda: StreamingHttpResponse(endless()))),
    path("list/", view(lambda: StreamingHttpResponse([b"a", memoryview(b"bc"), "d", 5]))),
    path("empty/", view(lambda: StreamingHttpResponse([]))),
    path("file/", view(lambda: FileResponse(io.BytesIO(b"content"), filename="name.txt"))),
    path("no-file/", view(lambda: FileResponse([b"con", b"tent"]))),
    path("plain/", view(lambda: HttpResponse("plain"))),
]


@pytest.fixture(autouse=True)
def only_ours(settings: Any) -> Iterator[None]:
    """A site with no other middleware, whose clock stands still."""
    global clock
    settings.MIDDLEWARE = ["djmetrics.middleware.DjmetricsMiddleware"]
    with fake_clock() as clock:
        yield


def seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e9


def by_wsgi(where: str) -> bytes:
    response = Client().get(where)
    body: bytes = b"".join(response.streaming_content)
    return body


@pytest.mark.parametrize("get, where", [(by_wsgi, "/sync/"), (lambda at: asgi(at).body, "/async/")])
def test_streamed_body(get, where):
    """A streamed response lasts to its last byte, its bytes are counted, its work is its own."""
    with record() as seen:
        assert get(where).decode() == "firstzweiter ü"

    only = the_one(seen.records)
    assert (only.outcome, only.status, only.response_size, only.error) == ("completed", 200, 15, None)
    assert seconds(only.first_byte_ns) == 0.75
    assert seconds(only.duration) == 3.75
    assert {phase: ns / 1e9 for phase, ns in only.phases.items() if ns} == {"view": 3.65, "db": 0.1}


def test_sync_body_under_asgi():
    """A sync body that Django reads in a thread belongs to its request all the same."""
    with record() as seen, pytest.warns(Warning, match="synchronous iterators"):
        assert asgi("/sync/").body.decode() == "firstzweiter ü"

    only = the_one(seen.records)
    assert (only.outcome, only.response_size, seconds(only.duration)) == ("completed", 15, 3.75)
    assert only.phases["db"] == 100_000_000


def test_parts_of_any_type():
    """What Django makes bytes of is counted as these bytes."""
    with record() as seen:
        assert by_wsgi("/list/") == b"abcd5"

    assert the_one(seen.records).response_size == 5


def test_empty_body():
    """A body without parts is complete; it never had a first byte."""
    with record() as seen:
        assert by_wsgi("/empty/") == b""

    only = the_one(seen.records)
    assert (only.outcome, only.response_size, only.first_byte_ns) == ("completed", None, None)


def test_plain_response():
    """The first byte of a plain response is there when it is returned."""
    with record() as seen:
        Client().get("/plain/")

    only = the_one(seen.records)
    assert (seconds(only.first_byte_ns), seconds(only.duration), only.response_size) == (0.25, 0.25, 5)


def test_body_that_breaks_off():
    """An exception midway passes unchanged; the response failed, with the exception's class."""
    with record() as seen:
        response, _ = wsgi("/breaking/")
        with pytest.raises(Broken):
            list(response)
        assert in_flight() == 1
        response.close()

    only = the_one(seen.records)
    assert (only.outcome, only.error, only.status, only.response_size) == ("failed", Broken, 200, 5)


def test_async_body_that_breaks_off():
    """The same under ASGI."""
    # The handler does not close a response whose sending failed; it is counted once it is forgotten.
    with record() as seen, site.files_left_open(), pytest.raises(Broken):
        asgi("/async-breaking/")

    only = the_one(seen.records)
    assert (only.outcome, only.error, only.response_size) == ("failed", Broken, 5)


def test_server_stops_asking():
    """A sync body that is closed before its end: the client went away."""
    with record() as seen:
        response, _ = wsgi("/sync/")
        assert next(iter(response)) == b"first"
        response.close()

    only = the_one(seen.records)
    assert (only.outcome, only.error, only.response_size, only.status) == ("disconnected", None, 5, 200)
    assert seconds(only.duration) == 0.75


def test_client_goes_away_in_the_middle():
    """An async body whose client disconnects while it waits for the next part."""

    async def main() -> None:
        client = site.Client()
        client.on_send = lambda message: client.gone.set() if message.get("body") == b"first" else None
        await ASGIHandler()(site.scope("/endless/"), client.receive, client.send)

    with record() as seen, site.files_left_open():
        asyncio.run(main())

    only = the_one(seen.records)
    assert (only.outcome, only.error, only.response_size, only.status) == ("disconnected", None, 5, 200)


def test_response_that_nobody_closes():
    """A response that is forgotten without being closed is counted, and leaves the gauge."""
    with record() as seen:
        response, _ = wsgi("/plain/")
        assert seen.records == []
        del response
        gc.collect()
        units.flush()

    assert the_one(seen.records).status == 200


def test_stream_that_nobody_reads_or_closes():
    """A streamed response that is forgotten before its end did not complete."""
    with record() as seen:
        response, _ = wsgi("/sync/")
        del response
        gc.collect()
        units.flush()

    assert the_one(seen.records).outcome == "disconnected"


def test_forgotten_responses_are_counted_with_the_next_one():
    """No scrape is needed: the next request that ends takes them along."""
    with record() as seen:
        response, _ = wsgi("/plain/")
        del response
        gc.collect()
        Client().get("/plain/")
        assert len(seen.records) == 2


def test_closed_twice():
    """Servers may close a response twice; it ends once."""
    with record() as seen:
        response, _ = wsgi("/plain/")
        response.close()
        clock.advance(5)
        response.close()

    assert seconds(the_one(seen.records).duration) == 0.25


@pytest.mark.parametrize("where", ["/sync/", "/file/", "/plain/", "/no-file/"])
def test_head(where):
    """A HEAD request ends when its response is closed, completed, and its body was never asked for."""
    with record() as seen:
        assert b"".join(Client().head(where)) == b""

    only = the_one(seen.records)
    assert (only.outcome, only.status, seconds(only.first_byte_ns)) == ("completed", 200, 0.25)


def test_head_of_a_stream_that_the_server_runs():
    """A server may run the body of a HEAD's answer and send none of it: its time and queries count, no size."""
    with record() as seen:
        response, _ = wsgi("/sync/", REQUEST_METHOD="HEAD")
        assert list(response) == [b"first", "zweiter ü".encode()]
        response.close()

    only = the_one(seen.records)
    assert (only.outcome, only.error, only.response_size, only.method) == ("completed", None, None, "HEAD")
    assert (seconds(only.first_byte_ns), seconds(only.duration)) == (0.25, 3.75)
    assert {phase: ns / 1e9 for phase, ns in only.phases.items() if ns} == {"view": 3.65, "db": 0.1}


def test_head_of_an_async_stream():
    """The same under ASGI, where Django runs the body itself."""
    with record() as seen:
        asgi("/async/", method="HEAD")

    only = the_one(seen.records)
    assert (only.outcome, only.error, only.response_size) == ("completed", None, None)
    assert (seconds(only.first_byte_ns), seconds(only.duration)) == (0.25, 3.75)
    assert only.phases["db"] == 100_000_000


def test_head_of_a_stream_that_the_server_leaves_half_way():
    """To stop running what nobody wants is no disconnect."""
    with record() as seen:
        response, _ = wsgi("/sync/", REQUEST_METHOD="HEAD")
        next(iter(response))
        response.close()

    only = the_one(seen.records)
    assert (only.outcome, only.response_size, seconds(only.first_byte_ns)) == ("completed", None, 0.25)
    assert seconds(only.duration) == 0.75


def test_file_keeps_its_wrapper():
    """The server's ``wsgi.file_wrapper`` gets the very file, and what it returns goes to the server."""
    given: list[Any] = []

    def wrapper(file: Any, size: int) -> Any:
        given.append(file)
        return iter([file.read()])

    with record() as seen:
        response, _ = wsgi("/file/", **{"wsgi.file_wrapper": wrapper})
        assert isinstance(given[0], io.BytesIO)
        assert list(response) == [b"content"]
        given[0].close()

    # The server closes the file, and with it the response.
    only = the_one(seen.records)
    assert (only.outcome, only.response_size, only.status) == ("completed", 7, 200)


def test_file_without_wrapper():
    """A file that is streamed by Django is read by Django; its size is its Content-Length."""
    with record() as seen:
        assert by_wsgi("/file/") == b"content"

    only = the_one(seen.records)
    assert (only.outcome, only.response_size) == ("completed", 7)


def test_file_response_of_a_list():
    """A file response that holds no file is a stream."""
    with record() as seen:
        assert by_wsgi("/no-file/") == b"content"

    only = the_one(seen.records)
    assert (only.outcome, only.response_size) == ("completed", 7)


def test_nothing_is_current_between_the_parts():
    """Only while a part is made is its request current: not in the server, between them."""
    response, _ = wsgi("/sync/")
    body = iter(response)
    assert current_record() is None
    next(body)
    assert current_record() is None
    response.close()


def test_interleaved_bodies():
    """Bodies that one thread sends in turn keep their work apart."""
    with record() as seen:
        first, _ = wsgi("/sync/")
        second, _ = wsgi("/sync/")
        for _ in zip(first, second, strict=True):
            pass
        first.close()
        second.close()

    assert [each.phases["db"] for each in seen.records] == [100_000_000] * 2
    assert all(sum(each.phases.values()) == each.duration for each in seen.records)


@pytest.mark.parametrize("get, where", [(by_wsgi, "/block/"), (lambda at: asgi(at).body, "/async-block/")])
def test_a_block_around_parts(get, where):
    """What comes in later steps of a body lies in the block that it began in an earlier one; after it, it does not."""
    with record() as seen:
        assert get(where) == b"abc"

    only = the_one(seen.records)
    nested = [each for each in only.operations if each.subject.kind in ("db", "timed")]
    names = [(each.subject.name, each.parent.subject.name) for each in nested]
    assert names == [("SELECT", "outer"), ("outer", "stream"), ("SELECT", "stream")]
    assert {phase: ns / 1e9 for phase, ns in only.phases.items() if ns} == {
        "view": 0.25,
        "db": 0.2,
        "other": 0.75,
    }
    assert current_record() is None


def test_real_clock_is_back():
    """The fake clock of these tests leaves the real ones alone."""
    assert now is not clock.now


class Named:
    """An iterator with something of its own."""

    name = "rows"

    def __init__(self) -> None:
        self._rows = iter([b"row"])

    def __iter__(self) -> "Named":
        return self

    def __next__(self) -> bytes:
        return next(self._rows)


class AsyncNamed(Named):
    def __aiter__(self) -> "AsyncNamed":
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


@pytest.mark.parametrize("stream", [Named, AsyncNamed])
def test_what_a_stream_has_of_its_own(stream):
    """A site's response class that asks its stream for more is answered."""
    made = DjmetricsMiddleware(lambda request: StreamingHttpResponse(stream()))(site.get())
    assert made._iterator.name == "rows"
    with pytest.raises(AttributeError):
        made._iterator.other  # noqa: B018
    made.close()


def test_what_a_view_returns_may_be_anything(monkeypatch):
    """To ask whether it streams is no reason to fail."""

    class Odd:
        @property
        def streaming(self):
            raise RuntimeError("made up")

    monkeypatch.setattr(ambient, "contexts", (object(),))
    assert streaming.kept_for(Odd()) == []
