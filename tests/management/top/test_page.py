"""Metrics pages from a real server."""

import socket

import pytest

from djmetrics import catalogue
from djmetrics.exporters.prometheus.naming import prometheus_name
from djmetrics.management.top.page import CPU, DURATION, PHASES, QUERIES, WANTED, PageError, fetch, parse

from .sample import Sample
from .server import serving


def test_the_metrics_have_the_names_that_users_know() -> None:
    """The names are spelled out here, so that a change of the catalogue cannot empty the table unnoticed."""
    assert (DURATION, CPU, QUERIES, PHASES) == (
        "http_server_request_duration_seconds",
        "django_request_cpu_time_seconds",
        "django_request_db_queries",
        "django_request_phase_time_seconds_total",
    )
    known = {prometheus_name(metric) for metric in catalogue.metrics()}
    assert {DURATION, CPU, QUERIES, PHASES} <= known


def test_only_the_wanted_samples_are_read() -> None:
    """A page's other metrics, and prometheus_client's creation times, are left alone."""
    sample = Sample()
    sample.request("a", 0.05)
    with serving(sample.answer) as site:
        page = fetch(site.url)
    assert {name for name, _ in page.samples} == set(WANTED)
    assert page.samples[f"{QUERIES}_sum", frozenset({("view", "a")})] == 2.0


def test_label_values_may_hold_anything() -> None:
    """Quotes, backslashes, newlines and braces in a label come out as they went in."""
    sample, view = Sample(), 'a"b\\c\nd}e{f,g="h"'
    sample.request(view, 0.05)
    samples = parse(sample.page().decode())
    assert (f"{QUERIES}_sum", frozenset({("view", view)})) in samples


def test_a_site_without_requests_is_no_error() -> None:
    """A page that declares the metrics and has no series yet is read as empty."""
    with serving(Sample().answer) as site:
        assert fetch(site.url).samples == {}
    assert parse("# TYPE djmetrics_workers gauge\ndjmetrics_workers 3.0\n") == {}


def test_the_token_is_sent_as_bearer() -> None:
    """The token travels in the Authorization header; without one there is no such header."""
    with serving(Sample().answer) as site:
        fetch(site.url, "secret")
        fetch(site.url)
    assert [headers.get("Authorization") for headers in site.asked] == ["Bearer secret", None]


def test_a_redirect_is_not_followed() -> None:
    """A redirect is reported, and its target learns nothing."""
    with serving(Sample().answer) as other:
        target = other.url
        with (
            serving(lambda: (302, {"Location": target}, b"")) as site,
            pytest.raises(PageError, match="redirects"),
        ):
            fetch(site.url, "secret")
    assert other.asked == []


@pytest.mark.parametrize(
    "status, body, message",
    [
        (404, b"", r"404.*METRICS_TOKEN.*METRICS_ALLOWED_IPS"),
        (500, b"", r"answers 500 Internal Server Error"),
        (401, b"", r"answers 401 Unauthorized"),
        (200, b"<!doctype html><h1>Hello</h1>", r"not with a metrics page"),
        (200, b"", r"not with a metrics page"),
        (200, b"\xff\xfe\x00", r"not with a metrics page"),
        (200, DURATION.encode() + b'_count{view="a} broken', r"not with a metrics page"),
        (200, b"# TYPE up gauge\nup 1\n", r"metrics page, but djmetrics' metrics are not on it"),
    ],
)
def test_what_is_said_of_other_answers(status: int, body: bytes, message: str) -> None:
    """Each answer that is not a page of djmetrics gets a sentence that says what it is."""
    with serving(lambda: (status, {}, body)) as site, pytest.raises(PageError, match=message):
        fetch(site.url)


def test_nobody_listens() -> None:
    """A refused connection is told as such."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening: nobody else gets this port meanwhile
        with pytest.raises(PageError, match=r"cannot be reached: .*refused"):
            fetch(f"http://127.0.0.1:{held.getsockname()[1]}/metrics")


def test_a_server_that_never_answers() -> None:
    """A server that accepts and says nothing is given up after the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(PageError, match="timed out"):
        fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/metrics", timeout=0.2)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/", "metrics", ""])
def test_other_schemes_are_refused(url: str) -> None:
    """Only http and https are read."""
    with pytest.raises(PageError, match="is not an http"):
        fetch(url)


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:port/", "http://[::1/"])
def test_a_url_that_is_none(url: str) -> None:
    """A broken URL is an error message, not a traceback."""
    with pytest.raises(PageError):
        fetch(url)
