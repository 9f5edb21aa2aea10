"""Fetch a metrics page and read from it the series that the table is made of."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from prometheus_client.parser import text_string_to_metric_families

from djmetrics import catalogue
from djmetrics.exporters.prometheus.naming import prometheus_name

Series = tuple[str, frozenset[tuple[str, str]]]
"""A sample's name and its labels."""

DURATION = prometheus_name(catalogue.REQUEST_DURATION)
CPU = prometheus_name(catalogue.REQUEST_CPU)
QUERIES = prometheus_name(catalogue.REQUEST_QUERIES)
PHASES = prometheus_name(catalogue.PHASE_TIME)
WANTED = (
    f"{DURATION}_bucket", f"{DURATION}_count", f"{DURATION}_sum", f"{CPU}_sum", f"{CPU}_count",
    f"{QUERIES}_sum", f"{QUERIES}_count", PHASES,
)  # fmt: skip

MAX_BYTES = 64 * 1024 * 1024
CLOSED = (
    "{url} answers 404. It is the wrong URL, or the page is closed to you: set METRICS_TOKEN (and pass it "
    "with --token) or METRICS_ALLOWED_IPS in settings.DJMETRICS of that site."
)


class PageError(Exception):
    """A page that could not be had or read; the message tells the user why."""


@dataclass(frozen=True, slots=True)
class Page:
    """The samples of one scrape, and ``at``, when it arrived: seconds of a clock that only runs forward."""

    at: float
    samples: Mapping[Series, float]


class _NoRedirect(HTTPRedirectHandler):
    """Follow no redirect: it would take the token along to wherever it points."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Have the redirect itself reported as an error."""


# No proxy either: a metrics page is in reach, or it is nobody's business.
_opener = build_opener(_NoRedirect, ProxyHandler({}))


def fetch(url: str, token: str = "", timeout: float = 10) -> Page:
    """Scrape ``url`` once, ``token`` as bearer; PageError if that cannot be had in ``timeout`` s."""
    text = _download(url, token, timeout)
    return Page(time.monotonic(), parse(text, url))


def _download(url: str, token: str, timeout: float) -> str:
    try:
        if urlsplit(url).scheme not in ("http", "https"):
            raise PageError(f"{url} is not an http:// or https:// URL.")
        request = Request(url, headers={"Accept": "text/plain; version=0.0.4"})  # noqa: S310, checked above
        if token:
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        with _opener.open(request, timeout=timeout) as answer:
            body: bytes = answer.read(MAX_BYTES + 1)
    except HTTPError as error:
        with error:
            raise PageError(_refusal(url, error)) from None
    except (URLError, OSError, HTTPException, ValueError) as error:
        raise PageError(f"{url} cannot be reached: {getattr(error, 'reason', None) or error}.") from error
    if len(body) > MAX_BYTES:
        raise PageError(f"{url} answers more than {MAX_BYTES // 1024**2} MiB.")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise PageError(_not_a_page(url)) from None


def _refusal(url: str, error: HTTPError) -> str:
    if error.code == 404:
        return CLOSED.format(url=url)
    if 300 <= error.code < 400:
        return f"{url} redirects to {error.headers.get('Location')}: give that URL if you trust it."
    return f"{url} answers {error.code} {error.reason}."


def _not_a_page(url: str) -> str:
    return f"{url} answers, but not with a metrics page."


def parse(text: str, url: str = "The page") -> dict[Series, float]:
    """The samples of interest on a page in Prometheus' text format; PageError if it is none, or has none."""
    try:
        samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families("\n".join(_of_interest(text)) + "\n")
            for sample in family.samples
        }
    except (ValueError, KeyError, IndexError):
        raise PageError(_not_a_page(url)) from None
    # A site that had no request yet shows djmetrics' own gauges and nothing else.
    if not samples and not any(f"# TYPE {name}" in text for name in (DURATION, "djmetrics_")):
        if "# TYPE " not in text:
            raise PageError(_not_a_page(url))
        raise PageError(f"{url} is a metrics page, but djmetrics' metrics are not on it.")
    return samples


def _of_interest(text: str) -> Iterator[str]:
    """The lines of the wanted samples alone: a page may hold a hundred times as many."""
    for line in text.split("\n"):
        if line.startswith(WANTED) and line.partition("{")[0].partition(" ")[0] in WANTED:
            yield line
