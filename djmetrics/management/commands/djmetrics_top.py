"""``manage.py djmetrics_top``: a live table of what a metrics page says."""

import os
import signal
import threading
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from djmetrics.conf import get_settings
from djmetrics.management.top import figures
from djmetrics.management.top.history import History
from djmetrics.management.top.page import PageError, fetch

URL = "http://127.0.0.1:8000/metrics"
PLAIN_WIDTH = 120
"""Columns where there is no terminal to ask."""
HELP = """\
A live table of any /metrics page that djmetrics serves: per view the requests per second, the errors (their
share of the requests, and per second), latency, queries and CPU time per request, and where the time goes.

Every figure is about what was added in the last seconds (--window), so it is the difference of two scrapes.
p50, p95 and p99 are estimated from the histogram of http_server_request_duration_seconds as Prometheus'
histogram_quantile does it: requests are taken to be spread evenly within a bucket, and past the last bucket
the answer is that bucket's bound. An error is a 5xx answer or an exception. When a counter goes down, the
site was restarted, and counting begins anew. Only the page is read: the site of these settings is
not measured.
"""


def seconds(text: str) -> float:
    """A time in seconds, more than 0, for argparse."""
    with suppress(ValueError):
        if 0 < (value := float(text)) < float("inf"):
            return value
    raise ArgumentTypeError(f"{text!r} is not a number of seconds above 0")


class Command(BaseCommand):
    """Follow a metrics page."""

    help = HELP
    # The table is about another process: this one's settings, database and migrations do not matter.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        """A parser that keeps the paragraphs of the help."""
        parser = super().create_parser(*args, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which page, how often, and in which order."""
        parser.add_argument("--url", help=f"The page; {URL} if left out, or METRICS_PORT's if that is set.")
        parser.add_argument(
            "--token",
            help="The page's METRICS_TOKEN; for a page on this host, by default our own.",
        )
        parser.add_argument("--interval", type=seconds, default=2.0, help="Seconds between two scrapes (2).")
        parser.add_argument("--window", type=seconds, default=20.0, help="Seconds that figures cover (20).")
        parser.add_argument("--once", action="store_true", help="Two scrapes, one table, and done.")
        parser.add_argument(
            "--sort", choices=figures.SORTS, default="time", help="The order of the views (time)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Follow the page until interrupted; CommandError if that cannot begin."""
        url = options["url"] or default_url()
        token = options["token"] if options["token"] is not None else default_token(url)
        try:
            from djmetrics.management.top.screen import Screen  # rich is an extra
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "rich":
                raise
            raise CommandError(
                "djmetrics_top draws with rich, which is not installed: pip install rich"
            ) from error
        screen = Screen(
            console=self._console(),
            url=url,
            fetch=partial(fetch, url, token),
            history=History(options["window"]),
            interval=options["interval"],
            sort=options["sort"],
        )
        try:
            with terminated_as_interrupted(), suppress(KeyboardInterrupt):
                screen.once() if options["once"] else screen.follow()
        except PageError as error:
            raise CommandError(str(error)) from error

    def _console(self) -> Any:
        from rich.console import Console

        # Else Django would end each piece that rich writes with a newline.
        self.stdout.ending = ""
        plain = not self.stdout.isatty() and "COLUMNS" not in os.environ
        return Console(file=self.stdout, width=PLAIN_WIDTH if plain else None, highlight=False, markup=False)


def default_url() -> str:
    """The page of a site on this host, as these settings open it."""
    settings = get_settings()
    if settings.metrics_port is None:
        return URL
    address = str(settings.metrics_address)
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{settings.metrics_port}/metrics"


def default_token(url: str) -> str:
    """These settings' token for a page on this host; another host must not learn it unasked."""
    with suppress(ValueError):
        host = urlsplit(url).hostname or ""
        if host == "localhost" or ip_address(host).is_loopback:
            return str(get_settings().metrics_token)
    return ""


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end the command like Ctrl-C, so that the terminal is put back in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
