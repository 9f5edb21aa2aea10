"""CPU time: the request's own code on every thread it runs on, and nothing of anybody else's."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, async_to_sync, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, override_settings
from django.urls import path

from djmetrics import lanes
from djmetrics.testing import record

from . import site
from .site import asgi, the_one

pytestmark = pytest.mark.urls(__name__)

SECONDS = 0.04
burned: list[float] = []


def burn(seconds: float = SECONDS) -> None:
    """Use CPU on this thread; what was used is noted."""
    start = time.thread_time()
    while time.thread_time() - start < seconds:
        pass
    burned.append(time.thread_time() - start)


def sync_view(request: Any) -> HttpResponse:
    burn()
    return HttpResponse()


async def async_view(request: Any) -> HttpResponse:
    burn()
    await asyncio.sleep(0)
    burn()
    return HttpResponse()


async def async_view_with_threads(request: Any) -> HttpResponse:
    burn()
    await sync_to_async(burn)()
    await sync_to_async(burn, thread_sensitive=False)()
    return HttpResponse()


def sync_view_with_a_loop(request: Any) -> HttpResponse:
    async def inner() -> None:
        burn()
        await sync_to_async(burn)()

    burn()
    async_to_sync(inner)()
    return HttpResponse()


async def gathering(request: Any) -> HttpResponse:
    """Tasks of the request's own that go through threads are its own; see the docs for those that do not."""
    await asyncio.gather(*(sync_to_async(burn, thread_sensitive=False)() for _ in range(2)))
    return HttpResponse()


async def waiting(request: Any) -> HttpResponse:
    await asyncio.sleep(0.1)
    burn()
    return HttpResponse()


def streaming(request: Any) -> StreamingHttpResponse:
    def parts() -> Any:
        for _ in range(2):
            burn()
            yield b"part"

    return StreamingHttpResponse(parts())


async def async_streaming(request: Any) -> StreamingHttpResponse:
    async def parts() -> Any:
        for _ in range(2):
            burn()
            await sync_to_async(burn)()
            yield b"part"

    return StreamingHttpResponse(parts())


async def failing(request: Any) -> HttpResponse:
    burn()
    raise LookupError


VIEWS = [
    sync_view, async_view, async_view_with_threads, sync_view_with_a_loop, gathering, waiting, streaming,
    async_streaming, failing,
]  # fmt: skip
urlpatterns = [path(f"{view.__name__}/", view) for view in VIEWS]


@pytest.fixture(autouse=True)
def only_ours(settings: Any) -> Iterator[None]:
    """No other middleware, and no garbage of other tests to collect in the middle of a request."""
    settings.MIDDLEWARE = ["djmetrics.middleware.DjmetricsMiddleware"]
    burned.clear()
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def by_wsgi(where: str) -> None:
    b"".join(Client(raise_request_exception=False).get(where))


def is_what_was_burned(cpu_ns: int) -> bool:
    """The burner's own figure, and a little for Django."""
    return sum(burned) <= cpu_ns / 1e9 <= sum(burned) + 0.03


@pytest.mark.parametrize(
    "get, view",
    # Django warns of async bodies under WSGI, and never reads them as they are.
    [(get, view) for get in (by_wsgi, asgi) for view in VIEWS if (get, view) != (by_wsgi, async_streaming)],
    ids=lambda part: part.__name__,
)
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_cpu_time(get, view):
    """Whatever threads and loops a request's code goes through, its CPU time is what it used, once."""
    with record() as seen:
        get(f"/{view.__name__}/")

    assert burned
    assert is_what_was_burned(the_one(seen.records).cpu_ns)
    assert lanes.current() is None


def test_other_tasks_are_not_counted():
    """While a request waits, another task burns CPU on the same loop: that is not the request's."""

    async def main() -> None:
        client = site.Client()
        request = asyncio.create_task(ASGIHandler()(site.scope("/waiting/"), client.receive, client.send))
        await asyncio.sleep(0.05)
        burn(0.2)
        others.append(burned.pop())
        await request

    others: list[float] = []
    with record() as seen:
        asyncio.run(main())

    assert others[0] >= 0.2
    assert is_what_was_burned(the_one(seen.records).cpu_ns)


def test_two_requests_side_by_side():
    """Requests that share a loop have each their own."""

    async def ask() -> None:
        client = site.Client()
        await ASGIHandler()(site.scope("/async_view/"), client.receive, client.send)

    async def main() -> None:
        await asyncio.gather(ask(), ask(), ask())

    with record() as seen:
        asyncio.run(main())

    assert [2 * SECONDS <= each.cpu_ns / 1e9 < 3 * SECONDS for each in seen.records] == [True] * 3


def test_a_thread_of_its_own_is_not_counted():
    """A thread that a view starts by itself is not the request's."""

    def view(request: Any) -> HttpResponse:
        thread = threading.Thread(target=burn)
        thread.start()
        thread.join()
        return HttpResponse()

    class Urls:
        urlpatterns = [path("", view)]

    with override_settings(ROOT_URLCONF=Urls), record() as seen:
        Client().get("/")

    assert the_one(seen.records).cpu_ns / 1e9 < SECONDS


def test_hook_off():
    """Without the hook, threads and other loops are missing, and nothing else changes."""
    with override_settings(DJMETRICS={"HOOKS": {"threads": False}}), record() as seen:
        asgi("/async_view_with_threads/")

    assert SECONDS <= the_one(seen.records).cpu_ns / 1e9 < 2 * SECONDS


def test_subclasses_keep_their_handler():
    """A subclass of SyncToAsync that calls the handler of its parent works."""

    class Own(SyncToAsync):
        def thread_handler(self, *args: Any, **kwargs: Any) -> Any:
            return super().thread_handler(*args, **kwargs)

    async def main() -> Any:
        return await Own(lambda: threading.get_ident())()

    assert asyncio.run(main()) != threading.get_ident()
    assert callable(SyncToAsync.thread_handler)


def test_outside_requests():
    """Nothing is counted for anybody."""

    async def main() -> int:
        await sync_to_async(burn)()
        return await sync_to_async(async_to_sync(asyncio.sleep))(0, 7)

    assert asyncio.run(main()) == 7
    assert lanes.current() is None
