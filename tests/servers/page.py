"""Reading a /metrics page."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .client import fetch

# Far quicker than prometheus_client's parser, which one test uses to see that the page is well-formed.
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Page:
    """One scrape: each sample's name, labels and value."""

    samples: tuple[tuple[str, dict[str, str], float], ...]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that have these labels; 0 if there is none."""
        return sum(
            value
            for sample, found, value in self.samples
            if sample == name and labels.items() <= found.items()
        )

    def sums(self, name: str, label: str) -> dict[str, float]:
        """The sum of the samples of this name for each value of a label."""
        values = {labels[label] for sample, labels, _ in self.samples if sample == name}
        return {value: self.value(name, **{label: value}) for value in values}

    def all(self, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """Every sample of this name, by its labels."""
        return {frozenset(labels.items()): value for sample, labels, value in self.samples if sample == name}


def read(port: int, headers: Mapping[str, str] = {}) -> str:
    """The page's text, from whichever worker answers."""
    reply = fetch(port, "/metrics", headers=headers)
    assert reply.status == 200, (reply.status, reply.body[:500])
    return reply.body.decode()


def scrape(port: int, headers: Mapping[str, str] = {}) -> Page:
    """Read the page once."""
    found = SAMPLE.findall(read(port, headers))
    return Page(tuple((name, dict(LABEL.findall(labels)), float(value)) for name, labels, value in found))


def scrape_until(
    port: int, wanted: Callable[[Page], bool], *, seconds: float = 4.0, headers: Mapping[str, str] = {}
) -> Page:
    """Scrape until the page is as wanted, or the time is over; return the last page."""
    deadline = time.monotonic() + seconds
    while not wanted(page := scrape(port, headers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return page


def scrape_quiet(port: int) -> Page:
    """The page when nothing is being counted any more: a response ends a moment before its record does."""
    last = scrape(port)

    def is_same(page: Page) -> bool:
        nonlocal last
        before, last = last, page
        return page.all("http_server_request_duration_seconds_count") == before.all(
            "http_server_request_duration_seconds_count"
        )

    time.sleep(0.05)
    return scrape_until(port, is_same)
