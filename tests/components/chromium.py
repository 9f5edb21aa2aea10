"""A headless Chromium, driven by Playwright over its debugging port."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import process

if TYPE_CHECKING:
    from playwright.sync_api import Page


@dataclass(frozen=True, slots=True)
class Chromium:
    port: int

    @contextmanager
    def page(self) -> Iterator["Page"]:
        """A page in a browser profile of its own.

        Playwright runs an event loop in the calling thread while the page is open, so Django's ORM refuses to work
        in that thread until it is closed: read the database before or after.
        """
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{self.port}")
            context = browser.new_context()
            try:
                yield context.new_page()
            finally:
                context.close()


@contextmanager
def running() -> Iterator[Chromium]:
    program = process.binary("chromium")
    port = process.free_port()
    with process.folder() as home:
        command = [
            *(
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
            ),
            *(
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ),
            *(f"--user-data-dir={home / 'profile'}", f"--remote-debugging-port={port}"),
            # Each test names itself when it connects.
            *("--remote-allow-origins=*", "about:blank"),
        ]
        ready_url = f"http://127.0.0.1:{port}/json/version"
        with process.running(command, ready=lambda: process.answers(ready_url), cwd=home):
            yield Chromium(port)
