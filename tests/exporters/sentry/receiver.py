"""A Sentry of a few lines: takes envelopes on a loopback port and keeps them, or answers as a broken one would."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """``events`` are those that came, ``raw`` all that came, ``paths`` where to; ``status`` and ``headers`` are how it
    answers, ``hold`` an event to wait for before it does.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.hold: threading.Event | None = None
        self.port = 0

    @property
    def dsn(self) -> str:
        return f"http://key@127.0.0.1:{self.port}/1"

    def take(self, body: bytes) -> None:
        """One envelope: JSON lines, the first about itself, then a header and a payload for each item."""
        self.raw.append(body)
        lines = body.split(b"\n")
        for header, payload in zip(lines[1::2], lines[2::2], strict=False):
            item = json.loads(header)
            (self.events if item["type"] == "event" else self.others).append(json.loads(payload))

    @property
    def everything(self) -> str:
        return "\n".join(each.decode() for each in self.raw)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run one while the block runs."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length")
            body = self.rfile.read(int(length or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if receiver.hold is not None:
                receiver.hold.wait(10)
            receiver.take(body)
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        if receiver.hold is not None:
            receiver.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
