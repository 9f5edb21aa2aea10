"""Finished records as spans: exact times, kinds, parents."""

import asyncio

import pytest
from django.http import Http404
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, TraceState

from djmetrics import recorder, units
from djmetrics.exporters.opentelemetry.span import RequestSpan
from djmetrics.exporters.opentelemetry.spans import Spans
from djmetrics.exporters.opentelemetry.spilled import Spilled
from djmetrics.record import Layer, Record, Statement, Subject
from djmetrics.testing import fake_clock

VIEW, DB, CACHE = Subject("view", "view"), Subject("db", "SELECT t"), Subject("cache", "get")
STREAM, LAYER = Subject("stream", "stream"), Subject("middleware", "layer")
STATE = TraceState([("a", "b")])


@pytest.fixture(autouse=True)
def clock():
    """Time goes on at each look."""
    with fake_clock(tick=10) as fake:
        yield fake


@pytest.fixture
def request_():
    """An open request with its span, current."""
    record = units.open(view="runs:list")
    record.method, record.route, record.trace_id, record.span_id = "GET", "runs/", 1, 2
    parent = SpanContext(1, 9, True)
    span = RequestSpan(record, TraceFlags(0), STATE, parent, recorder.current_operation, lambda: None)
    outer = recorder.make_current(record.root)
    yield record, span
    recorder.make_current(outer)


def made(record: Record, span: RequestSpan, *, most=100, fold_after=100, **chosen):
    """The spans of a record, which is closed now."""
    units.close(record)
    span.close()
    scope = InstrumentationScope("djmetrics", "0")
    maker = Spans(Resource({"r": 1}), scope, most=most, fold_after=fold_after, capture_path=False, **chosen)
    return list(maker.of(record, span))


def operation(subject, *, error=None, around=None):
    begun = recorder.begin(subject)
    begun.error = error
    if around is not None:
        begun.around = around
    recorder.end(begun)
    return begun


def test_server_span(request_):
    """It has the request's ids, its caller as the parent, and the record's times to the nanosecond."""
    record, span = request_
    span.set_attribute("mine", 1)
    span.set_attribute("django.view", "forged")
    span.add_event("event", {"a": 1}, 5)
    span.add_link(SpanContext(7, 8, True), {"b": 1})
    (server,) = made(record, span)
    assert server.name == "GET runs/"
    assert (server.context.trace_id, server.context.span_id) == (1, 2)
    assert server.context.trace_flags.sampled  # whoever gets it shall keep it
    assert server.context.trace_state == STATE
    assert server.parent.span_id == 9
    assert server.kind is SpanKind.SERVER
    assert (server.start_time, server.end_time) == (record.started_at, record.started_at + record.duration)
    assert server.attributes["mine"] == 1
    assert server.attributes["django.view"] == "runs:list"
    assert [(each.name, each.timestamp) for each in server.events] == [("event", 5)]
    assert [each.context.span_id for each in server.links] == [8]
    assert server.resource.attributes == {"r": 1}
    assert server.instrumentation_scope.name == "djmetrics"


@pytest.mark.parametrize(
    "known, failed",
    [
        ({"status": 200}, False),
        ({"status": 499}, False),
        ({"status": 500}, True),
        ({"error": ValueError}, True),
        ({"outcome": "failed"}, True),
        ({"outcome": "disconnected"}, False),
    ],
)
def test_status(request_, known, failed):
    """Only the server's own failures are errors."""
    record, span = request_
    for name, value in known.items():
        setattr(record, name, value)
    (server,) = made(record, span)
    assert (server.status.status_code is StatusCode.ERROR) is failed


def test_unknown_method(request_):
    """A method that the conventions do not know is named as they want it."""
    record, span = request_
    record.method = "_OTHER"
    (server,) = made(record, span)
    assert server.name == "HTTP runs/"


def test_status_of_the_site(request_):
    """What the site said of its own span counts more."""
    record, span = request_
    record.status = 500
    span.set_status(StatusCode.OK)
    span.update_name("mine")
    (server,) = made(record, span)
    assert server.status.is_ok
    assert server.name == "mine"


def test_operations(request_):
    """Times are exact, kinds are told apart, failures are errors, parents are right."""
    record, span = request_
    view = recorder.begin(VIEW)
    asked = span.get_span_context()
    query = operation(DB, error=KeyError)
    operation(CACHE)
    recorder.end(view)
    server, shown, first, second = made(record, span)
    offset = record.started_at - record.start
    assert shown.context.span_id == asked.span_id
    assert shown.parent.span_id == server.context.span_id
    assert first.parent.span_id == second.parent.span_id == shown.context.span_id
    assert (first.start_time, first.end_time) == (query.start + offset, query.end + offset)
    assert [each.kind for each in (shown, first, second)] == [
        SpanKind.INTERNAL,
        SpanKind.CLIENT,
        SpanKind.CLIENT,
    ]
    assert first.status.status_code is StatusCode.ERROR
    assert first.attributes["error.type"] == "KeyError"
    assert second.status.status_code is StatusCode.UNSET
    assert {each.context.trace_id for each in (server, shown, first, second)} == {1}


@pytest.mark.parametrize(
    "error, failed",
    [
        (KeyError, True),
        (TimeoutError, True),
        (Http404, False),
        (asyncio.CancelledError, False),
        (GeneratorExit, False),
    ],
)
def test_status_of_an_operation(request_, error, failed):
    """An answer of Django's, and an end that somebody asked for, are named and are no errors."""
    record, span = request_
    operation(DB, error=error)
    _, shown = made(record, span)
    assert (shown.status.status_code is StatusCode.ERROR) is failed
    assert shown.attributes["error.type"].endswith(error.__qualname__)


class Silent(type):
    """Classes of exceptions that do not say what they are."""

    def __getattribute__(cls, name):
        raise RuntimeError(name)


def test_a_class_that_is_not_asked(request_):
    """What an exception is, is read past its metaclass; Django's own answers are known by their names."""
    record, span = request_
    silent = Silent("Silent", (Exception,), {})
    operation(DB, error=silent)
    operation(VIEW, error=Http404)
    operation(VIEW, error=Silent("Hidden", (Http404,), {}))
    _, *shown = made(record, span)
    assert shown[0].attributes["error.type"].endswith("Silent")
    codes = [each.status.status_code for each in shown]
    assert codes == [StatusCode.ERROR, StatusCode.UNSET, StatusCode.UNSET]


def test_stream(request_):
    """A stream lasts until the end of its record."""
    record, span = request_
    units.single(STREAM, record)
    server, stream = made(record, span)
    assert stream.end_time == server.end_time


def test_together(request_):
    """What is counted together says how often, and how long."""
    record, span = request_
    for _ in range(5):
        operation(DB)
    spans = made(record, span, fold_after=2)
    assert [each.name for each in spans] == ["GET runs/", "SELECT t", "SELECT t", "SELECT t × 3"]
    assert spans[-1].attributes["djmetrics.folded.count"] == 3
    assert spans[-1].attributes["djmetrics.folded.duration"] == pytest.approx(3e-8)


def test_dropped(request_):
    """What found no place is counted on the server span; so is what was spilled, but for what was kept of it."""
    record, span = request_
    for number in range(20):
        operation(Subject("timed", str(number)))
    span.spilled = Spilled(10, 10)
    span.spilled.add([operation(DB)], ())
    record.operations.pop()
    record.spilled = 11
    for number in range(200):
        span.set_attribute(str(number), number)
    spans = made(record, span, most=10)
    assert len(spans) == 10
    assert spans[0].attributes["djmetrics.dropped.operations"] == 10 + 20 + 1 - 9
    assert spans[0].attributes["djmetrics.dropped.attributes"] == 72


def foreign(trace_id=1, flags=1, start=None):
    """A span of another library."""
    if start is None:
        return NonRecordingSpan(SpanContext(trace_id, 77, False, TraceFlags(flags)))
    span = TracerProvider(shutdown_on_exit=False).get_tracer("x").start_span("x", start_time=start)
    span._context = SpanContext(trace_id, 77, False, TraceFlags(flags))
    return span


@pytest.mark.parametrize(
    "around, parent",
    [
        (foreign(), 77),
        (foreign(trace_id=5), None),  # of another trace: left current by somebody
        (foreign(flags=0), None),  # it will not be sent
        ("no span", None),
    ],
)
def test_under_another_library_s_span(request_, around, parent):
    """An operation lies under the span that is around it, if that is of this trace and will be there."""
    record, span = request_
    view = recorder.begin(VIEW)
    operation(DB, around=around)
    recorder.end(view)
    _, shown, query = made(record, span)
    assert query.parent.span_id == (parent or shown.context.span_id)


def test_layer_inside_another_library_s_span(request_):
    """A layer that began inside the span around an operation is nearer; one around the span is not."""
    record, span = request_
    offset = record.started_at - record.start
    view = recorder.begin(VIEW)
    view.around = foreign(start=view.start - 5 + offset)
    recorder.end(view)
    for start in (view.start - 7, view.start - 3):
        record.layers[:] = [Layer(LAYER, start, view.end + 1, 1, None)]
        root = record.root
        units.close(record)
        record.root = root
        maker = Spans(Resource({}), InstrumentationScope("x"), most=100, fold_after=100, capture_path=False)
        _, layer, shown = maker.of(record, span)
        expected = 77 if start < view.start - 5 else layer.context.span_id
        assert shown.parent.span_id == expected


def test_without_a_database(request_):
    """Statements that another instrumentation shows are left out; connects are not, nor what others hang on."""
    record, span = request_
    shown = Subject("db", "SELECT t", {"db.system.name": "sqlite"})
    statement = Statement(shown, "SELECT 1", True)
    operation(shown).detail = statement
    operation(Subject("db", "CONNECT", {"db.system.name": "sqlite"}))
    operation(DB).detail = Statement(DB, "SELECT 1", True)
    held = recorder.begin(shown)
    held.detail = statement
    span.get_span_context()
    operation(CACHE)
    recorder.end(held)
    names = ["GET runs/", "CONNECT", "SELECT t", "SELECT t", "cache get"]
    unsampled = made(record, span, without=frozenset({"sqlite"}))
    assert [each.name for each in unsampled] == [
        names[0],
        "SELECT t",
        *names[1:],
    ]  # the other one shows nothing
    span.context = SpanContext(1, 2, False, TraceFlags(1))
    spans = made(record, span, without=frozenset({"sqlite"}))
    assert [each.name for each in spans] == names
    assert spans[4].parent.span_id == spans[3].context.span_id == span.ids[held]
