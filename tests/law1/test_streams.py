"""Streamed bodies: laziness, chunks, early ends, and what is closed when."""

import asyncio
import io
import types

import pytest
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.law1 import site
from tests.law1.site import Block
from tests.law1.worlds import note, same

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


class Text:
    """A part that is made when it is asked for, and differs each time."""

    def __init__(self):
        self.asked = 0

    def __str__(self):
        self.asked += 1
        note("part made", self.asked)
        return f"<{self.asked}>"


parts = st.lists(
    st.sampled_from(["text", "é", b"bytes", b"", 5, "lazy", memoryview(b"view"), "raise"]), max_size=5
)


def generated(parts):
    """A sync body."""
    try:
        for part in parts:
            note("makes", repr(part) if not isinstance(part, memoryview) else "view")
            if part == "raise":
                raise ValueError("broke")
            yield Text() if part == "lazy" else part
    except GeneratorExit:
        note("left early")
        raise
    finally:
        note("body closed")


async def generated_async(parts):
    """An async body."""
    try:
        for part in parts:
            note("makes", repr(part) if not isinstance(part, memoryview) else "view")
            if part == "raise":
                raise ValueError("broke")
            await asyncio.sleep(0)
            yield Text() if part == "lazy" else part
    except (GeneratorExit, asyncio.CancelledError) as error:
        note("left early", type(error).__name__)
        raise
    finally:
        note("body closed")


class Iterating:
    """An iterator that is no generator, with a ``close`` of its own."""

    def __init__(self, parts):
        self.parts = generated(parts)

    def __iter__(self):
        note("iter")
        return self

    def __next__(self):
        return next(self.parts)

    def close(self):
        note("close called")


class AsyncIterating(Iterating):
    """The same, async, by generator-based coroutines."""

    __iter__ = None

    def __aiter__(self):
        return self

    @types.coroutine
    def __anext__(self):
        yield from asyncio.sleep(0).__await__()
        for part in self.parts:
            return part
        raise StopAsyncIteration


class _Once:
    def __init__(self, part):
        self.part = part

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        raise StopIteration(self.part)


class HandAwaited(AsyncIterating):
    """Its ``__anext__`` gives an awaitable made by hand: an iterator that can only be sent to."""

    def __anext__(self):
        for part in self.parts:
            return types.SimpleNamespace(part=part) and _Awaitable(part)
        return _ended()


class _Awaitable:
    def __init__(self, part):
        self.part = part

    def __await__(self):
        return _Once(self.part)


async def _ended():
    raise StopAsyncIteration


BODIES = {
    "generator": generated,
    "async generator": generated_async,
    "iterator": Iterating,
    "async iterator": AsyncIterating,
    "by hand": HandAwaited,
    "list": list,
}


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(
    body=st.sampled_from(list(BODIES)),
    parts=parts,
    taken=st.none() | st.integers(1, 4),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_any_body(body, parts, taken, method):
    """Any body is asked for one part at a time, gives the same parts, and ends in the same way, early or not."""
    parts = [part for part in parts if body != "list" or part not in ("raise", "lazy")]

    def view(request, **kwargs):
        response = StreamingHttpResponse(BODIES[body](parts))
        response._resource_closers.append(lambda: note("closer"))
        return response

    def scenario(world):
        site.show(view)
        paths = site.stack([Block("m", "both", "pass", "404")])
        for serve in (
            lambda: world.wsgi({"PATH_INFO": "/v/1/", "REQUEST_METHOD": method}, *paths, parts=taken),
            lambda: world.asgi("/v/1/", *paths, method=method, leave_after=taken),
        ):
            try:
                serve()
            except Exception as error:
                note("error", type(error).__name__, error.args)

    same(scenario)


class ClosesItsIterator(StreamingHttpResponse):
    """A response that treats what it iterates over as the generator that it is."""

    def close(self):
        note("its frame", self._iterator.gi_frame is not None)
        self._iterator.close()
        super().close()


class OwnStreaming(HttpResponseBase):
    """Streams without being a ``StreamingHttpResponse``."""

    streaming = True

    def __iter__(self):
        return generated(["own"])


class Watched(HttpResponse):
    """Shows who reads its content."""

    @property
    def content(self):
        note("content read")
        return super().content

    @content.setter
    def content(self, value):
        HttpResponse.content.fset(self, value)


class OwnClose(HttpResponse):
    """Closes in its own way and never calls what was registered."""

    def close(self):
        note("own close")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ClosesItsIterator(generated(["a", "b"])),
        OwnStreaming,
        lambda: Watched("x"),
        lambda: OwnClose("y"),
        lambda: FileResponse(io.BytesIO(b"file")),
        lambda: FileResponse(generated([b"no", b"file"])),
        lambda: HttpResponse(generated(["iterated", b"at once"])),
        lambda: HttpResponse(status=204),
    ],
)
def test_responses_of_the_sites_own(make):
    """Responses that look after themselves are left to do so."""

    def scenario(world):
        site.show(lambda request, **kwargs: make())
        for parts in None, 1:
            world.wsgi({"PATH_INFO": "/v/1/"}, parts=parts)

    same(scenario)


def test_file_wrapper_gets_the_file():
    """A server's ``wsgi.file_wrapper`` is given the very file and block size."""

    class Wrapper:
        def __init__(self, file, size):
            note("wrapper", file.known, size, hasattr(file, "close"))
            self.file = file

        def __iter__(self):
            return iter([self.file.read()])

        def close(self):
            self.file.close()

    class File(io.BytesIO):
        known = "the very file"

    def scenario(world):
        site.show(lambda request, **kwargs: FileResponse(File(b"content")))
        world.wsgi({"PATH_INFO": "/v/1/", "wsgi.file_wrapper": Wrapper})

    same(scenario)


def test_response_object_that_is_shared():
    """One response object for many requests stays that."""
    shared = HttpResponse("shared")

    def scenario(world):
        site.show(lambda request, **kwargs: shared)
        for _ in range(3):
            world.wsgi({"PATH_INFO": "/v/1/"})

    same(scenario)
