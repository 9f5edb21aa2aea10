"""The span that stands for a request while it runs."""

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags, TraceState

from djmetrics import recorder, units
from djmetrics.exporters.opentelemetry import span as spans
from djmetrics.exporters.opentelemetry.span import RequestSpan
from djmetrics.exporters.opentelemetry.values import MAX_ATTRIBUTES, MAX_LENGTH, bounded, clean
from djmetrics.record import Subject

VIEW = Subject("view", "view")


class Speechless:
    """Something that fails when it is asked for its text."""

    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


class Broken(dict):
    """A mapping that gives nothing."""

    def items(self):
        raise RuntimeError


RECURSIVE: list = []
RECURSIVE.append(RECURSIVE)


class Hostile(str):
    """Text that runs code of its own when it is cut."""

    def __getitem__(self, key):
        raise AssertionError


@pytest.fixture
def span():
    """The span of an open request."""
    record = units.open()
    record.trace_id, record.span_id = 1, 2
    state = TraceState([("a", "b")])
    return RequestSpan(record, TraceFlags(1), state, None, recorder.current_operation, lambda: "around")


@pytest.fixture
def running(span):
    """A function that begins an operation of that request; all are ended at the end."""
    outer = recorder.make_current(span.record.root)
    yield lambda: recorder.begin(VIEW)
    recorder.make_current(outer)


@pytest.mark.parametrize(
    "value, expected",
    [
        ("text", "text"),
        ("x" * 5_000, "x" * 4_096),
        (True, True),
        (1, 1),
        (1.5, 1.5),
        ([1, "a"], (1, "a")),
        (("a",), ("a",)),
        ([], ()),
        (["x" * 5_000], ("x" * 4_096,)),
        ([[1]], None),
        ([None], None),
        (None, None),
        (b"bytes", None),
        ({}, None),
        (Hostile("a"), None),
        (object(), None),
        (RECURSIVE, None),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        ([-(2**63) - 1], None),
        ("\ud800 é", "? é"),
        (["\ud800"], ("?",)),
    ],
)
def test_bounded(value, expected):
    """What no attribute may hold is left out; the rest is cut to a length."""
    assert bounded(value) == expected


def test_long_lists_are_cut():
    """A list has its greatest length, too."""
    assert len(bounded(list(range(10_000)))) == MAX_LENGTH


def test_clean():
    """Only what has a name and a value is kept, and only so much."""
    assert clean(None) == {}
    assert clean({"a": 1, 2: 3, "b": None}) == {"a": 1}
    assert len(clean({str(n): n for n in range(500)})) == MAX_ATTRIBUTES


def test_context_is_that_of_what_runs(span, running):
    """Whoever asks gets the operation that runs as the parent; always the same id for the same operation."""
    whole = span.get_span_context()
    assert (whole.trace_id, whole.span_id) == (1, 2)
    operation = running()
    context = span.get_span_context()
    assert context == span.get_span_context()
    assert context.trace_id == 1
    assert context.span_id == span.ids[operation] != 2
    assert context.trace_flags == 1
    assert context.trace_state == {"a": "b"}
    recorder.end(operation)
    assert span.get_span_context() == whole


def test_two_threads_that_ask_at_once(span, running, monkeypatch):
    """The one that comes second is given the first one's id: else its children had a parent that is nowhere."""
    operation = running()

    def made_meanwhile() -> int:
        span.ids[operation] = 7
        return 8

    monkeypatch.setattr(spans, "new_span_id", made_meanwhile)
    assert span.get_span_context().span_id == 7
    recorder.end(operation)


def test_what_runs_for_another_record_is_no_parent(span):
    """An operation of another request is not of this trace."""
    other = units.open()
    outer = recorder.make_current(other.root)
    operation = recorder.begin(VIEW)
    assert span.get_span_context().span_id == 2
    recorder.end(operation)
    recorder.make_current(outer)
    assert span.get_span_context().span_id == 2


def test_ids_are_bounded(span, running, monkeypatch):
    """Past so many operations, the parent is the request."""
    monkeypatch.setattr(spans, "MAX_IDS", 1)
    first = running()
    assert span.get_span_context().span_id != 2
    second = running()
    assert span.get_span_context().span_id == 2
    recorder.end(second)
    recorder.end(first)


def test_operations_look_around_from_then_on(span, running):
    """Until somebody asks for the context no other span can be around, and operations are spared to look."""
    before = running()
    recorder.end(before)
    assert not hasattr(before, "around")
    span.get_span_context()
    after = running()
    recorder.end(after)
    assert after.around == "around"


def test_attributes(span):
    """They are kept, the last one of a name; past the limit they are counted."""
    span.set_attributes({"a": 1, "b": 2})
    span.set_attribute("a", 3)
    span.set_attribute("", 1)
    span.set_attribute(None, 1)
    span.set_attribute("c", object())
    assert span.attributes == {"a": 3, "b": 2}
    for number in range(200):
        span.set_attribute(f"n{number}", number)
    assert len(span.attributes) == MAX_ATTRIBUTES
    assert span.dropped == 200 - MAX_ATTRIBUTES + 2
    span.set_attribute("a", 4)
    assert span.attributes["a"] == 4


def test_events_and_links(span):
    """So are events and links."""
    span.add_event("named", {"a": 1}, 5)
    span.add_event("now")
    assert span.events[0] == ("named", {"a": 1}, 5)
    assert span.events[1][2] > 5
    context = SpanContext(3, 4, True)
    span.add_link(context, {"b": 1})
    assert span.links == [(context, {"b": 1})]
    for _ in range(spans.MAX_EVENTS):
        span.add_event("more")
        span.add_link(context)
    assert len(span.events) == len(span.links) == spans.MAX_EVENTS
    assert span.dropped == 3


def test_exceptions(span):
    """Of an exception its class is kept, never its message."""
    span.record_exception(ValueError("secret"), {"a": 1}, 7)
    span.record_exception(Http("secret"))
    assert span.events[0] == ("exception", {"exception.type": "ValueError", "a": 1}, 7)
    assert span.events[1][1]["exception.type"].endswith("test_span.Http")


class Http(Exception):
    """An exception of the site's."""


def test_status(span):
    """The site's own status counts; unset says nothing, and OK is final."""
    span.set_status(StatusCode.UNSET)
    assert span.status is None
    span.set_status(StatusCode.ERROR, "because")
    assert span.status.description == "because"
    span.set_status(Status(StatusCode.OK))
    span.set_status(StatusCode.ERROR)
    assert span.status.is_ok


def test_closed(span, running):
    """After the request nothing is kept any more, and the parent is the request."""
    operation = running()
    span.end()
    assert span.is_recording()
    span.close()
    assert not span.is_recording()
    span.set_attribute("a", 1)
    span.add_event("a")
    span.add_link(SpanContext(3, 4, True))
    span.update_name("a")
    span.set_status(StatusCode.ERROR)
    assert (span.attributes, span.events, span.links, span.name, span.status) == ({}, [], [], "", None)
    assert span.get_span_context().span_id == 2
    recorder.end(operation)


def test_as_opentelemetry_uses_it(span):
    """``use_span`` notes an exception that passes, and the failure."""
    with pytest.raises(ZeroDivisionError), trace.use_span(span):
        raise ZeroDivisionError
    assert span.events[0][1]["exception.type"] == "ZeroDivisionError"
    assert span.status.status_code is StatusCode.ERROR
    assert "ZeroDivisionError" in (span.status.description or "")


def test_a_description_keeps_no_message(span):
    """OpenTelemetry writes an exception's class and message there; a message may hold data."""

    def fails() -> None:
        with trace.use_span(span):
            raise LookupError("secret alice")

    with pytest.raises(LookupError):
        fails()
    assert span.status.description == "LookupError"


def test_long_keys(span):
    """A key is cut like a value: a view may make one of what a client sends."""
    span.set_attribute("k" * 100_000, 1)
    span.add_event("event", {"k" * 100_000: 1})
    assert [len(key) for key in span.attributes] == [255]
    assert [len(key) for key in span.events[0][1]] == [255]


@pytest.mark.parametrize("given", [None, 5, "text", Speechless(), Broken({"a": 1}), [1]])
def test_nothing_that_is_set_fails(span, given):
    """Without djmetrics these calls do nothing, whatever they are given."""
    span.set_attribute("a", given)
    span.set_attribute(given, 1)
    span.set_attributes(given)
    span.add_event(given)
    span.add_event("event", given, given)
    span.add_link(given)
    span.add_link(SpanContext(3, 4, True), given)
    span.update_name(given)
    span.set_status(given)
    span.set_status(StatusCode.ERROR, given)
    span.record_exception(given)
    span.record_exception(ValueError(), given)
    assert all(type(name) is str and type(at) is int for name, _, at in span.events)
    assert [type(context) for context, _ in span.links] == [SpanContext]
    assert isinstance(span.status, Status)


@pytest.mark.parametrize("at", [1.5, -1, "soon", 1 << 64, True, None])
def test_no_such_time(span, at):
    """What is no time is now."""
    span.add_event("event", None, at)
    assert span.events[0][2] > 1_600_000_000_000_000_000


def test_a_status_without_news(span, caplog):
    """Only a failure has a description; the API would warn of any other."""
    span.set_status(StatusCode.OK, "well")
    assert span.status.description is None
    assert not caplog.records
