"""What Django's error pages show of an exception: the frames that they would show without us."""

import ast
import asyncio
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache import cache
from django.core.management import BaseCommand, call_command
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.http import HttpResponse
from django.template import Context, Engine
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from django.views.debug import ExceptionReporter

import djmetrics
from djmetrics import runtime
from tests.hooks.site import request_record

from .test_lifetimes import handler
from .worlds import World

OURS = Path(djmetrics.__file__).parent
HANDED_ON = {"original", "call", "view", "method", "function", "awaitable", "next"}
"""Names under which a wrapper has what it wraps."""
ROOMS = "layers", "lanes", "recorder", "streaming"
WRAPPERS = [*OURS.glob("hooks/**/*.py"), *(OURS / f"{name}.py" for name in ROOMS)]


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield node
            yield from own_nodes(node)


def is_hidden(function: ast.AST) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__traceback_hide__" for node in own_nodes(function))


def hands_on(function: ast.AST) -> bool:
    called = [node.func for node in own_nodes(function) if isinstance(node, ast.Call)]
    return not HANDED_ON.isdisjoint(each.id for each in called if isinstance(each, ast.Name))


def functions_of(source: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    nodes = ast.walk(ast.parse(source))
    return [each for each in nodes if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]


@pytest.mark.parametrize("path", WRAPPERS, ids=lambda path: str(path.relative_to(OURS)))
def test_wrappers_hide_their_frames(path):
    """Each function that calls what it wraps says that pages shall leave it out."""
    functions = functions_of(path.read_text())
    assert [each.name for each in functions if hands_on(each) and not is_hidden(each)] == []


def test_the_rule_finds_wrappers():
    """It would be of no use if it found none."""
    source = "async def a():\n def b(): original()\n def c():\n  __traceback_hide__ = True\n  view()\n await call()"
    assert {each.name: (hands_on(each), is_hidden(each)) for each in functions_of(source)} == {
        "a": (True, False), "b": (True, False), "c": (True, True),
    }  # fmt: skip


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
}


def shown(error: BaseException) -> list[tuple[str, str]]:
    """The frames on Django's page."""
    frames = ExceptionReporter(None, type(error), error, error.__traceback__).get_traceback_frames()
    return [(frame["filename"], frame["function"]) for frame in frames]


def caught(run: Callable[[], Any]) -> list[tuple[str, str]]:
    try:
        run()
    except Exception as error:
        return shown(error)
    raise AssertionError("nothing failed")


@pytest.mark.django_db
@pytest.mark.parametrize("inside", [True, False], ids=["in a request", "outside"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a cache's key that no memcached would take
def test_pages_show_what_they_would(place, inside):
    """The same frames in the same order, and none of ours, of the exception and of its causes."""

    def frames() -> list[tuple[str, str]]:
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
    assert not [name for name, _ in measured if name.startswith(str(OURS))]


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


def rendering(request: Any) -> HttpResponse:
    """What looks like a template's response."""
    response: Any = HttpResponse()
    response.render = lambda: response
    return response


class Failures:
    from django.urls import path

    urlpatterns = [path("fails/", fail), path("renders/", rendering)]


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
    pages: list[list[tuple[str, str]]] = []

    def page(request: Any, resolver: Any, exc_info: Any) -> HttpResponse:
        pages.append(shown(exc_info[1]))
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
    assert not [name for name, _ in pages[0] if name.startswith(str(OURS))]
    assert sys.exc_info() == (None, None, None)
