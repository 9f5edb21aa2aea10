"""One use of each hook's component, at the seam: what must come out unchanged, and what must be recorded."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jinja2
from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache import CacheHandler
from django.core.cache.backends.base import BaseCache
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.http import HttpResponse
from django.template import Context, Engine
from django.test import override_settings
from django.urls import path, register_converter
from waffle.models import AbstractBaseSwitch

from djmetrics.testing import MemoryExporter

from .site import get, scope

try:
    from django.tasks import task
except ImportError:  # before Django 6.0
    task = None


class Boom(BaseException):
    """Nobody handles it: what is not an ``Exception`` passes through Django."""


class Thing:
    """Something to be returned."""


THING, BOOM, RESPONSE = Thing(), Boom(), HttpResponse("unchanged")


def give() -> Thing:
    return THING


def fail() -> Thing:
    raise BOOM


def answering(get_response: Any) -> Any:
    """A middleware that answers by itself, or fails."""

    def middleware(request: Any) -> Any:
        return RESPONSE if request.path == "/" else fail()

    return middleware


class DictCache(BaseCache):
    """A third party's backend: keeps the objects themselves."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.values: dict[str, Any] = {}

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return fail() if key == "boom" else self.values.get(key, default)

    def set(self, key: str, value: Any, timeout: object = None, version: int | None = None) -> None:
        self.values[key] = value


class Cursor:
    """A database driver's cursor."""

    def execute(self, sql: str, params: object = None) -> Thing:
        return fail() if sql == "boom" else THING


def ask_cache(key: str) -> Any:
    """Ask a cache that is made as ``django.core.cache.caches`` makes it."""
    cache = CacheHandler({"default": {"BACKEND": f"{__name__}.DictCache"}})["default"]
    cache.values["thing"] = THING
    return cache.get(key)


def execute(sql: str) -> Any:
    return CursorWrapper(Cursor(), connection).execute(sql)


class FailingConverter:
    """A part of a path that fails when it is looked at."""

    regex = "fails"

    def to_python(self, value: str) -> Any:
        return fail()


register_converter(FailingConverter, "failing")
urlpatterns = [path("", lambda request: RESPONSE, name="home"), path("<failing:part>", give)]


def resolve(at: str) -> Any:
    request = get(at)
    request.urlconf = __name__
    match = BaseHandler().resolve_request(request)
    return THING if match is request.resolver_match and match.view_name == "home" else match


_settings = threading.Lock()


@contextmanager
def middlewares(*paths: str) -> Iterator[None]:
    """Override the setting MIDDLEWARE, on one thread at a time: else one puts back what it found of another's."""
    with _settings, override_settings(MIDDLEWARE=list(paths)):
        yield


def through_middleware(at: str) -> Any:
    with middlewares(f"{__name__}.answering"):
        handler = BaseHandler()
        handler.load_middleware()
        chain: Any = handler._middleware_chain
    return THING if chain(get(at)) is RESPONSE else None


def refuse(raw: str) -> Any:
    """A request that Django refuses by itself, or whose reading fails."""

    class Handler(ASGIHandler):
        def request_class(self, scope: Any, body: Any) -> Any:
            if raw == "refused":
                raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "made up")
            return fail()

    with middlewares():
        request, response = Handler().create_request(scope(), None)
    return THING if request is None and response.status_code == 400 else None


def render(engine: str, variable: Callable[[], object]) -> Any:
    """Render a template that calls ``variable``."""
    if engine == "jinja2":
        text = jinja2.Environment().from_string("{{ f() }}!").render(f=variable)
    else:
        text = Engine().from_string("{{ f }}!").render(Context({"f": variable}))
    return THING if text == "text!" else text


class Command(BaseCommand):
    """A management command of this very module."""

    requires_system_checks = []
    made: Any = None

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("how")

    def handle(self, *args: Any, how: str = "", **options: Any) -> None:
        self.made = give() if how == "works" else fail()


def command(how: str) -> Any:
    made = Command()
    call_command(made, how)
    return made.made


def run_task(function: Callable[[], Any]) -> Any:
    return task(function).call()


def plain() -> str:
    return "text"


class SwitchLike:
    """What ``is_active`` needs of a switch: that is on, or is what it is made of."""

    pk = 1

    def __init__(self, make: Callable[[], Any]) -> None:
        self.name = "switched"
        self._make = make

    @property
    def active(self) -> Any:
        return self._make()


def switch(make: Callable[[], Any]) -> Any:
    """Ask one flag that says yes, and one that says what ``make`` returns."""
    given = AbstractBaseSwitch.is_active(SwitchLike(make))
    return given if AbstractBaseSwitch.is_active(SwitchLike(lambda: True)) is True else None


class Use(NamedTuple):
    """``works`` must return THING and ``fails`` raise BOOM; ``kind`` is what a working one records at least once."""

    hook: str
    kind: str
    works: Callable[[], Any]
    fails: Callable[[], Any]

    def count(self, seen: MemoryExporter) -> int:
        """How much of it was recorded."""
        if self.kind == "request":
            return len([record for record in seen.records if record.status == 400])
        if self.kind == "flags":
            return len([record for record in seen.records if record.flags])
        return len([each for each in seen.operations if each.subject.kind == self.kind])


USES = [
    Use("request", "request", lambda: refuse("refused"), lambda: refuse("fails")),
    Use("middleware", "middleware", lambda: through_middleware("/"), lambda: through_middleware("/fails")),
    Use("url", "url", lambda: resolve("/"), lambda: resolve("/fails")),
    Use(
        "view",
        "view",
        lambda: BaseHandler().make_view_atomic(give)(),
        lambda: BaseHandler().make_view_atomic(fail)(),
    ),
    Use("database", "db", lambda: execute("SELECT 1"), lambda: execute("boom")),
    Use("template", "template", lambda: render("django", plain), lambda: render("django", fail)),
    Use("jinja2", "template", lambda: render("jinja2", plain), lambda: render("jinja2", fail)),
    Use("cache", "cache", lambda: ask_cache("thing"), lambda: ask_cache("boom")),
    Use(
        "threads",
        "threads",
        lambda: asyncio.run(sync_to_async(give)()),
        lambda: async_to_sync(sync_to_async(fail))(),
    ),
    Use("command", "command", lambda: command("works"), lambda: command("fails")),
]
if task is not None:
    USES.append(Use("tasks", "task", lambda: run_task(give), lambda: run_task(fail)))
USES.append(Use("flags", "flags", lambda: switch(give), lambda: switch(fail)))
