"""What is asked for, and how: each endpoint is called as a server would call it, without one."""

import asyncio
import io
import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class Endpoint(NamedTuple):
    """One URL of the application.

    ``interface`` is "wsgi" or "asgi", ``middlewares`` whether Django's default ones are there, ``share`` how many
    requests are made where a run makes one ``hello``.
    """

    path: str
    interface: str
    middlewares: bool
    share: float
    status: int


ENDPOINTS = {
    "hello": Endpoint("/hello", "wsgi", True, 1, 200),
    "page": Endpoint("/page", "wsgi", True, 0.06, 200),
    "queries": Endpoint("/queries", "wsgi", True, 0.03, 200),
    "error": Endpoint("/error", "wsgi", True, 0.4, 500),
    "async-lean": Endpoint("/async", "asgi", False, 0.3, 200),
}

HEADERS = {
    "host": "testserver",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "accept": "text/html,*/*;q=0.8",
    "accept-encoding": "gzip, deflate",
}

Caller = Callable[[int], None]


def caller(handler: Any, endpoint: Endpoint, session: str) -> Caller:
    """A function that makes so many requests, one after another; it raises where a status is not as expected."""
    headers = {**HEADERS, "cookie": f"sessionid={session}"}
    make = _wsgi_caller if endpoint.interface == "wsgi" else _asgi_caller
    return make(handler, endpoint, headers)


def _wsgi_caller(handler: Any, endpoint: Endpoint, headers: dict[str, str]) -> Caller:
    fixed = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": endpoint.path,
        "QUERY_STRING": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    lines: list[str] = []

    def start_response(line: str, headers: Any, exc_info: Any = None) -> None:
        lines.append(line)

    def call(times: int) -> None:
        for _ in range(times):
            response = handler(dict(fixed), start_response)
            for _part in response:
                pass
            response.close()
        _check([int(line[:3]) for line in lines], endpoint, times)
        lines.clear()

    return call


def _asgi_caller(handler: Any, endpoint: Endpoint, headers: dict[str, str]) -> Caller:
    loop = asyncio.new_event_loop()
    fixed = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": endpoint.path,
        "raw_path": endpoint.path.encode(),
        "query_string": b"",
        "root_path": "",
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 1234),
    }
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    statuses: list[int] = []

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def request() -> None:
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not messages:
                await asyncio.Event().wait()  # the client stays; Django cancels this
            return messages.pop()

        await handler({**fixed, "headers": list(pairs)}, receive, send)

    async def requests(times: int) -> None:
        for _ in range(times):
            await request()

    def call(times: int) -> None:
        loop.run_until_complete(requests(times))
        _check(statuses, endpoint, times)
        statuses.clear()

    return call


def _check(statuses: list[int], endpoint: Endpoint, times: int) -> None:
    if statuses != [endpoint.status] * times:
        raise AssertionError(f"{endpoint.path} answered {sorted(set(statuses))}, not {endpoint.status}")
