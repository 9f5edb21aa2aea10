"""The traceback of an exception, in logs and on Django's error pages: the frames that it would have without us."""

import ast
import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from traceback import clear_frames, extract_tb
from typing import Any
from weakref import ref

import jinja2
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django import forms
from django.conf import settings
from django.core.cache import cache, caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.handlers.base import BaseHandler
from django.core.management import BaseCommand, call_command
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.http import HttpResponse, StreamingHttpResponse
from django.template import Context, Engine
from django.test import (
    AsyncClient,
    AsyncRequestFactory,
    Client,
    RequestFactory,
    override_settings,
)
from django.urls import path
from django.views.debug import ExceptionReporter

import djmetrics
from djmetrics import lanes, recorder, runtime
from tests.hooks.site import request_record

from .test_lifetimes import handler
from .worlds import World

OURS = Path(djmetrics.__file__).parent
HANDED_ON = {"original", "call", "view", "method", "function", "awaitable", "next"}
"""Names under which a wrapper has what it wraps."""
OURS_ALONE = {"record", "operation", "name"}
"""Arguments that are ours, or as good as nothing."""
ROOMS = "layers", "lanes", "recorder", "streaming", "middleware"
WRAPPERS = [*OURS.glob("hooks/**/*.py"), *(OURS / f"{name}.py" for name in ROOMS)]


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield node
            yield from own_nodes(node)


def hands_on(node: ast.AST) -> bool:
    """Whether this calls what a wrapper wraps."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in HANDED_ON


def is_bare_raise(node: ast.AST) -> bool:
    """Any other ``raise`` adds the frame anew."""
    return isinstance(node, ast.Raise) and node.exc is None


def steps_aside(node: ast.AST) -> bool:
    """Whether what leaves this ``try`` leaves with no frame of ours."""
    return isinstance(node, ast.Try) and any(
        isinstance(handler.type, ast.Name)
        and handler.type.id == "BaseException"
        and any(isinstance(each, ast.Name) and each.id == "passed" for each in ast.walk(handler))
        and (is_bare_raise(handler.body[-1]) or steps_aside(handler.body[-1]))
        for handler in node.handlers
    )


def is_in_the_way(function: ast.AST) -> bool:
    """Whether an exception of what a function wraps would leave with the function's frame."""
    called = {node for node in own_nodes(function) if hands_on(node)}
    for node in own_nodes(function):
        if isinstance(node, ast.Try) and steps_aside(node):
            called -= {inner for part in node.body for inner in (part, *own_nodes(part))}
    return bool(called)


def kept(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The arguments that whoever keeps an exception of what a function wraps would keep, with the function's frame."""
    given = ast.walk(function.args)
    names = {each.arg for each in given if isinstance(each, ast.arg)}
    found: set[str] = set()
    for node in own_nodes(function):
        if isinstance(node, ast.Try) and steps_aside(node):
            deleted = [
                each
                for handler in node.handlers
                for each in ast.walk(handler)
                if isinstance(each, ast.Delete)
            ]
            found |= names - {
                each.id for delete in deleted for each in delete.targets if isinstance(each, ast.Name)
            }
    return found - OURS_ALONE


def functions_of(source: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    nodes = ast.walk(ast.parse(source))
    return [each for each in nodes if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]


@pytest.mark.parametrize("room", WRAPPERS, ids=lambda room: str(room.relative_to(OURS)))
def test_wrappers_step_aside(room):
    """Each function that calls what it wraps takes its frame out of what leaves that."""
    functions = functions_of(room.read_text())
    assert [each.name for each in functions if is_in_the_way(each)] == []


@pytest.mark.parametrize("room", WRAPPERS, ids=lambda room: str(room.relative_to(OURS)))
def test_wrappers_let_go_of_their_arguments(room):
    """Nobody can clear their frames any more."""
    assert {each.name: kept(each) for each in functions_of(room.read_text()) if kept(each)} == {}


def test_the_rule_finds_wrappers():
    """It would be of no use if it found none."""
    source = """
async def a():
    def b(): original()
    def c():
        try: view()
        except BaseException as error:
            passed(error)
            raise
    def d():
        try: view()
        except Exception as error:
            passed(error)
            raise
        return method()
    def e():
        try: view()
        except BaseException as error:
            passed(error)
            raise error
    await call()
"""
    found = {each.name: is_in_the_way(each) for each in functions_of(source)}
    assert found == {"a": True, "b": True, "c": False, "d": True, "e": True}


OVERFLOW = "SELECT abs(x) FROM (SELECT 1 x UNION ALL SELECT 2 UNION ALL SELECT -9223372036854775808)"


def fetch(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(OVERFLOW)
        getattr(cursor, name)(*[10] if name == "fetchmany" else [])
        cursor.fetchall()


class Sub(CursorWrapper):
    """No class of Django's: its fetches go the longer way."""


def fetch_by_subclass() -> None:
    with connection.cursor() as cursor:
        sub = Sub(cursor.cursor, connection)
        sub.execute(OVERFLOW)
        sub.fetchall()


def iterate() -> None:
    with connection.cursor() as cursor:
        cursor.execute(OVERFLOW)
        list(cursor)


def many() -> None:
    with connection.cursor() as cursor:
        cursor.executemany("SELECT nothing", [()])


def execute() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nothing")


def wrong_arguments() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchmany("many")


def connect() -> None:
    """A database that cannot be opened."""
    other = connection.copy("other")
    other.settings_dict = {**connection.settings_dict, "NAME": "/nowhere/at/all"}
    other.connect()


def commit() -> None:
    class Raw:
        def commit(self) -> None:
            raise sqlite3.OperationalError("no")

        rollback = commit

    other = connection.copy("other")
    other.connection, other.in_atomic_block = Raw(), False
    other.commit()


def render(text: str) -> Callable[[], Any]:
    def failing() -> None:
        raise LookupError

    engine = Engine(libraries={"cache": "django.templatetags.cache"})
    return lambda: engine.from_string(text).render(Context({"f": failing}))


class Command(BaseCommand):
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        raise LookupError


def sync_in_async() -> None:
    async def main() -> None:
        await sync_to_async(fail)()

    asyncio.run(main())


async def too_late() -> None:
    """It is cancelled from outside, and the timeout comes from that."""
    async with asyncio.timeout(0.01):
        await asyncio.sleep(10)


async def fail_at_the_end() -> None:
    try:
        await asyncio.sleep(10)
    finally:
        raise LookupError


def closed() -> None:
    """A request that is given up, whose view fails then."""
    work: Any = fail_at_the_end()
    record = recorder.current_record() if runtime.started() else None
    driven = work if record is None else lanes.stepped(work, record)
    driven.send(None)
    driven.close()


class Parts:
    """Its steps are no coroutines."""

    def __aiter__(self) -> "Parts":
        return self

    def __anext__(self) -> "Parts":
        return self

    def __await__(self) -> Any:
        yield from fail_async().__await__()


async def parts() -> AsyncIterator[bytes]:
    yield b"part"
    await fail_async()


def start() -> None:
    """A middleware that is not there."""
    with override_settings(MIDDLEWARE=["nowhere.Middleware"]):
        BaseHandler().load_middleware()


def unknown_cache() -> None:
    with override_settings(CACHES={**settings.CACHES, "gone": {"BACKEND": "nowhere.Cache"}}):
        caches["gone"].get("key")


class FailingWidget(forms.TextInput):
    template_name = "nowhere.html"


class FailingForm(forms.Form):
    field = forms.CharField(widget=FailingWidget)


def jinja(text: str) -> Callable[[], Any]:
    return lambda: jinja2.Environment().from_string(text).render(f=fail)


class Failures:
    streamed: Any = None
    urlpatterns = [
        path("fails/", lambda request: fail()),
        path("renders/", lambda request: rendering()),
        path("streams/", lambda request: Failures.streamed),
    ]


def rendering() -> HttpResponse:
    """What looks like a template's response."""
    response: Any = HttpResponse()
    response.render = lambda: response
    return response


def stream() -> None:
    def parts() -> Iterator[bytes]:
        yield b"part"
        raise LookupError

    with override_settings(ROOT_URLCONF=Failures):
        Failures.streamed = StreamingHttpResponse(parts())
        list(Client().get("/streams/"))


def stream_async(parts: Any) -> None:
    async def read() -> None:
        with override_settings(ROOT_URLCONF=Failures):
            Failures.streamed = StreamingHttpResponse(parts)
            async for _ in await AsyncClient().get("/streams/"):
                pass

    asyncio.run(read())


async def fail_async() -> None:
    await asyncio.sleep(0)
    raise LookupError


def fail(*args: Any) -> Any:
    raise LookupError


PLACES: dict[str, Callable[[], Any]] = {
    "execute": execute,
    "executemany": many,
    "fetchone": lambda: fetch("fetchone"),
    "fetchmany": lambda: fetch("fetchmany"),
    "fetchall": lambda: fetch("fetchall"),
    "fetch of a subclass": fetch_by_subclass,
    "fetch with wrong arguments": wrong_arguments,
    "iteration": iterate,
    "connect": connect,
    "commit": commit,
    "cache get": lambda: cache.get("\0" * 300, version=object()) or fail(),
    "cache incr": lambda: cache.incr("nothing"),
    "cache aincr": lambda: asyncio.run(cache.aincr("nothing")),
    "cache get_or_set": lambda: cache.get_or_set("key", fail),
    "template": render("{{ f }}"),
    "fragment": render("{% load cache %}{% cache 5 name %}{{ f }}{% endcache %}"),
    "compile": render("{% nothing %}"),
    "command": lambda: call_command(Command()),
    "sync in async": sync_in_async,
    "async in sync": async_to_sync(fail_async),
    "cancelled in sync": async_to_sync(too_late),
    "closed": closed,
    "middleware that is not there": start,
    "cache that is not there": unknown_cache,
    "form": lambda: str(FailingForm()),
    "jinja2": jinja("{{ f() }}"),
    "jinja2 compile": jinja("{{"),
    "stream": stream,
    "async stream": lambda: stream_async(parts()),
    "async stream of awaitables": lambda: stream_async(Parts()),
}


Frames = list[tuple[str, str, int | None]]


def shown(error: BaseException) -> Frames:
    """The frames on Django's page."""
    frames = ExceptionReporter(None, type(error), error, error.__traceback__).get_traceback_frames()
    return [(frame["filename"], frame["function"], frame["lineno"]) for frame in frames]


def written(error: BaseException) -> Frames:
    """The frames in a log, with those of the exceptions that it came from."""
    frames: Frames = []
    linked: BaseException | None = error
    while linked is not None:
        frames += [(each.filename, each.name, each.lineno) for each in extract_tb(linked.__traceback__)]
        linked = linked.__cause__ or linked.__context__
    return frames


def caught(run: Callable[[], Any]) -> tuple[Frames, Frames]:
    try:
        run()
    except Exception as error:
        return shown(error), written(error)
    raise AssertionError("nothing failed")


@pytest.mark.django_db
@pytest.mark.parametrize("inside", [True, False], ids=["in a request", "outside"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a cache's key that no memcached would take
def test_tracebacks_are_what_they_would_be(place, inside):
    """The same frames in the same order, and none of ours, of the exception and of its causes."""

    def frames() -> tuple[Frames, Frames]:
        if not inside:
            return caught(PLACES[place])
        with request_record():
            return caught(PLACES[place])

    with transaction.atomic():
        measured = frames()
        transaction.set_rollback(True)
    runtime.stop()
    with transaction.atomic():
        plain = frames()
        transaction.set_rollback(True)
    runtime.start()

    assert measured == plain
    assert not [name for name, _, _ in measured[1] if name.startswith(str(OURS))]


class Failing:
    """A middleware whose method fails."""

    sync_capable = async_capable = True

    def __new__(cls, get_response: Any) -> Any:
        middleware: Any = super().__new__(cls)
        middleware.get_response = get_response
        return middleware

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)


class FailingView(Failing):
    def process_view(self, *args: Any) -> None:
        raise LookupError


class FailingException(Failing):
    def process_exception(self, request: Any, error: Exception) -> None:
        raise LookupError("again")


class FailingTemplate(Failing):
    def process_template_response(self, request: Any, response: Any) -> None:
        raise LookupError


class FailingCall(Failing):
    async_capable = False

    def __call__(self, request: Any) -> Any:
        raise LookupError


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    "middleware, at",
    [
        (FailingView, "/renders/"),
        (FailingException, "/fails/"),
        (FailingTemplate, "/renders/"),
        (FailingCall, "/fails/"),
        (Failing, "/fails/"),
    ],
)
@override_settings(ROOT_URLCONF=Failures)
def test_middlewares(middleware, at, is_async, monkeypatch):
    """Their methods, sync and async."""
    pages: list[tuple[Frames, Frames]] = []

    def page(request: Any, resolver: Any, exc_info: Any) -> HttpResponse:
        pages.append((shown(exc_info[1]), written(exc_info[1])))
        return HttpResponse(status=500)

    monkeypatch.setattr("django.core.handlers.exception.handle_uncaught_exception", page)
    for measured in (True, False):
        (runtime.start if measured else runtime.stop)()
        made = handler(World(measured), f"{__name__}.{middleware.__name__}", is_async=is_async)
        if is_async:
            asyncio.run(made.get_response_async(AsyncRequestFactory().get(at)))
        else:
            made.get_response(RequestFactory().get(at))
    runtime.start()

    assert len(pages) == 2
    assert pages[0] == pages[1]
    assert not [name for name, _, _ in pages[0][1] if name.startswith(str(OURS))]
    assert sys.exc_info() == (None, None, None)


class Big:
    """What somebody waits to see freed."""

    def __reduce__(self) -> Any:
        raise LookupError("no pickle")


class Broken(BaseCommand):
    requires_system_checks = []
    big: Any

    def handle(self, *args: Any, **options: Any) -> None:
        raise LookupError


def put(big: Big) -> None:
    cache.set("key", big)


held: Any = vars(LocMemCache)["set"]


def put_by_what_is_held(big: Big) -> None:
    """By a function that was ours once, and has the original called since."""
    held(caches["default"], "key", big)


def run_command(big: Big) -> None:
    command = Broken()
    command.big = big
    call_command(command)


def execute_with(big: Big) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nothing", [big])


def render_with(big: Big) -> None:
    Engine().from_string("{{ fail }}").render(Context({"big": big, "fail": fail}))


@pytest.mark.django_db
@pytest.mark.parametrize("inside", [True, False], ids=["in a request", "outside"])
@pytest.mark.parametrize("run", [put, put_by_what_is_held, run_command, execute_with, render_with])
def test_cleared_frames_let_go(run, inside):
    """Whoever keeps an exception and clears its frames, as ``assertRaises`` does, keeps nothing else of the site's."""
    big = Big()
    alive = ref(big)
    with request_record() if inside else nullcontext(), transaction.atomic():
        with pytest.raises((LookupError, DatabaseError)) as caught:
            run(big)
        transaction.set_rollback(True)
    kept = caught.value, caught.value.__cause__
    for error in kept:
        clear_frames(None if error is None else error.__traceback__)
    del big
    assert alive() is None
    assert kept[0] is not None
