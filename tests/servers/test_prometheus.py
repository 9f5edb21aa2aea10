"""A real Prometheus scrapes the site under a real server."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.components.prometheus import Prometheus

from .client import fetch_all
from .configurations import CONFIGURATIONS
from .drivers import Server
from .page import read, scrape_until

GUNICORN = [each for each in CONFIGURATIONS if each.name == "gunicorn sync"]
REQUESTS = "http_server_request_duration_seconds_count"

pytestmark = pytest.mark.parametrize("server", GUNICORN, ids=["gunicorn-sync"], indirect=True)


def test_prometheus_counts_what_the_client_counts(server: Server, prometheus: Prometheus) -> None:
    """The target is up, and Prometheus's sums by status are the client's own, whichever worker it asks."""
    job = "gunicorn"
    with prometheus.scraping(job, f"127.0.0.1:{server.port}"):
        (target,) = [
            each for each in prometheus.api("targets")["activeTargets"] if each["labels"]["job"] == job
        ]
        assert (target["health"], target["lastError"]) == ("up", "")
        before = scrape_until(server.port, lambda page: page.value(REQUESTS) > 0)
        replies = fetch_all(server.port, ["/hello/"] * 20 + ["/error/"] * 5 + ["/no/such/path/"] * 5)
        client = Counter(str(reply.status) for reply in replies)
        everything = before.value(REQUESTS) + len(replies)

        prometheus.wait_for(f'sum({REQUESTS}{{job="{job}"}}) == {everything}')

        for status, count in client.items():
            earlier = before.value(REQUESTS, http_response_status_code=status)
            selector = f'job="{job}",http_response_status_code="{status}"'
            assert prometheus.value(f"sum({REQUESTS}{{{selector}}})") == earlier + count


def test_promtool_finds_nothing_to_say(server: Server, promtool: Callable[..., str]) -> None:
    """The page of a running site, with all kinds of requests on it, passes Prometheus's own checker."""
    paths = [
        "/hello/",
        "/error/",
        "/missing/",
        "/queries/3/",
        "/repeated/6/",
        "/cached/2/",
        "/stream/2/1/",
        "/file/",
    ]
    fetch_all(server.port, [*paths, "/order/", "/background/"])
    scrape_until(server.port, lambda page: page.value(REQUESTS, view="background") > 0)

    assert promtool("check", "metrics", stdin=read(server.port)) == ""
