"""The small HTTP server behind METRICS_PORT: the metrics page and nothing else."""

import contextlib
import hashlib
import os
import socket
import socketserver
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from . import guard, page
from .page import RegistryFactory

POLL = 0.5
"""Seconds after which the serving thread looks whether it shall stop."""
TIMEOUT = 10.0
"""Seconds that a client may take to send its request or to read on."""
CONNECTIONS = 16
"""How many clients are served at a time; further ones are hung up on, or one that is there too long."""


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Answers GET /metrics, each client on a thread of its own."""

    allow_reuse_address = True  # else the connections of a dead predecessor keep the port for a minute
    allow_reuse_port = False  # two servers at a time would each see half of the scrapes
    daemon_threads = True
    timeout = POLL
    request_queue_size = 32

    def __init__(self, place: tuple[str, int], registry_factory: RegistryFactory) -> None:
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        self.registry_factory = registry_factory
        self.connections: dict[Any, float] = {}
        super().__init__(place, Handler)

    def get_request(self) -> tuple[Any, Any]:
        try:
            return super().get_request()
        except OSError:
            time.sleep(0.1)  # out of file descriptors: do not spin
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self.connections) >= CONNECTIONS and not self._make_room():
            self.shutdown_request(request)
            return
        self.connections[request] = time.monotonic()
        super().process_request(request, client_address)

    def _make_room(self) -> bool:
        """Hang up on the oldest client if it had time enough: one that sends a byte now and then never times out."""
        oldest, since = next(iter(self.connections.items()))
        if time.monotonic() - since < TIMEOUT:
            return False
        self.connections.pop(oldest, None)
        with contextlib.suppress(OSError):
            oldest.shutdown(socket.SHUT_RDWR)
        return True

    def shutdown_request(self, request: Any) -> None:
        self.connections.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: it is the client that went away; our own failures are caught where they happen."""

    def abandon(self) -> None:
        """Close this process's copies of the sockets after a fork; those of the parent stay open."""
        self.socket.close()
        for connection in self.connections:
            # Its thread's files would hold off close(): take the descriptor from under them.
            if (descriptor := connection.detach()) >= 0:
                os.close(descriptor)


class Handler(BaseHTTPRequestHandler):
    """One connection, one request."""

    server: Server
    timeout = TIMEOUT

    def do_GET(self) -> None:
        """Answer with the page; anywhere but at /metrics with 404."""
        url = urlsplit(self.path)
        if url.path != "/metrics":
            self._answer(404, b"Not found: the metrics are at /metrics.\n")
            return
        try:
            names = parse_qs(url.query).get("name[]", [])
            body, headers = page.render(
                self.server.registry_factory(), self._header("Accept"), self._header("Accept-Encoding"), names
            )
        except Exception:
            self._answer(500, b"The metrics cannot be collected; the site's log says why.\n")
            guard.failed("port")
        else:
            self._answer(200, body, headers)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Refuse."""
        self._answer(405, b"Use GET or HEAD.\n", {"Allow": ", ".join(page.METHODS)})

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST

    def version_string(self) -> str:
        return SIGNATURE

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a scrape each few seconds is not news."""

    def _header(self, name: str) -> str:
        return ",".join(self.headers.get_all(name, []))

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        plain = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
        self.send_response(status)
        for name, value in {**plain, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _site() -> str:
    """A mark that the workers of one site share, and another site on this host does not."""
    try:
        folder = os.getcwd()
    except OSError:  # it was removed
        folder = ""
    place = f"{os.environ.get('DJANGO_SETTINGS_MODULE', '')}|{folder}"
    return hashlib.sha256(place.encode()).hexdigest()[:12]


SIGNATURE = f"djmetrics ({_site()})"
"""The Server header, by which the other workers know that it is one of them that serves."""
