"""The exporter: the figures on the page are those that were recorded."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from djmetrics import catalogue, guard, layers, recorder, runtime, units
from djmetrics.caches import cache_subject
from djmetrics.catalogue import DB_OPERATION, REQUEST_DURATION
from djmetrics.exporters.prometheus import Collector, Store, family_name, label_name
from djmetrics.exporters.prometheus.exporter import PrometheusExporter
from djmetrics.hooks.request import METHODS
from djmetrics.record import PHASES, Record, Subject
from djmetrics.testing import FakeClock, fake_clock

pytestmark = pytest.mark.urls(__name__)
urlpatterns = [path("", lambda request: HttpResponse("hello"), name="home")]

SELECT = Subject(
    "db",
    "SELECT run",
    {
        "db.system.name": "sqlite",
        "alias": "default",
        "db.operation.name": "SELECT",
        "db.collection.name": "run",
    },
)
PAGE = Subject("template", "page.html", {"template": "page.html", "engine": "django"})
FORM = Subject("form", "(form widgets)", {"template": "(form widgets)", "engine": "django"})
VIEW = Subject("view", "view")
OWN = Subject("mail", "send")
LAYER = Subject("middleware", "site.Slow", {"middleware": "site.Slow"})


class Switch:
    active = True


class Bench:
    """An exporter of its own, fed by hand, and its page."""

    def __init__(self, clock: FakeClock, **options: Any) -> None:
        self.clock = clock
        self.store = Store(catalogue.metrics(), **options)
        self.exporter = PrometheusExporter(self.store)
        self.registry = CollectorRegistry()
        self.registry.register(Collector(self.store, before=self.exporter.flush))

    @contextmanager
    def request(self, view: str = "home", **attributes: Any) -> Iterator[Record]:
        """A request; ``attributes`` are set on its record."""
        record = units.open()
        record.method, record.view, record.status = "GET", view, 200
        for name, value in attributes.items():
            setattr(record, name, value)
        units.announce(record)
        outer = recorder.make_current(record.root)
        try:
            yield record
        finally:
            recorder.make_current(outer)
            units.close(record)

    def work(self, subject: Subject, seconds: float, error: type[BaseException] | None = None) -> Any:
        """An operation that takes this long."""
        operation = recorder.begin(subject)
        self.clock.advance(seconds)
        operation.error = error
        recorder.end(operation)
        return operation

    def page(self) -> dict[str, float]:
        """Every sample of the page, as it is written."""
        text = generate_latest(self.registry).decode()
        return {
            f"{sample.name}{sorted(sample.labels.items())}": sample.value
            for family in parse(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """One sample, whose labels are all given."""
        return self.page().get(f"{name}{sorted(labels.items())}")

    def labels(self, name: str) -> list[dict[str, str]]:
        """The label sets of one family."""
        return [
            sample.labels
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name in (name, f"{name}_count", f"{name}_total")
        ]


@pytest.fixture
def bench() -> Iterator[Bench]:
    yield from benches()


def benches(**options: Any) -> Iterator[Bench]:
    units.flush()
    with fake_clock() as clock:
        made = Bench(clock, **options)
        with units.also(made.exporter):
            yield made
            units.flush()
    made.store.close()


@contextmanager
def bench_with(**options: Any) -> Iterator[Bench]:
    yield from benches(**options)


REQUEST = {
    "view": "home",
    "http_request_method": "GET",
    "http_route": "",
    "http_response_status_code": "200",
    "error_type": "",
}


def test_request(bench):
    """All that is known of a request is on the page, in seconds and bytes."""
    with bench.request() as record:
        bench.clock.advance(0.3)
        record.first_byte_ns = 200_000_000
        record.queue_ns = 50_000_000
        record.cpu_ns = 20_000_000
        record.request_size, record.response_size = 17, 5000
        record.queries, record.repeated_queries = 7, 3

    name = "http_server_request_duration_seconds"
    assert bench.value(f"{name}_count", **REQUEST) == 1
    assert bench.value(f"{name}_sum", **REQUEST) == 0.3
    assert bench.value(f"{name}_bucket", le="0.25", **REQUEST) == 0
    assert bench.value(f"{name}_bucket", le="0.5", **REQUEST) == 1
    for name, total in {
        "django_request_first_byte_duration_seconds": 0.2,
        "django_request_queue_duration_seconds": 0.05,
        "django_request_cpu_time_seconds": 0.02,
        "http_server_request_body_size_bytes": 17,
        "http_server_response_body_size_bytes": 5000,
        "django_request_db_queries": 7,
    }.items():
        assert (bench.value(f"{name}_sum", view="home"), bench.value(f"{name}_count", view="home")) == (
            total,
            1,
        )
    assert bench.value("django_request_db_repeated_queries_total", view="home") == 3
    assert bench.value("django_request_outcomes_total", view="home", outcome="completed") == 1


def test_what_is_unknown_is_not_counted(bench):
    """A size or a time that nobody knows is no nought."""
    with bench.request():
        pass

    names = {key.partition("[")[0] for key in bench.page()}
    assert not {name for name in names if "queue" in name or "body_size" in name or "first_byte" in name}
    assert "django_request_exceptions_total" not in names


@pytest.mark.parametrize(
    "status, error, shown",
    [
        (200, None, ""),
        (404, None, ""),
        (500, None, "500"),
        (503, None, "503"),
        (500, ValueError, "ValueError"),
        (None, None, ""),
        (500, Store, f"{Store.__module__}.Store"),
    ],
)
def test_error_type(bench, status, error, shown):
    """The class's full name, or the status of a server's error, as the conventions want it."""
    with bench.request(status=status, error=error):
        pass

    assert [each["error_type"] for each in bench.labels("http_server_request_duration_seconds")] == [shown]
    exceptions = bench.value("django_request_exceptions_total", view="home", error_type=shown)
    assert exceptions == (1 if error else None)


def test_phases_sum_to_the_requests_time(bench):
    """To the last nanosecond."""
    for seconds in 0.1, 0.007:
        with bench.request():
            view = recorder.begin(VIEW)
            bench.clock.advance(seconds)
            bench.work(SELECT, 2 * seconds)
            bench.work(PAGE, 3 * seconds)
            recorder.end(view)
            bench.clock.advance(4 * seconds)

    phases = {
        phase: bench.value("django_request_phase_time_seconds_total", view="home", phase=phase)
        for phase in PHASES
    }
    assert {phase: value for phase, value in phases.items() if value} == {
        "view": 0.107, "db": 0.214, "template": 0.321, "other": 0.428,
    }  # fmt: skip
    assert bench.value("http_server_request_duration_seconds_sum", **REQUEST) == 1.07


def test_operations(bench):
    """Each kind goes to its metric, with its attributes, its errors, and the view where the metric has one."""
    with bench.request():
        timed = layers.timed_layer(lambda request: bench.clock.advance(0.5), LAYER, Switch())
        timed(None)
        bench.work(SELECT, 0.002)
        bench.work(SELECT, 0.004, error=LookupError)
        bench.work(PAGE, 0.02)
        bench.work(VIEW, 1)
        bench.work(OWN, 0.25)

    statement = {label_name(name): value for name, value in SELECT.attributes.items()}
    for name, labels, total in [
        ("db_client_operation_duration_seconds", {**statement, "error_type": ""}, 0.002),
        ("db_client_operation_duration_seconds", {**statement, "error_type": "LookupError"}, 0.004),
        (
            "django_template_render_duration_seconds",
            {"view": "home", "template": "page.html", "engine": "django"},
            0.02,
        ),
        ("django_view_duration_seconds", {"view": "home", "http_route": "", "error_type": ""}, 1),
        ("django_middleware_duration_seconds", {"view": "home", "middleware": "site.Slow"}, 0.5),
        ("django_operation_duration_seconds", {"view": "home", "kind": "mail", "operation": "send"}, 0.25),
    ]:
        assert (bench.value(f"{name}_sum", **labels), bench.value(f"{name}_count", **labels)) == (total, 1)


def test_one_view_under_two_routes(bench):
    """What a view takes is told apart by the route that led to it, whichever came first."""
    for route, times in [("a/", 1), ("b/", 2), ("a/", 1)]:
        with bench.request() as record:
            record.route = route
            for _ in range(times):
                bench.work(VIEW, 1)

    for route, total in [("a/", 2), ("b/", 2)]:
        labels = {"view": "home", "http_route": route, "error_type": ""}
        assert bench.value("django_view_duration_seconds_sum", **labels) == total


def test_what_a_statement_fetched_is_a_figure_of_its_own(bench):
    """Fetches are added to their statement, and shown apart from it."""
    with bench.request():
        operation = bench.work(SELECT, 0.002)
        for _ in range(2):
            started = recorder.resume_leaf(operation)
            bench.clock.advance(0.25)
            recorder.pause_leaf(operation, started)

    assert bench.value("django_db_fetch_duration_seconds_sum", view="home", alias="default") == 0.5
    assert bench.value("django_db_fetch_duration_seconds_count", view="home", alias="default") == 1


def test_folded_operation_is_shown_whole(bench):
    """Of forms the sum of all their steps is one observation."""
    with bench.request():
        for _ in range(3):
            operation = recorder.folded(FORM)
            resumed = recorder.resume(operation)
            bench.clock.advance(0.25)
            recorder.pause(operation, resumed)

    labels = {"view": "home", "template": "(form widgets)", "engine": "django"}
    name = "django_template_render_duration_seconds"
    assert (bench.value(f"{name}_sum", **labels), bench.value(f"{name}_count", **labels)) == (0.75, 1)


def test_cache(bench):
    """Keys by hit and miss, and bytes, beside the time."""
    get = cache_subject("default", "get")
    with bench.request():
        for subject, detail in (
            (get.hit, (1, 0, 30)),
            (get.miss, (0, 1, 0)),
            (get.hit, (1, 0, 12)),
            (get, None),
        ):
            bench.work(subject, 0.1).detail = detail

    used = {"view": "home", "alias": "default", "operation": "get"}
    assert bench.value("django_cache_keys_total", result="hit", **used) == 2
    assert bench.value("django_cache_keys_total", result="miss", **used) == 1
    assert bench.value("django_cache_io_bytes_total", **used) == 42
    labels = {"view": "home", "alias": "default", "operation": "get", "error_type": ""}
    name = "django_cache_operation_duration_seconds_count"
    assert [bench.value(name, result=result, **labels) for result in ("hit", "miss", "")] == [2, 1, 1]


def test_work_outside_requests(bench):
    """It has the view "(outside)", and no requests."""
    bench.work(PAGE, 0.02)
    units.flush()

    labels = {"view": "(outside)", "template": "page.html", "engine": "django"}
    assert bench.value("django_template_render_duration_seconds_sum", **labels) == 0.02
    assert bench.labels("http_server_request_duration_seconds") == []
    assert bench.value("djmetrics_operations_spilled_total") is None


def test_in_flight(bench):
    """Each method has its gauge, up while a request is open, down after it."""

    def now(method: str) -> float | None:
        return bench.value("http_server_active_requests", http_request_method=method)

    with bench.request(), bench.request(method="POST"), bench.request():
        assert (now("GET"), now("POST")) == (2, 1)
    assert (now("GET"), now("POST")) == (0, 0)


def test_discarded_request(bench):
    """It is on no page, and leaves the gauge."""
    with bench.request():
        bench.work(SELECT, 1)
        recorder.discard()
        assert bench.value("http_server_active_requests", http_request_method="GET") == 0

    assert bench.value("http_server_active_requests", http_request_method="GET") == 0
    assert bench.labels("http_server_request_duration_seconds") == []
    assert bench.labels("db_client_operation_duration_seconds") == []


def test_full_record(bench, monkeypatch):
    """A request with too many operations is counted in part while it runs; nothing is lost, and it is said."""
    monkeypatch.setattr(Record, "limit", 10)
    with bench.request() as record:
        for _ in range(25):
            bench.work(SELECT, 0.001)

    labels = {label_name(name): value for name, value in SELECT.attributes.items()}
    assert bench.value("db_client_operation_duration_seconds_count", error_type="", **labels) == 25
    assert bench.value("djmetrics_operations_spilled_total") == 20
    assert record.phases["db"] == record.duration == 25_000_000
    assert bench.value("django_request_phase_time_seconds_total", view="home", phase="db") == 0.025


def test_form_in_a_full_record(bench, monkeypatch):
    """What a folded operation does after its record was counted in part is counted too."""
    monkeypatch.setattr(Record, "limit", 5)
    with bench.request():
        for _ in range(4):
            operation = recorder.folded(FORM)
            resumed = recorder.resume(operation)
            bench.clock.advance(0.25)
            recorder.pause(operation, resumed)
            for _ in range(4):
                bench.work(SELECT, 0.001)

    labels = {"view": "home", "template": "(form widgets)", "engine": "django"}
    assert bench.value("django_template_render_duration_seconds_sum", **labels) == 1
    assert bench.value("django_request_phase_time_seconds_total", view="home", phase="template") == 1


def test_large_record_does_not_wait(bench):
    """A record with many operations is added at once, so that little waits in memory."""
    with bench.request():
        for _ in range(150):
            bench.work(SELECT, 0)
    assert bench.exporter._pending == []

    with bench.request():
        pass
    assert len(bench.exporter._pending) == 1


def test_batch(bench):
    """Sixteen records wait at most."""
    most = 0
    for _ in range(40):
        with bench.request():
            pass
        most = max(most, len(bench.exporter._pending))

    assert most == 15
    assert bench.value("http_server_request_duration_seconds_count", **REQUEST) == 40


CEILINGS = [
    catalogue.REQUEST_DURATION, catalogue.REQUEST_CPU, catalogue.FIRST_BYTE, catalogue.REQUEST_QUEUE,
    catalogue.REQUEST_BODY_SIZE, catalogue.RESPONSE_BODY_SIZE, catalogue.REQUEST_QUERIES, catalogue.DB_OPERATION,
    catalogue.DB_FETCH, catalogue.TEMPLATE_RENDER, catalogue.VIEW_DURATION, catalogue.MIDDLEWARE_DURATION,
    catalogue.OPERATION, catalogue.CACHE_OPERATION,
]  # fmt: skip


@pytest.mark.parametrize("metric", CEILINGS, ids=lambda metric: metric.name)
def test_ceiling(metric, caplog):
    """Past its ceiling a metric has one overflow series; nothing is lost, each is counted, one line is logged."""
    with bench_with(max_series_by_metric={metric.name: 1}) as bench:
        for number in range(4):
            about = {"alias": f"a{number}", "db.collection.name": f"t{number}"}
            with bench.request(f"view-{number}") as record:
                record.first_byte_ns = record.queue_ns = record.request_size = record.response_size = 5
                layers.timed_layer(lambda request: None, LAYER, Switch())(None)
                operation = bench.work(Subject("db", "SELECT", about), 0.1)
                started = recorder.resume_leaf(operation)
                bench.clock.advance(0.1)
                recorder.pause_leaf(operation, started)
                for subject in PAGE, VIEW, OWN, cache_subject("default", "get").hit:
                    bench.work(subject, 0.1)

        name = family_name(metric)
        found = bench.labels(name)
        overflow = {label_name(label): "(overflow)" for label in metric.labels}
        assert len(found) == 2
        assert overflow in found
        assert bench.value(f"{name}_count", **overflow) == 3
        assert bench.value("djmetrics_series_overflows_total", metric=metric.name) == 3
        assert bench.value("djmetrics_series", metric=metric.name) == 1
    assert len([each for each in caplog.records if metric.name in each.getMessage()]) == 1


def test_ceiling_of_phases():
    """The phases of views past the ceiling are together in the overflow series, and still sum."""
    with bench_with(max_series_by_metric={catalogue.PHASE_TIME.name: 7}) as bench:
        for number in range(3):
            with bench.request(f"view-{number}"):
                bench.work(SELECT, 1)
        name = "django_request_phase_time_seconds_total"
        assert bench.value(name, view="(overflow)", phase="(overflow)") == 2


def test_buckets():
    """A site's own buckets are shown instead of the catalogue's."""
    with bench_with(buckets={REQUEST_DURATION.name: (0.1, 2)}) as bench:
        for seconds in 0.05, 0.1, 1, 3:
            with bench.request():
                bench.clock.advance(seconds)
        name = "http_server_request_duration_seconds_bucket"
        found = {
            key.split("'le', '")[1].split("'")[0]: value for key, value in bench.page().items() if name in key
        }

    assert found == {"0.1": 2, "2.0": 3, "+Inf": 4}


@given(st.lists(st.integers(min_value=0, max_value=20_000_000_000), max_size=40))
def test_every_observation_is_in_its_bucket(durations):
    """Cumulative counts are what counting by hand gives; the sum is exact."""
    with bench_with() as bench:
        for nanoseconds in durations:
            with bench.request():
                bench.clock.wall += nanoseconds
        page = bench.page()
        for bound in REQUEST_DURATION.buckets:
            key = (
                f"http_server_request_duration_seconds_bucket{sorted({**REQUEST, 'le': str(bound)}.items())}"
            )
            expected = sum(each <= round(bound * 1e9) for each in durations)
            assert page.get(key, 0) == expected
        total = f"http_server_request_duration_seconds_sum{sorted(REQUEST.items())}"
        assert page.get(total, 0) == sum(durations) / 1e9


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def exemplars(registry: CollectorRegistry) -> list[tuple[str, dict[str, str], float]]:
    return [
        (sample.labels["le"], sample.exemplar.labels, sample.exemplar.value)
        for family in parse_openmetrics(generate_openmetrics(registry).decode())
        for sample in family.samples
        if sample.exemplar
    ]


def test_exemplar(bench):
    """A request with a trace is an exemplar of its bucket, with its time; one without is none."""
    with bench.request(trace_id=int(TRACE, 16), span_id=0xF067AA0BA902B7):
        bench.clock.advance(0.3)
    with bench.request():
        bench.clock.advance(0.02)

    found = exemplars(bench.registry)
    assert ("0.5", {"trace_id": TRACE, "span_id": "00f067aa0ba902b7"}, 0.3) in found
    assert {le for le, _, _ in found} == {"0.5"}


def test_exemplar_of_a_real_request():
    """A traceparent header on a request is all that it takes."""
    Client().get("/", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})

    found = [labels for _, labels, _ in exemplars(runtime.page_registry())]
    assert {"trace_id": TRACE, "span_id": "00f067aa0ba902b7"} in found


def series_of(view: str) -> set[tuple[str, ...]]:
    return {
        tuple(sorted(sample.labels.items()))
        for family in runtime.page_registry().collect()
        for sample in family.samples
        if sample.name == "http_server_request_duration_seconds_count" and sample.labels["view"] == view
    }


def test_a_client_cannot_make_series():
    """A thousand unknown paths and fifty methods are one series each for "(unresolved)" and "_OTHER"."""
    for number in range(1000):
        Client().get(f"/nothing/{number}")
    for number in range(50):
        Client().generic(f"BREW{number}", "/nothing")

    series = [dict(each) for each in series_of("(unresolved)")]
    unknown = [each for each in series if each["http_response_status_code"] == "404"]
    methods = [each["http_request_method"] for each in unknown]  # other tests' are there too
    assert len(methods) == len(set(methods))
    assert {"GET", "_OTHER"} <= set(methods) <= METHODS | {"_OTHER"}
    assert {each["http_route"] for each in series} == {""}


def test_settings_choose_buckets_and_ceilings():
    """``BUCKETS`` and ``MAX_SERIES`` reach the page; without them the figures start over with the catalogue's."""
    chosen = {"BUCKETS": {"http_server_request_duration_seconds": [0.5, 60]}, "MAX_SERIES": {"default": 1}}
    with override_settings(DJMETRICS=chosen):
        for where in "/", "/nothing":
            Client().get(where)
        page = generate_latest(runtime.page_registry()).decode()
    bounds = {
        sample.labels["le"]
        for family in parse(page)
        for sample in family.samples
        if sample.name == "http_server_request_duration_seconds_bucket"
    }
    assert bounds == {"0.5", "60.0", "+Inf"}
    assert 'view="(overflow)"' in page
    assert 'le="60.0"' not in generate_latest(runtime.page_registry()).decode()


def test_counts_outlive_a_change_of_other_settings():
    """What was counted stays on the page when djmetrics is stopped and started again."""
    Client().get("/")
    before = series_of("home")
    with override_settings(DJMETRICS={"REPEATED_QUERIES": 7}):
        assert series_of("home") == before
    assert before


def test_failures_are_shown(bench, monkeypatch):
    """What failed inside djmetrics is counted by place."""
    from collections import Counter

    monkeypatch.setattr(guard, "pending", Counter({"hooks.view": 2, "exporter": 1}))
    with bench.request():
        pass

    assert bench.value("djmetrics_errors_total", place="hooks.view") == 2
    assert bench.value("djmetrics_errors_total", place="exporter") == 1
    assert bench.value("djmetrics_errors_total", place="hooks.view") == 2


def test_own_cost_is_shown(bench):
    """How long it took to add up is on the page."""
    with bench.request():
        pass

    assert bench.value("djmetrics_export_time_seconds_total") > 0


def test_add(bench):
    """A counter can be added to from outside a record."""
    bench.exporter.add(catalogue.CACHE_IO, ("home", "default", "get"), 7)
    bench.exporter.add(catalogue.CACHE_IO, ("home", "default", "get"), 5)

    used = {"view": "home", "alias": "default", "operation": "get"}
    assert bench.value("django_cache_io_bytes_total", **used) == 12


def test_caches_of_places_are_bounded(bench, monkeypatch):
    """However many views, methods and operations there are, what is remembered of them has a limit."""
    from djmetrics.exporters.prometheus import exporter as module

    monkeypatch.setattr(module, "_CACHED_VIEWS", 5)
    monkeypatch.setattr(module, "_CACHED_PLANS", 5)
    for number in range(30):
        with bench.request(f"view-{number}"):
            bench.work(Subject("template", f"t{number}"), 0)
            layers.timed_layer(lambda request: None, LAYER, Switch())(None)
        with bench.request("one"):
            bench.work(Subject("mail", f"{number}"), 0)
        bench.exporter.add(catalogue.CACHE_KEYS, ("home", str(number), "get", "hit"), 1)
    bench.page()

    kept = bench.exporter
    assert len(kept._plans) <= 5
    assert len(kept._places) <= 5
    assert len(kept._totals) <= 5
    assert len(kept._series) <= 5
    assert sum(len(each) for each in kept._plans.values()) <= 5  # of all views
    assert (
        sum(
            value
            for key, value in bench.page().items()
            if key.startswith("django_operation_duration_seconds_count")
        )
        == 30
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_starts_at_nought():
    """What the parent counted, and what waits in it to be counted, is the parent's alone."""
    Client().get("/")
    runtime.page_registry()  # nothing is read, so the record still waits
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(writer, str(len(series_of("home"))).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "0"
    assert len(series_of("home")) >= 1


def test_layer_that_ran_side_by_side(bench):
    """A layer whose inside took longer than itself, because it ran side by side, took nothing of its own."""
    with bench.request() as record:
        record.root.layers.append((LAYER, record.start, record.start + 5, -5, None))

    labels = {"view": "home", "middleware": "site.Slow"}
    assert bench.value("django_middleware_duration_seconds_sum", **labels) == 0
    assert bench.value("django_middleware_duration_seconds_count", **labels) == 1


def test_statement_of_no_attributes(bench):
    """A subject that lacks what its metric wants has empty labels."""
    with bench.request():
        bench.work(Subject("db", "_OTHER"), 0.5)

    empty = dict.fromkeys((label_name(label) for label in DB_OPERATION.labels), "")
    assert bench.value("db_client_operation_duration_seconds_sum", **empty) == 0.5


def test_record_that_cannot_be_added(bench):
    """The others that waited are added, and the failure is told to whoever gave the records."""
    with bench.request():
        pass
    broken = units.open()
    broken.layers.append(None)
    bench.exporter._pending.append(broken)
    with bench.request():
        pass
    with pytest.raises(TypeError):
        bench.exporter.flush()

    assert bench.value("http_server_request_duration_seconds_count", **REQUEST) == 2
    bench.exporter.flush()


def test_forget(bench):
    """In a forked child the records that wait are the parent's."""
    with bench.request():
        pass
    bench.exporter.forget()

    assert bench.labels("http_server_request_duration_seconds") == []


def test_constants(bench):
    """Gauges that are always 1 are there from the first figure on."""
    bench.exporter.constants = {catalogue.BUILD_INFO: (("0", "abc", "6.0", "3.13"), 1)}
    with bench.request():
        pass

    labels = {"version": "0", "release": "abc", "django": "6.0", "python": "3.13"}
    assert bench.value("djmetrics_build_info", **labels) == 1
