"""Spans of all workers arrive; what waits when the server is told to end is sent before its workers are gone."""

import re
import urllib.request

import pytest

from tests.components import otlp
from tests.components.fixtures import absent
from tests.components.process import Missing

from . import drivers
from .client import fetch_all
from .configurations import CONFIGURATIONS

REQUESTS = 12
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"

REDUNDANT = {"gunicorn gthread", "gunicorn without our line", "uwsgi lazy-apps", "granian asgi"}
"""Those whose processes end just as another one's here."""

SERVERS = [
    pytest.param(each, marks=[pytest.mark.slow_matrix] if each.name in REDUNDANT else [])
    for each in CONFIGURATIONS
    if "PROMETHEUS" not in each.name
]


def traces_on_the_page(port: int) -> set[str]:
    """The traces that the latency histogram's exemplars name."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": OPEN_METRICS})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        text = answer.read().decode()
    lines = (
        each for each in text.splitlines() if each.startswith("http_server_request_duration_seconds_bucket")
    )
    return set(re.findall(r'trace_id="(\w+)"', "\n".join(lines)))


def unmeasured(configuration: drivers.Configuration) -> dict[str, str]:
    """Apache's processes do not end by themselves where coverage measures them: they are killed with what waits."""
    return {"COVERAGE_PROCESS_CONFIG": ""} if configuration.name.startswith("apache") else {}


@pytest.mark.parametrize("configuration", SERVERS, ids=lambda each: each.name.replace(" ", "-"))
def test_nothing_is_lost_at_the_end(configuration: drivers.Configuration) -> None:
    """No thread of ours looks by itself here: all that arrives was flushed at a worker's end.

    What the page has as exemplars, of all workers, are traces that arrive.
    """
    with otlp.http() as receiver:
        configuration = drivers.with_environment(
            configuration,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            SITE_OPENTELEMETRY="1",
            **unmeasured(configuration),
        )
        try:
            with drivers.serving(configuration) as server:
                pids = server.worker_pids(configuration.workers)
                fetch_all(server.port, ["/queries/2/"] * REQUESTS)
                exemplars = traces_on_the_page(server.port)
                if not server.is_recycling():
                    assert receiver.spans == []
        except Missing as missing:
            absent(str(missing))
        except drivers.Refused as refused:
            pytest.skip(str(refused))
        receiver.wait(lambda it: len(it.named("GET queries/<int:n>/")) >= REQUESTS, 2)

    servers = receiver.named("GET queries/<int:n>/")
    assert len(servers) == REQUESTS
    assert len({each.trace for each in servers}) == REQUESTS
    assert len(receiver.named("SELECT")) >= 2 * REQUESTS
    answering = {each.resource["process.pid"] for each in receiver.spans if each.name == "GET worker/"}
    assert answering >= pids
    assert exemplars
    assert exemplars <= {each.trace for each in receiver.spans}
