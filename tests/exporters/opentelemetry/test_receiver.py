"""Spans over the network: OTLP over HTTP and gRPC, a real collector between, and collectors that fail."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from opentelemetry import context, trace
from prometheus_client import generate_latest

from djmetrics import annotate, runtime, timed
from tests.components import otlp, process
from tests.components.fixtures import absent

from . import site

pytestmark = pytest.mark.django_db

JOIN_SECONDS = 20.0


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[otlp.Receiver]:
    """A receiver over HTTP that the standard variables name."""
    with otlp.http() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
        yield made


def items(result: str) -> float:
    """How many spans the page says ended so."""
    runtime._flush()
    page = generate_latest(runtime.page_registry()).decode()
    lines = (line for line in page.splitlines() if line.startswith("djmetrics_exporter_items_total"))
    return sum(float(line.split()[-1]) for line in lines if f'result="{result}"' in line)


@pytest.fixture
def counts():
    """A function that tells how many spans ended so since the test began."""
    before = {each: items(each) for each in ("sent", "failed", "dropped")}
    return lambda result: items(result) - before[result]


def test_over_http(receiver, switched_on, counts):
    """A provider of ours sends our spans and the site's, with ids, times and the resource."""
    with switched_on() as exporter:
        Client().get("/nested/")
        assert exporter.flush(10)
        site.tracer = trace.get_tracer("site")
        Client().get("/nested/")
        assert exporter.flush(10)

    first, second = receiver.named("GET nested/")
    assert first.trace != second.trace
    assert (first.parent, first.kind) == ("", trace.SpanKind.SERVER.value + 1)
    assert first.resource["service.name"] == "tests"
    assert first.scope == "djmetrics"
    by_id = {each.id: each for each in receiver.spans}
    assert len(by_id) == len(receiver.spans)
    for each in receiver.spans:
        if each.parent:
            above = by_id[each.parent]
            assert above.trace == each.trace
            assert above.start <= each.start <= each.end <= above.end
    (inner,) = (each for each in receiver.named("inner") if each.trace == second.trace)
    assert by_id[inner.parent].name == "outer"
    assert counts("sent") == len(receiver.spans)
    assert counts("failed") == counts("dropped") == 0


@pytest.mark.components
def test_over_grpc():
    """The same over gRPC, chosen by the standard variable; what waits is sent when the provider is shut down."""
    if find_spec("grpc") is None:
        absent("the Python package grpcio is not installed (dependency group: servers)")
    done = subprocess.run(
        [sys.executable, "-m", "tests.exporters.opentelemetry.session"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    spans = json.loads(done.stdout)
    servers = [each for each in spans if each["kind"] == trace.SpanKind.SERVER.value + 1]
    assert [each["name"] for each in servers] == ["GET nested/"] * 3
    assert servers[0]["resource"]["service.version"] == "1.2.3"
    assert len([each for each in spans if each["name"] == "inner"]) == 3


@pytest.mark.components
def test_through_a_collector(monkeypatch, tmp_path, switched_on):
    """A real collector takes the spans and hands them on."""
    try:
        with otlp.http() as behind, otlp.rotel(behind.url, tmp_path) as url:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
            with switched_on() as exporter:
                Client().get("/page/")
                assert exporter.flush(10)
            assert behind.wait(lambda it: it.named("GET page/"))
            (server,) = behind.named("GET page/")
            assert {each.trace for each in behind.spans} == {server.trace}
            assert server.attributes["django.view"] == "page"
    except process.Missing as missing:
        absent(str(missing))


@pytest.mark.parametrize("status", [400, 500])
def test_collector_that_refuses(receiver, switched_on, counts, monkeypatch, lenient, status):
    """Spans that are refused are counted; the site's requests, and later spans, are as ever."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    receiver.answer = status
    with switched_on() as exporter:
        assert Client().get("/hello/").status_code == 200
        assert exporter.flush(20)
        refused = counts("failed")
        assert refused > 0
        assert counts("sent") == 0
        receiver.answer = 200
        Client().get("/hello/")
        assert exporter.flush(20)
    assert counts("failed") == refused
    assert counts("sent") == len(receiver.spans) > 0


def test_nobody_listens(monkeypatch, switched_on, counts, lenient):
    """Without a collector spans are counted as failed."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{unheard.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        with switched_on() as exporter:
            Client().get("/hello/")
            assert exporter.flush(20)
    assert counts("failed") > 0


def test_collector_that_hangs(receiver, switched_on, counts, monkeypatch):
    """Requests are answered meanwhile; the queue fills and no further; what found no room is counted."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
    receiver.gate.clear()
    with switched_on(QUEUE_SIZE=50) as exporter:
        Client().get("/hello/")
        threading.Thread(
            target=exporter.flush, args=(30,), daemon=True
        ).start()  # do not wait for the interval
        assert receiver.wait(lambda it: it.calls == 1)
        for _ in range(60):
            assert Client().get("/hello/").status_code == 200
        assert receiver.calls == 1
        assert counts("dropped") > 0
        receiver.gate.set()
        assert exporter.flush(20)
        sent = receiver.named("GET hello/")
        assert 1 < len(sent) < 61
        assert counts("sent") == len(receiver.spans)
        Client().get("/hello/")
        assert exporter.flush(20)
    assert len(receiver.named("GET hello/")) == len(sent) + 1


def test_the_end_is_bounded_in_time(receiver, switched_on, counts, monkeypatch):
    """With a collector that hangs, the end of a process takes SHUTDOWN_TIMEOUT; what is lost is counted."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
    receiver.gate.clear()
    with switched_on(SHUTDOWN_TIMEOUT=0.05) as exporter:
        Client().get("/hello/")
        threading.Thread(target=exporter.flush, args=(30,), daemon=True).start()
        assert receiver.wait(lambda it: it.calls == 1)
        Client().get("/hello/")
        end = threading.Thread(target=trace.get_tracer_provider().shutdown, daemon=True)
        end.start()
        end.join(JOIN_SECONDS)
        assert not end.is_alive()
        assert counts("dropped") > 0
        receiver.gate.set()  # the thread ends by itself, as the fixture sees


def test_slow_collector_loses_nothing(receiver, switched_on, counts):
    """Answers that come late delay spans, and nothing else."""
    receiver.gate.clear()
    with switched_on() as exporter:
        for _ in range(20):
            Client().get("/hello/")
        threading.Timer(0.1, receiver.gate.set).start()
        assert exporter.flush(20)
    assert len(receiver.named("GET hello/")) == 20
    assert counts("dropped") == counts("failed") == 0


def test_spans_of_the_sender_are_not_traced(receiver, switched_on):
    """What sends spans runs with instrumentations suppressed, and outside any trace."""
    seen = []

    with switched_on() as exporter:
        Client().get("/hello/")
        send = exporter._pipeline._send

        def looking(spans):
            suppressed = context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY)
            seen.append((trace.get_current_span(), suppressed))
            send(spans)

        exporter._pipeline._send = looking
        Client().get("/hello/")
        assert exporter.flush(10)
    assert set(seen) == {(trace.INVALID_SPAN, True)}


def test_what_cannot_be_encoded(receiver, switched_on, counts, monkeypatch):
    """Text with lone surrogates, times and links that are none: nothing else is lost with them, nor is the trace."""

    def odd(request):
        annotate(tier="\ud800")
        with timed("block \ud800"):
            span = trace.get_current_span()
            span.update_name("named \ud800")
            span.set_attribute("big", 1 << 64)
            span.set_attribute("text", "\ud800")
            span.add_event("event", None, 1.5)
            span.add_link(None)
            span.set_status("bad")
        return HttpResponse()

    monkeypatch.setattr(site, "urlpatterns", [*site.urlpatterns, path("odd/", odd, name="view \ud800")])
    with switched_on() as exporter:
        Client().get("/odd/")
        Client().get("/hello/")
        assert exporter.flush(10)
    assert counts("failed") == 0
    (server,) = receiver.named("named ?")
    assert server.attributes["django.view"] == "view ?"
    assert server.attributes["django.annotation.tier"] == server.attributes["text"] == "?"
    assert "big" not in server.attributes
    assert receiver.named("block ?")
    assert receiver.named("GET hello/")


@pytest.mark.parametrize("odd", ["name", "event", "time", "status", "none"])
def test_a_span_of_the_site_s_that_cannot_be_encoded(receiver, switched_on, counts, odd):
    """It is counted as failed; what is sent with it is not lost."""
    with switched_on() as exporter:
        Client().get("/hello/")
        tracer = trace.get_tracer("site")
        with tracer.start_as_current_span({"name": "\ud800", "none": None}.get(odd, "odd")) as span:
            if odd in ("event", "time"):
                span.add_event("\ud800" if odd == "event" else "e", timestamp=1.5 if odd == "time" else None)
            if odd == "status":
                span.set_status(trace.StatusCode.ERROR, "\ud800")
        with tracer.start_as_current_span("é") as span:
            span.add_event("é")
        Client().get("/hello/")
        assert exporter.flush(10)
    assert len(receiver.named("GET hello/")) == 2
    assert len(receiver.named("é")) == 1
    assert counts("failed") == 1
