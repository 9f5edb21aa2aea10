"""Whole requests of a real site, and the traces that they leave."""

import atexit
import threading
import uuid
from fnmatch import fnmatch

import pytest
from django.conf import settings
from django.test import Client, override_settings
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from djmetrics import recorder, runtime, units
from djmetrics.exporters.opentelemetry import OpenTelemetryExporter
from djmetrics.record import Record, Subject
from djmetrics.testing import record
from tests.docs_pages import leaves

from . import site
from .conftest import memory_of

pytestmark = pytest.mark.django_db

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_request_is_a_tree(memory, switched_on):
    """The server span holds the middlewares, the innermost of them the view, the view its template and statement."""
    with switched_on():
        Client().get("/page/")
        spans = memory.take()

    server = spans.server()
    assert server.name == "GET page/"
    assert server.parent is None
    assert spans.orphans() == []
    assert spans.above(spans.one("SELECT")) == ["view page", "GET page/"]
    assert spans.above(spans.one("template (from a string)")) == ["view page", "GET page/"]
    assert {each.name for each in spans.all} >= {"view page", "cache get", "cache set"}


def test_operations_under_spans_of_the_site(memory, switched_on):
    """A statement lies under whichever span of the site is current, else under the view."""
    with switched_on():
        Client().get("/nested/")
        spans = memory.take()

    above = [spans.above(each) for each in spans.named("SELECT")]
    view = ["view nested", "GET nested/"]
    assert above == [view, ["outer", *view], ["inner", "outer", *view], ["outer", *view], view]


def test_what_began_inside_an_operation_lies_under_it(memory, switched_on):
    """A span around a template is not the parent of what the template does."""
    with switched_on():
        Client().get("/rendered/")
        spans = memory.take()

    first, second = spans.named("SELECT")
    view = ["view rendered", "GET rendered/"]
    assert spans.above(first) == ["template (from a string)", "around", *view]
    assert spans.above(second)[0] == "deep"


def test_times_and_counts_are_the_record_s(memory, switched_on):
    """Durations are those of the record to the nanosecond, and the tree is true to time."""
    with switched_on(), record() as recorded:
        Client().get("/page/")
        spans = memory.take()

    (one,) = recorded.records
    server = spans.server()
    assert (server.start_time, server.end_time) == (one.started_at, one.started_at + one.duration)
    lasted = sorted(each.end_time - each.start_time for each in spans.all if each is not server)
    assert lasted == sorted(each.duration for each in recorded.operations if each.subject.kind != "handler")
    for each in spans.all:
        above = spans.parent(each)
        if above is not None:
            assert above.start_time <= each.start_time <= each.end_time <= above.end_time


def test_incoming_context(memory, switched_on):
    """The caller's trace goes on, with its baggage; what the site sends on names the view as the parent."""
    with switched_on():
        Client().get("/outgoing/", headers={"traceparent": PARENT, "baggage": "a=b"})
        spans = memory.take()

    server, view = spans.server(), spans.one("view outgoing")
    assert f"{server.context.trace_id:032x}" == PARENT[3:35]
    assert f"{server.parent.span_id:016x}" == PARENT[36:52]
    assert server.parent.is_remote
    assert site.seen["baggage"] == {"a": "b"}
    assert site.seen["carrier"]["traceparent"] == f"{PARENT[:36]}{view.context.span_id:016x}-01"


@pytest.mark.parametrize("path, kept", [("/hello/", False), ("/missing/", False), ("/fail/", True)])
def test_an_unsampled_caller_is_honoured_but_for_failures(memory, switched_on, path, kept):
    """With the sampled flag off nothing is kept, unless the request fails."""
    with switched_on():
        Client(raise_request_exception=False).get(path, headers={"traceparent": PARENT[:-1] + "0"})
        spans = memory.take()
    assert bool(spans.all) is kept
    if kept:
        attributes = spans.server().attributes
        assert attributes["djmetrics.sampling.reason"] == "error"
        assert attributes["error.type"] == "ValueError"
        assert spans.server().status.status_code is trace.StatusCode.ERROR
        assert spans.orphans() == ["GET fail/"]  # whose parent is the caller's


def test_a_client_s_mistake_is_no_error(memory, switched_on):
    """A 404 leaves the server span's status unset."""
    with switched_on():
        Client().get("/missing/")
        spans = memory.take()
    assert spans.server().status.status_code is trace.StatusCode.UNSET
    assert spans.server().attributes["http.response.status_code"] == 404


def test_nothing_that_was_put_in_comes_out(memory, switched_on):
    """No literal, comment, cache key or exception message is in any span."""
    with switched_on():
        for path in ("/fail/", "/page/", "/nested/"):
            Client(raise_request_exception=False).get(path)
        spans = memory.take()
    assert "SELECT ?, ?" in {each.attributes.get("db.query.text") for each in spans.all}
    assert [each.to_json() for each in spans.all if "secret" in each.to_json()] == []


def test_what_leaves_is_documented(memory, switched_on):
    """The page that says what leaves the site names each attribute of each span, and what of the caller's goes on."""
    caller = {"traceparent": PARENT, "tracestate": "vendor=theirs"}
    with switched_on(CAPTURE_PATH=True, FOLD_AFTER=2, RESPONSE_HEADER="X-Trace"):
        for path in ("/fail/", "/page/", "/nested/", "/queries/9/", "/commanding/", "/stream/", "/missing/"):
            Client(raise_request_exception=False).get(path, headers=caller).close()
        spans = memory.take()

    ours = [each for each in spans.all if each.instrumentation_scope.name == "djmetrics"]
    names = {name for each in ours for name in each.attributes}
    documented = leaves("OpenTelemetry")
    assert {"django.command.command", "url.path", "djmetrics.folded.count", "error.type"} <= names
    assert {name for name in names if not any(fnmatch(name, each) for each in documented)} == set()
    assert {each.context.trace_state.to_header() for each in ours} == {"vendor=theirs"}
    assert {"traceparent", "tracestate"} <= documented


def test_many_alike_are_counted_together(memory, switched_on):
    """Past FOLD_AFTER operations share a span that counts them; none is lost."""
    with switched_on(FOLD_AFTER=3):
        Client().get("/queries/50/")
        spans = memory.take()

    assert len(spans.named("SELECT")) == 3
    shared = spans.one("SELECT × 47")
    assert shared.attributes["djmetrics.folded.count"] == 47
    assert spans.above(shared) == ["view queries", "GET queries/<int:number>/"]
    assert spans.server().attributes["django.request.db.queries"] == 50


def test_a_trace_is_bounded(memory, switched_on):
    """A trace never has more than MAX_SPANS spans, and says how many operations found no place."""
    with switched_on(MAX_SPANS=10, FOLD_AFTER=100):
        Client().get("/page/")
        Client().get("/queries/200/")
        spans = memory.take()
    for server in spans.named("GET page/", "GET queries/<int:number>/"):
        of_trace = [each for each in spans.all if each.context.trace_id == server.context.trace_id]
        stands_for = sum(each.attributes.get("djmetrics.folded.count", 1) for each in of_trace)
        assert len(of_trace) <= 10
        assert stands_for + server.attributes.get("djmetrics.dropped.operations", 0) >= 10


def test_layers_that_do_nothing_get_no_span(memory, switched_on):
    """What lies in them hangs on the next one around; their time is in the request's phases, and their number said."""
    with switched_on(MIN_LAYER_DURATION=3600):
        Client().get("/page/")
        spans = memory.take()

    server = spans.server()
    assert not [each.name for each in spans.all if "iddleware" in each.name or each.name == "resolve"]
    assert spans.parent(spans.one("view page")) is server
    assert (
        server.attributes["djmetrics.omitted.layers"] == len(settings.MIDDLEWARE) - 1 + 1
    )  # without ours; resolve
    assert server.attributes["django.request.phase.middleware"] > 0


def test_the_site_may_write_on_the_server_span(memory, switched_on):
    """Attributes, events and a name that the site sets on the current span are the server span's."""
    with switched_on():
        Client().get("/touched/")
        spans = memory.take()
    server = spans.server()
    assert server.name == "another name"
    assert server.attributes["site.colour"] == "red"
    assert [each.name for each in server.events] == ["site.event"]


def test_response_header(memory, switched_on):
    """The trace id is in the response only if a header was chosen."""
    with switched_on(RESPONSE_HEADER="X-Trace-Id"):
        response = Client().get("/hello/")
        assert response["X-Trace-Id"] == f"{memory.take().server().context.trace_id:032x}"
        with override_settings(DJMETRICS={}):
            assert "X-Trace-Id" not in Client().get("/hello/", headers={"traceparent": PARENT})
    with switched_on():
        assert "X-Trace-Id" not in Client().get("/hello/", headers={"traceparent": PARENT})


def test_a_span_that_is_current_already_is_the_parent(memory, switched_on):
    """An instrumented server around the site has read the headers: the request nests under its span."""
    with switched_on():
        with memory.provider.get_tracer("server").start_as_current_span("asgi") as outer:
            Client().get("/hello/", headers={"traceparent": PARENT})
            assert trace.get_current_span() is outer
        spans = memory.take()
    assert spans.above(spans.server()) == ["asgi"]


def test_excluded_views_leave_no_trace(memory, switched_on):
    """A view that is left out of all data has no spans."""
    with (
        switched_on(),
        override_settings(DJMETRICS={"OPENTELEMETRY": {}, "EXCLUDE_VIEWS": ["hello"]}),
    ):
        Client().get("/hello/")
        assert memory.take().all == []


def shown() -> list[Sample]:
    """All samples on the page."""
    runtime._flush()
    page = generate_latest(runtime.page_registry()).decode()
    return [each for family in text_string_to_metric_families(page) for each in family.samples]


def total(samples: list[Sample], name: str, **labels: str) -> float:
    """The sum of the samples of this name that have these labels."""
    return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


def test_one_measurement_for_all(memory, switched_on):
    """The same session through all exporters: the same durations to the nanosecond, the same counts."""
    with switched_on(), record() as recorded:
        figures = [
            ("http_server_request_duration_seconds", {"view": "page"}, "GET page/", "request"),
            ("db_client_operation_duration_seconds", {"db_operation_name": "SELECT"}, "SELECT", "db"),
            ("django_view_duration_seconds", {"view": "page"}, "view page", "view"),
        ]

        def now():
            page = shown()
            return [
                (total(page, f"{name}_sum", **labels), total(page, f"{name}_count", **labels))
                for name, labels, _, _ in figures
            ]

        before = now()
        for _ in range(5):
            Client().get("/page/")
        after = now()
        spans = memory.take()
    for (was, counted), (now_, counts), (*_, span, kind) in zip(before, after, figures, strict=True):
        lasted = [each.end_time - each.start_time for each in spans.named(span)]
        if kind == "request":
            records = [each.duration for each in recorded.records]
        else:
            records = [each.duration for each in recorded.operations if each.subject.kind == kind]
        assert sorted(lasted) == sorted(records)
        assert round((now_ - was) * 1e9) == sum(lasted)
        assert counts - counted == len(lasted) == 5


def test_kept_and_dropped_are_counted(switched_on):
    """A metric counts traces by what was decided and why."""
    memory_of(TracerProvider(sampler=ParentBased(ALWAYS_OFF), shutdown_on_exit=False))

    def now():
        page = shown()
        names = ("error", "kept"), ("unsampled", "dropped"), ("sampled", "kept")
        return [
            total(page, "djmetrics_traces_total", reason=reason, decision=decision)
            for reason, decision in names
        ]

    with switched_on(SLOW_THRESHOLD=1000):
        before = now()
        for path in ("/fail/", "/hello/", "/hello/"):
            Client(raise_request_exception=False).get(path)
        Client().get("/hello/", headers={"traceparent": PARENT})
        assert [new - old for new, old in zip(now(), before, strict=True)] == [1, 2, 1]


def test_exemplars_are_of_kept_traces(switched_on):
    """The latency histogram's exemplars name traces that were kept, and none that was not."""
    memory = memory_of(TracerProvider(sampler=ParentBased(ALWAYS_OFF), shutdown_on_exit=False))

    def traces():
        buckets = (each for each in shown() if each.name == "http_server_request_duration_seconds_bucket")
        return {each.exemplar.labels["trace_id"] for each in buckets if each.exemplar}

    with switched_on(SLOW_THRESHOLD=1000):
        dropped = uuid.uuid4().hex
        Client().get("/hello/", headers={"traceparent": f"00-{dropped}-b7ad6b7169203331-00"})
        assert dropped not in traces()
        Client(raise_request_exception=False).get("/fail/")
        assert f"{memory.take().server().context.trace_id:032x}" in traces()


def test_slow_requests_are_kept(switched_on):
    """From SLOW_THRESHOLD on a trace is kept, whatever was chosen at its start."""
    memory = memory_of(TracerProvider(sampler=ParentBased(ALWAYS_OFF), shutdown_on_exit=False))
    with switched_on(SLOW_THRESHOLD=0):
        Client().get("/hello/")
        assert memory.take().server().attributes["djmetrics.sampling.reason"] == "slow"


def test_what_hangs_on_spilled_operations_has_its_parent(memory, switched_on, monkeypatch):
    """Operations that were counted before the end are shown as others are, and those that spans of the site hang on."""
    monkeypatch.setattr(Record, "limit", 3)
    with switched_on(), override_settings(DJMETRICS={"OPENTELEMETRY": {}, "MAX_OPERATIONS": 3}):
        Client().get("/page/")
        record_ = units.open()
        record_.method = "GET"
        units.announce(record_)
        outer = recorder.make_current(record_.root)
        from djmetrics import ambient

        before = ambient.enter(record_)
        held = recorder.begin(Subject("mail", "held"))
        with site.tracer.start_as_current_span("hangs"):
            pass
        recorder.end(held)
        for _ in range(5):
            recorder.end(recorder.begin(Subject("mail", "other")))
        ambient.leave(before)
        recorder.make_current(outer)
        units.close(record_)
        spans = memory.take()
    assert spans.above(spans.one("hangs")) == ["mail held", "GET"]
    server = spans.one("GET")
    others = len(spans.named("mail other"))
    assert others + server.attributes.get("djmetrics.dropped.operations", 0) == 5
    assert others == 5


@pytest.mark.parametrize("number", [10, 11, 40, 95])
def test_many_of_a_long_record_are_counted_together(memory, switched_on, number):
    """Of a record that holds fewer operations than its request has, none is missing from its trace."""
    with switched_on(FOLD_AFTER=3), override_settings():
        settings.DJMETRICS = {**settings.DJMETRICS, "MAX_OPERATIONS": 10}
        Client().get(f"/queries/{number}/")
        spans = memory.take()

    shared = spans.one(f"SELECT × {number - 3}")
    assert shared.attributes["djmetrics.folded.count"] == number - 3
    assert len(spans.named("SELECT")) == 3
    assert spans.above(shared) == ["view queries", "GET queries/<int:number>/"]
    server = spans.server()
    assert server.attributes["django.request.db.queries"] == number
    assert "djmetrics.dropped.operations" not in server.attributes
    took = server.attributes["django.request.phase.db"]
    shown = [*spans.named("SELECT"), *spans.named("CONNECT")]
    alone = sum(each.end_time - each.start_time for each in shown) / 1e9
    fetched = sum(each.attributes.get("django.db.fetch.duration", 0) for each in shown)
    assert alone + fetched + shared.attributes["djmetrics.folded.duration"] == pytest.approx(took, rel=0.05)


def test_first_requests_at_the_same_time(memory, switched_on):
    """Threads whose requests are the first share one pipeline."""
    with switched_on() as exporter:
        made = []
        join = exporter._join
        barrier = threading.Barrier(4)
        exporter._join = lambda tracer: (made.append(1), join(tracer))

        def first():
            barrier.wait()
            exporter._tracer()

        threads = [threading.Thread(target=first) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert made == [1]


def test_started_anew(switched_on, monkeypatch):
    """Our own provider outlives a change of settings, with its pipeline; an application's is given back."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    with switched_on() as first:
        Client().get("/hello/")
        with override_settings(DJMETRICS={"OPENTELEMETRY": {"MAX_SPANS": 5}}):
            Client().get("/hello/")
            (second,) = (each for each in units._exporters if isinstance(each, OpenTelemetryExporter))
            assert second is not first
            assert second._pipeline is first._pipeline


def test_stopped(memory, switched_on, monkeypatch):
    """When djmetrics stops, what waits is handed on, and nothing is left for the process's end."""
    registered = []
    monkeypatch.setattr(atexit, "register", registered.append)
    monkeypatch.setattr(
        atexit, "unregister", lambda each: registered.remove(each) if each in registered else None
    )
    with switched_on():
        Client().get("/hello/")
        assert registered
    assert registered == []
    assert "GET hello/" in {each.name for each in memory._exporter.get_finished_spans()}


def test_small_queue(memory, switched_on):
    """A trace larger than the queue is taken when the queue is empty."""
    with switched_on(QUEUE_SIZE=2):
        Client().get("/page/")
        assert memory.take().server()


def test_switched_off_by_variable(switched_on, monkeypatch):
    """With OTEL_SDK_DISABLED requests are as without traces."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with switched_on(RESPONSE_HEADER="X-Trace-Id") as exporter:
        response = Client().get("/hello/")
        assert "X-Trace-Id" not in response
        assert exporter.flush(1)
        exporter.close()
