"""What tests of several hooks need of a site: requests by hand, sync and async, and databases of their own."""

import asyncio
import gc
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db.utils import ConnectionHandler
from django.test import RequestFactory

from djmetrics import recorder, units
from djmetrics.record import Record, Subject


def get(path: str = "/", **extra: Any) -> Any:
    """A request that no handler has seen yet."""
    return RequestFactory().get(path, **extra)


@contextmanager
def request_record() -> Iterator[Record]:
    """A request's record, open and current inside the block."""
    record = units.open(Subject("request", "request"), "a-view")
    units.announce(record)
    outer = recorder.make_current(record.root)
    try:
        yield record
    finally:
        recorder.make_current(outer)
        units.close(record)


@contextmanager
def databases(**more: dict[str, Any]) -> Iterator[ConnectionHandler]:
    """SQLite databases in memory: "default" and those named; open ones are closed at the end."""
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    handler = ConnectionHandler(
        {"default": sqlite, **{alias: {**sqlite, **given} for alias, given in more.items()}}
    )
    try:
        yield handler
    finally:
        for each in handler.all(initialized_only=True):
            # Django itself never closes a database in memory.
            if each.connection is not None:
                each.connection.close()


def wsgi(path: str = "/", **environ: Any) -> tuple[Any, list[Any]]:
    """What a WSGI server gets from a handler: the response and the calls of ``start_response``."""
    calls: list[Any] = []
    response = WSGIHandler()(
        RequestFactory()._base_environ(PATH_INFO=path, **environ), lambda *args: calls.append(args)
    )
    return response, calls


def scope(
    path: str = "/", method: str = "GET", headers: Iterable[tuple[bytes, bytes]] = ()
) -> dict[str, Any]:
    """An ASGI request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), *headers],
    }


class Client:
    """An ASGI client: what it was sent, and when it goes away."""

    def __init__(self, body: bytes = b"") -> None:
        self._messages = [{"type": "http.request", "body": body, "more_body": False}]
        self.gone = asyncio.Event()
        self.sent: list[dict[str, Any]] = []
        self.on_send: Callable[[dict[str, Any]], None] = lambda message: None

    async def receive(self) -> dict[str, Any]:
        if self._messages:
            return self._messages.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        self.on_send(message)
        # As a server does: give the event loop a turn.
        await asyncio.sleep(0)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


def asgi(path: str = "/", **kwargs: Any) -> Client:
    """Send one ASGI request to a handler, and return the client that got the answer."""

    async def talk() -> Client:
        client = Client(kwargs.pop("body", b""))
        await ASGIHandler()(scope(path, **kwargs), client.receive, client.send)
        return client

    return asyncio.run(talk())


@contextmanager
def files_left_open() -> Iterator[None]:
    """Django's ASGI handler leaves the body's file open when a request is cancelled, or when its sending fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


def the_one(records: list[Record]) -> Record:
    """The only record there is: each request is observed exactly once."""
    assert [record.kind for record in records] == ["request"]
    return records[0]
