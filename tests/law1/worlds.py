"""Two worlds: the same scenario with and without djmetrics, all that can be seen of it written down and compared."""

import asyncio
import contextlib
import contextvars
import difflib
import gc
import io
import logging
import re
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import AsyncToSync, SyncToAsync
from django.core import signals
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import reset_queries
from django.db.backends.signals import connection_created
from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.test import override_settings
from django.test.signals import template_rendered
from django.urls import clear_url_caches

from djmetrics import guard, lanes, recorder, runtime, testing

OURS = "djmetrics.middleware.DjmetricsMiddleware"
_ADDRESS = re.compile(r"0x[0-9a-f]+")
_SAVEPOINT = re.compile(r"s\d+_x\d+")
_SECRETS = re.compile(r"(csrftoken|sessionid|csrfmiddlewaretoken)=[^;\s]+")

_lines: list[str] = []


def note(*facts: Any) -> None:
    """Write down that something happened; where it did belongs to it."""
    thread = "main" if threading.current_thread() is threading.main_thread() else "thread"
    _lines.append(
        _plain(f"[{thread}] " + " ".join(fact if type(fact) is str else repr(fact) for fact in facts))
    )


def _plain(text: str) -> str:
    return _SAVEPOINT.sub("savepoint", _SECRETS.sub(r"\1=*", _ADDRESS.sub("0x", text)))


def told(error: BaseException | None, depth: int = 4) -> str:
    """An exception with its arguments and its chains, in one line."""
    if error is None or not depth:
        return "-"
    args = type.__getattribute__(type(error), "__name__"), BaseException.__getattribute__(error, "args")
    chain = f"cause={told(error.__cause__, depth - 1)} context={told(error.__context__, depth - 1)}"
    inner = [told(each, depth - 1) for each in getattr(error, "exceptions", ())]
    return f"{args[0]}{args[1]!r}({chain} suppress={error.__suppress_context__} {inner or ''})"


class World:
    """One of the two: makes the site's handlers with or without our middleware."""

    def __init__(self, measured: bool) -> None:
        self.measured = measured

    def middleware(self, *paths: str) -> list[str]:
        """The setting MIDDLEWARE."""
        return [OURS, *paths] if self.measured else list(paths)

    def wsgi(self, environ: dict[str, Any], *middleware: str, parts: int | None = None) -> None:
        """Send a request through a fresh ``WSGIHandler``, ask for at most ``parts`` of the body, close it."""
        from django.test import RequestFactory

        with override_settings(MIDDLEWARE=self.middleware(*middleware)):
            handler = WSGIHandler()
        body = handler({**RequestFactory()._base_environ(), "wsgi.errors": io.StringIO(), **environ}, _start)
        note("wsgi result", type(body).__name__)
        try:
            for number, part in enumerate(body):
                note("part", part)
                if parts is not None and number + 1 >= parts:
                    break
        finally:
            if hasattr(body, "close"):
                body.close()
                note("closed", getattr(body, "closed", None))

    def asgi(
        self,
        path: str,
        *middleware: str,
        method: str = "GET",
        leave_after: int | None = None,
        begun: asyncio.Event | None = None,
        factory: Any = None,
    ) -> None:
        """Send a request through a fresh ``ASGIHandler``; disconnect after ``leave_after`` body messages, or once the
        view has set ``begun``.
        """
        with override_settings(MIDDLEWARE=self.middleware(*middleware)):
            handler = ASGIHandler()
        run = factory or asyncio.run
        run(_converse(handler, path, method, leave_after, begun))


def _start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
    note("start", status, headers)


async def _converse(
    handler: Any, path: str, method: str, leave_after: int | None, begun: asyncio.Event | None
) -> None:
    gone = asyncio.Event()
    asked = bodies = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked == 1:
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal bodies
        note("asgi", message)
        bodies += message["type"] == "http.response.body"
        if leave_after is not None and bodies >= leave_after:
            gone.set()
            await asyncio.sleep(0.02)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "server": ("testserver", 80),
        "client": None,
    }
    loop = asyncio.get_running_loop()

    def look() -> None:
        # No task: those that are left are part of what is compared.
        if begun is not None:
            loop.call_later(0.02, gone.set if begun.is_set() else look)

    look()
    await handler(scope, receive, send)
    await asyncio.sleep(0.02)  # what a thread let go of is closed by the loop, a moment later
    _note_tasks()


def _note_tasks() -> None:
    left = [
        task.get_name().rstrip("0123456789-")
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task()
    ]
    note("tasks left", sorted(left))


def same(
    scenario: Callable[[World], Any],
    *,
    empty: bool = False,
    quiet: bool = True,
    settings: dict[str, Any] | None = None,
) -> None:
    """Fail, with a readable difference, unless ``scenario`` shows the same in both worlds.

    Unless ``empty``, the measured world must have measured something; if ``quiet``, without a failure of its own.
    """
    was_started = runtime.started()
    try:
        runtime.stop()
        plain = _observed(scenario, World(measured=False), settings)
        failures = guard.counts.copy()
        runtime.start()
        with testing.record() as exporter:
            measured = _observed(scenario, World(measured=True), settings)
        own = guard.counts - failures
    finally:
        runtime.stop()
        if was_started:
            runtime.start()
    if plain != measured:
        lines = difflib.unified_diff(plain, measured, "without djmetrics", "with djmetrics", lineterm="", n=4)
        pytest.fail("djmetrics changed the site:\n" + "\n".join(lines), pytrace=False)
    nothing = "nothing was measured, so this compares nothing:\n" + "\n".join(measured)
    assert empty or exporter.operations or exporter.records, nothing
    assert not (quiet and own), f"djmetrics failed inside: {own}"


def _observed(scenario: Callable[[World], Any], world: World, settings: dict[str, Any] | None) -> list[str]:
    _lines.clear()
    clear_url_caches()
    reset_queries()
    with ExitStack() as stack:
        caught = stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        if settings:
            stack.enter_context(override_settings(**settings))
        stack.enter_context(_collected())
        for watch in _hops, _logs, _signals, _driver:
            stack.enter_context(watch())
        try:
            # A context of its own: what a scenario leaves there is not in the way of the other world.
            note("returned", contextvars.copy_context().run(_leaving_nothing, scenario, world))
        except BaseException as error:
            note("raised", told(error))
            if isinstance(error, (KeyboardInterrupt, SystemExit)) and not error.args:
                raise
            if isinstance(error, AssertionError):
                traceback.print_exc()
        gc.collect()  # coroutines that nobody awaited warn when they are freed
    return [
        *_lines,
        *(
            f"warning {each.category.__name__} {_plain(str(each.message))}"
            for each in caught
            if each.category is not ResourceWarning
        ),
    ]


def _leaving_nothing(scenario: Callable[[World], Any], world: World) -> Any:
    try:
        return scenario(world)
    finally:
        assert recorder.current_operation() is None, "an operation is left open in the site's context"
        assert lanes.current() is None, "the thread is left at work for a record"


@contextmanager
def _collected() -> Iterator[None]:
    """What hangs in cycles is freed where the comparison asks for it, never in the middle, and then all of it.

    What was there before is left out, so that this costs little: thousands of scenarios are compared.
    """
    collects = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if collects:
            gc.enable()


@contextmanager
def _hops() -> Iterator[None]:
    """Every crossing between sync and async."""
    there, back = SyncToAsync.__call__, AsyncToSync.__call__

    async def to_async(self: Any, *args: Any, **kwargs: Any) -> Any:
        note("hop sync_to_async", self._thread_sensitive)
        return await there(self, *args, **kwargs)

    def to_sync(self: Any, *args: Any, **kwargs: Any) -> Any:
        note("hop async_to_sync")
        return back(self, *args, **kwargs)

    with (
        mock.patch.object(SyncToAsync, "__call__", to_async),
        mock.patch.object(AsyncToSync, "__call__", to_sync),
    ):
        yield


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        note(
            "log",
            record.name,
            record.levelname,
            record.getMessage(),
            told(error),
            getattr(record, "status_code", ""),
        )


@contextmanager
def _logs() -> Iterator[None]:
    """What Django and the site log."""
    handler, logger = _Notes(), logging.getLogger("django")
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def _signals() -> Iterator[None]:
    watched = {
        "request_started": signals.request_started,
        "request_finished": signals.request_finished,
        "got_request_exception": signals.got_request_exception,
        "connection_created": connection_created,
        "template_rendered": template_rendered,
    }

    def receiver(name: str) -> Callable[..., None]:
        def received(sender: Any, signal: Any, **kwargs: Any) -> None:
            note("signal", name, getattr(sender, "__name__", type(sender).__name__), sorted(kwargs))

        return received

    receivers = {name: receiver(name) for name in watched}
    with ExitStack() as stack:
        for name, signal in watched.items():
            signal.connect(receivers[name], weak=False)
            stack.callback(signal.disconnect, receivers[name])
        yield


@contextmanager
def _driver() -> Iterator[None]:
    """What reaches the database driver's cursor, in order; whether parameters are the very objects shows by ``id``."""

    def passing(name: str) -> Any:
        original = getattr(SQLiteCursorWrapper, name)

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            note("driver", name, [_shown(arg) for arg in args], kwargs)
            return original(self, *args, **kwargs)

        return method

    with contextlib.ExitStack() as stack:
        for name in "execute", "executemany", "fetchone", "fetchmany", "fetchall", "close", "__next__":
            stack.enter_context(mock.patch.object(SQLiteCursorWrapper, name, passing(name)))
        yield


def _shown(argument: Any) -> str:
    known = getattr(argument, "known", None)  # the site marks objects whose identity it wants to see
    return f"{type(argument).__name__}:{known}" if known else repr(argument)
