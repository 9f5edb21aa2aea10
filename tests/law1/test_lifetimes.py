"""How long things live, and how deep the stack is: nothing of the site's is kept, nothing is left for the collector."""

import asyncio
import gc
import inspect
import io
import os
import pickle
import time
import weakref
from pathlib import Path

import pytest
from django.core.handlers.base import BaseHandler
from django.core.management import BaseCommand, call_command
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings

from djmetrics import runtime
from tests.law1 import site
from tests.law1.worlds import World, note, same


class Thing:
    """Something of the site's."""


def handler(world, *middleware, is_async=False):
    """Django's handler without a server."""
    made = BaseHandler()
    with override_settings(MIDDLEWARE=world.middleware(*middleware)):
        made.load_middleware(is_async)
    return made


@pytest.fixture(autouse=True)
def collector_off():
    """Only reference counts free anything."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive(references):
    return {name: reference() is not None for name, reference in references.items()}


@pytest.mark.parametrize("kind", ["plain", "stream", "left stream", "caught"])
@pytest.mark.parametrize("is_async", [False, True])
def test_request_and_response_are_freed_at_once(kind, is_async):
    """Request, response, and what a view made are gone with the response, or exactly as late as without us."""

    def scenario(world):
        references = {}

        def keep(name, thing):
            references[name] = weakref.ref(thing)
            return thing

        def answer(request):
            thing = keep("thing", Thing())
            if kind == "caught":
                try:
                    raise keep("error", ValueError(thing))
                except ValueError:
                    pass
            if "stream" not in kind:
                return keep("response", HttpResponse(repr(type(thing))))
            body = stream_async(thing) if is_async else iter([b"a", b"b"])
            return keep("response", StreamingHttpResponse(body))

        async def stream_async(thing):
            yield b"a"
            yield b"b"

        async def view_async(request, **kwargs):
            await asyncio.sleep(0)
            return answer(request)

        site.show(view_async if is_async else lambda request, **kwargs: answer(request))
        serve = handler(world, is_async=is_async)
        if is_async:

            async def go():
                request = keep("request", AsyncRequestFactory().get("/v/1/"))
                response = await serve.get_response_async(request)
                if "stream" in kind:
                    async for _ in response:
                        if kind == "left stream":
                            break
                response.close()

            asyncio.run(go())
        else:
            request = keep("request", RequestFactory().get("/v/1/"))
            response = serve.get_response(request)
            for _ in response:
                if kind == "left stream":
                    break
            response.close()
            del request, response
        note(alive(references))

    same(scenario)


@pytest.mark.parametrize("goes_on", [False, True])
def test_swallowed_cancellation(goes_on):
    """A cancellation that a view handles is freed when it has been, with all that its traceback holds."""

    def scenario(world):
        references = {}

        async def inner():
            thing = Thing()
            references["thing"] = weakref.ref(thing)
            await asyncio.sleep(10)

        async def view(request, **kwargs):
            try:
                await inner()
            except asyncio.CancelledError as error:
                frames = [frame.function for frame in inspect.getinnerframes(error.__traceback__)]
                note(frames)
            if goes_on:
                asyncio.get_running_loop().call_soon(lambda: note("meanwhile", alive(references)))
                await asyncio.sleep(0.01)
            return HttpResponse("ok")

        async def go():
            task = asyncio.create_task(
                handler(world, is_async=True).get_response_async(AsyncRequestFactory().get("/v/1/"))
            )
            await asyncio.sleep(0.02)
            task.cancel()
            (await task).close()

        site.show(view)
        asyncio.run(go())
        note("after", alive(references))

    same(scenario)


def test_no_garbage():
    """A process that never collects cycles does not grow with the number of requests."""
    site.show(lambda request, **kwargs: HttpResponse("x"))
    serve = handler(World(measured=True))

    def requests(number):
        for _ in range(number):
            serve.get_response(RequestFactory().get("/v/1/")).close()
        # What waits to be counted, or sent, is bounded.
        runtime.exporter().flush()
        runtime._tell_destinations("finish")

    assert runtime.started()
    requests(50)
    before = len(gc.get_objects())
    requests(300)
    # On a busy machine the thread that sends may need longer than it is waited for.
    until = time.monotonic() + 20
    while len(gc.get_objects()) - before >= 100 and time.monotonic() < until:
        time.sleep(0.1)
        runtime._tell_destinations("finish")

    assert len(gc.get_objects()) - before < 100


def test_closed_response_can_be_pickled():
    """A response can be pickled once it is closed, to the same bytes."""

    def scenario(world):
        site.show(lambda request, **kwargs: HttpResponse("x"))
        response = handler(world).get_response(RequestFactory().get("/v/1/"))
        response.close()
        note(pickle.dumps(response))

    same(scenario)


def test_response_that_outlives_the_process(tmp_path):
    """A response that nobody closed says nothing when the process ends."""
    import subprocess
    import sys

    script = tmp_path / "site_of_one_view.py"
    script.write_text(
        "import sys\n"
        "from django.conf import settings\n"
        "settings.configure(SECRET_KEY='x', ALLOWED_HOSTS=['*'], ROOT_URLCONF='__main__',\n"
        "    INSTALLED_APPS=sys.argv[1:2], MIDDLEWARE=sys.argv[2:])\n"
        "import django; django.setup()\n"
        "from django.core.handlers.wsgi import WSGIHandler\n"
        "from django.http import HttpResponse\n"
        "from django.test import RequestFactory\n"
        "from django.urls import path\n"
        "urlpatterns = [path('', lambda request: HttpResponse('x'))]\n"
        "kept = WSGIHandler().get_response(RequestFactory().get('/'))\n"
        "print(kept.content)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    outputs = [
        subprocess.run(
            [sys.executable, script, *installed], env=env, capture_output=True, text=True, check=True
        )
        for installed in ([], ["djmetrics", "djmetrics.middleware.DjmetricsMiddleware"])
    ]
    assert [(each.stdout, each.stderr) for each in outputs] == [("b'x'\n", "")] * 2


def test_context_is_left_as_it_was():
    """Tasks and threads that a view starts see the context variables that it set."""
    import contextvars

    def scenario(world):
        async def later():
            note("task", site.trail.get())

        async def view(request, **kwargs):
            site.trail.set(("view",))
            note(len([var for var in contextvars.copy_context() if not var.name.startswith("djmetrics")]) > 0)
            await asyncio.create_task(later())
            await asyncio.to_thread(lambda: note("thread", site.trail.get()))
            return HttpResponse("ok")

        site.show(view)
        world.asgi("/v/1/")
        world.wsgi({"PATH_INFO": "/v/1/", "wsgi.input": io.BytesIO()})

    same(scenario)


class Deaf(Exception):
    """Whatever is asked of it fails."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


class Untraceable(Exception):
    """It cannot be given another traceback."""

    def with_traceback(self, traceback):
        raise RuntimeError("no traceback")


@pytest.mark.parametrize("kind", [Deaf, Untraceable])
def test_what_a_future_fails_with(kind):
    """It comes through our frames to the view that awaits it, and nothing of its class is asked there."""

    def scenario(world):
        async def view(request, n, extra):
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            loop.call_soon(future.set_exception, kind())
            try:
                await future
            except BaseException as error:
                return HttpResponse(type(error).__name__)

        site.show(view)
        world.asgi("/v/1/")

    same(scenario)


class Masked(Exception):
    """It does not say what it is."""

    @property
    def __class__(self):
        raise RuntimeError("masked")


@pytest.mark.parametrize("kind", [Deaf, Masked])
def test_what_a_command_fails_with(kind):
    """Whoever calls it is given its exception, and nothing of its class is asked."""

    class Command(BaseCommand):
        def handle(self, *args, **options):
            raise kind

    def scenario(world):
        try:
            call_command(Command())
        except BaseException as error:
            note(type(error).__name__)

    same(scenario)
