"""Serve the preview of the boards on loopback: the page, the boards as a site without options gets them, Prometheus.

Needs Python 3.11 and its standard library; ``launch/preview.py`` builds what it serves.
"""

import argparse
import contextlib
import json
import re
import sys
import urllib.error
import urllib.request
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]

from djmetrics.grafana.files import chosen_boards  # noqa: E402 (a checkout is not installed)
from djmetrics.grafana.options import Options  # noqa: E402

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# Icons and fonts, by names without dots but the last.
PUBLIC = re.compile(r"/(public/(?:[\w-]+/)+[\w-]+(\.svg|\.woff2))")
PROXIED = "/prometheus/api/v1/"
TIMEOUT = 30
FIRST = "djmetrics-overview"


class Page(BaseHTTPRequestHandler):
    """One request: for the page's files, for the boards, or to Prometheus."""

    def __init__(self, built: Path, prometheus: str, told: bytes, *args: object) -> None:
        self.built = built
        self.files = {
            "/": HERE / "index.html",
            "/main.js": built / "main.js",
            "/main.css": built / "main.css",
        }
        self.prometheus = prometheus
        self.told = told
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/boards":
            self.answer(HTTPStatus.OK, "application/json", self.told)
        elif path.startswith(PROXIED):
            self.answer(*self.asked())
        elif path in self.files:
            self.answer(HTTPStatus.OK, TYPES[self.files[path].suffix], self.files[path].read_bytes())
        elif (asked := PUBLIC.fullmatch(path)) and (found := self.built / asked[1]).is_file():
            self.answer(HTTPStatus.OK, TYPES[asked[2]], found.read_bytes())
        else:
            self.answer(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such page.\n")

    def asked(self) -> tuple[int, str, bytes]:
        """Prometheus's answer, or that there is none."""
        url = self.prometheus + self.path.removeprefix("/prometheus")
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
                return response.status, "application/json", response.read()
        except urllib.error.HTTPError as error:
            return error.code, "application/json", error.read()
        except OSError as error:
            said = {"status": "error", "error": f"Prometheus does not answer at {self.prometheus}: {error}"}
            return HTTPStatus.BAD_GATEWAY, "application/json", json.dumps(said).encode()

    def answer(self, status: int, kind: str, body: bytes) -> None:
        """Send it."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        # A page that is left no longer wants it.
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of what goes well."""


def main() -> None:
    """Serve until somebody ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", help="its address")
    parser.add_argument("--port", type=int, default=3000, help="where the preview is served (3000)")
    parser.add_argument("--scrape-interval", type=int, default=15, help="seconds between two scrapes (15)")
    parser.add_argument("--seconds", type=int, default=3600, help="how much is shown at first (3600)")
    parser.add_argument(
        "--board",
        type=Path,
        action="append",
        default=[],
        help="a board's JSON file, to be shown too; may be repeated",
    )
    parser.add_argument("--built", type=Path, help="the folder of the built page; else it is built")
    chosen = parser.parse_args()
    built = chosen.built
    if built is None:
        from launch import preview
        from launch.processes import Failure

        try:
            built = preview.build(HERE.parent / "var" / "preview", print)
        except Failure as failure:
            sys.exit(str(failure))
    shown = [*chosen_boards(Options()).values(), *(json.loads(each.read_text()) for each in chosen.board)]
    shown.sort(key=lambda board: (board["uid"] != FIRST, board["title"]))
    told = {"boards": shown, "scrape": chosen.scrape_interval, "length": chosen.seconds}
    handler = partial(Page, built, chosen.prometheus.rstrip("/"), json.dumps(told).encode())
    try:
        server = ThreadingHTTPServer(("127.0.0.1", chosen.port), handler)
    except OSError as error:
        sys.exit(
            f"Port {chosen.port} cannot be used ({error.strerror}); choose another one: --port {chosen.port + 1}"
        )
    with server:
        print(f"The boards: http://127.0.0.1:{chosen.port}/", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
