"""The load generator and the stopwatch: the independent side of each comparison. Standard library only."""

import http.client
import json
import socket
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Reply:
    """One answer as the client saw it; times in seconds since before the connection was opened."""

    path: str
    status: int
    body: bytes
    first_byte: float
    total: float

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def fetch(
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] = {},
) -> Reply:
    """Ask once, on a connection of its own, so that any worker may answer. Raises ``OSError``."""
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body=body, headers={"Connection": "close", **headers})
        response = connection.getresponse()
        first = response.read(1)
        first_byte = time.perf_counter() - start
        rest = response.read()
        return Reply(path, response.status, first + rest, first_byte, time.perf_counter() - start)
    except http.client.HTTPException as error:
        raise ConnectionError(f"{method} {path}: {error!r}") from error
    finally:
        connection.close()


def fetch_all(port: int, paths: Sequence[str], *, threads: int = 6) -> list[Reply]:
    """Ask for all paths, several at a time. Raises ``OSError`` if one was not answered."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda path: fetch(port, path), paths))


def attempt_all(port: int, paths: Iterable[str], *, threads: int = 4) -> list[Reply | None]:
    """Ask for all paths, several at a time; None where the connection broke."""

    def attempt(path: str) -> Reply | None:
        try:
            return fetch(port, path)
        except OSError:
            return None

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(attempt, paths))


class Caller:
    """A client that reads as far as it likes and hangs up."""

    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.hang_up()

    def read_until(self, wanted: bytes) -> bytes:
        """Read until these bytes have come. Raises ``ConnectionError`` if the server ended before."""
        found = b""
        while wanted not in found:
            received = self._socket.recv(4096)
            if not received:
                raise ConnectionError(f"the answer ended before {wanted!r}: {found!r}")
            found += received
        return found

    def hang_up(self) -> None:
        """Close at once, with a reset, as a killed client's system does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
