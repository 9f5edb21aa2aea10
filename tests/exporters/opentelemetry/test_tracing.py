"""The trace that a request gets, and how it is made current."""

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as context_api
from opentelemetry.propagate import get_global_textmap, set_global_textmap
from opentelemetry.propagators.textmap import DefaultGetter, TextMapPropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
)

from djmetrics import units
from djmetrics.exporters.opentelemetry.headers import Headers, variable
from djmetrics.exporters.opentelemetry.span import RequestSpan
from djmetrics.exporters.opentelemetry.tracing import Tracing, foreign_span, span_of
from djmetrics.record import Subject

CALLER = {"HTTP_TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
UNSAMPLED = {"HTTP_TRACEPARENT": CALLER["HTTP_TRACEPARENT"][:-1] + "0"}


def tracing(sampler: Sampler = ALWAYS_ON, rate: float | None = None, **kwargs) -> Tracing:
    tracer = TracerProvider(sampler=sampler, shutdown_on_exit=False).get_tracer("djmetrics")
    return Tracing(lambda: tracer, lambda: None, rate, **kwargs)


def begun(made: Tracing, carrier=None):
    record = units.open()
    record.method = "GET"
    record.carrier = carrier
    made.begin(record)
    return record


def test_new_trace():
    """Without a caller the trace is new, and the span has no parent."""
    record = begun(tracing(), {})
    span = span_of(record)
    assert record.trace_id
    assert record.span_id
    assert span.parent is None
    assert record.kept
    assert span.context.trace_flags.sampled
    assert begun(tracing()).trace_id != record.trace_id


def test_caller_s_trace():
    """The caller's trace goes on; the ids of the record are those of its server span."""
    record = begun(tracing(), {**CALLER, "HTTP_TRACESTATE": "a=b"})
    span = span_of(record)
    assert f"{record.trace_id:032x}" == CALLER["HTTP_TRACEPARENT"][3:35]
    assert span.parent.span_id == 0xB7AD6B7169203331
    assert record.span_id not in (0, span.parent.span_id)
    assert span.context.trace_state == {"a": "b"}


@pytest.mark.parametrize("outer, inner, apart", [("command", "task", True), ("command", "command", False)])
def test_a_worker_s_tasks_have_traces_of_their_own(outer, inner, apart):
    """A worker lives on: one trace would hold all that it ever does. What else runs inside stays in the trace."""
    made = tracing()
    around = units.open(Subject(outer, outer), outer)
    made.begin(around)
    before = made.enter(around)
    try:
        token = context_api.attach(baggage.set_baggage("tier", "gold"))
        within = units.open(Subject(inner, inner), inner)
        made.begin(within)
        assert baggage.get_baggage("tier", within.notes["opentelemetry"][1]) == "gold"
        context_api.detach(token)
    finally:
        made.leave(before)
    assert (span_of(within).parent is None) is apart
    assert (within.trace_id != around.trace_id) is apart


@pytest.mark.parametrize(
    "header", ["", "nonsense", "00-0-0-01", "00-" + "0" * 32 + "-b7ad6b7169203331-01", None, 5]
)
def test_nonsense(header):
    """A header that makes no sense begins a new trace."""
    record = begun(tracing(), {"HTTP_TRACEPARENT": header})
    assert record.trace_id
    assert span_of(record).parent is None


@pytest.mark.parametrize(
    "sampler, carrier, rate, kept",
    [
        (ALWAYS_ON, {}, None, True),
        (ALWAYS_OFF, {}, None, False),
        (ALWAYS_OFF, {}, 1.0, True),
        (ALWAYS_ON, {}, 0.0, False),
        (ALWAYS_ON, CALLER, 0.0, True),
        (ALWAYS_ON, UNSAMPLED, 1.0, False),
        (ParentBased(ALWAYS_ON), UNSAMPLED, None, False),
        (ParentBased(ALWAYS_OFF), CALLER, None, True),
    ],
)
def test_who_chooses(sampler, carrier, rate, kept):
    """The caller's flag, else SAMPLE_RATE, else the provider's sampler; what is sent on says the same."""
    record = begun(tracing(sampler, rate), dict(carrier))
    assert record.kept is kept
    assert span_of(record).context.trace_flags.sampled is kept


def test_sampler_that_says_more():
    """A sampler's attributes are on the span; one that only wants to look on keeps nothing."""

    class Looking(Sampler):
        def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
            assert attributes == {"http.request.method": "GET"}
            assert kind is trace.SpanKind.SERVER
            return SamplingResult(Decision.RECORD_ONLY, {"rule": 7})

        def get_description(self):
            return ""

    record = begun(tracing(Looking()))
    assert not record.kept
    assert span_of(record).attributes == {"rule": 7}


def test_baggage():
    """Baggage comes in with the caller's context, also without a trace."""
    record = begun(tracing(), {"HTTP_BAGGAGE": "a=b"})
    made = tracing()
    before = made.enter(record)
    assert baggage.get_all() == {"a": "b"}
    made.leave(before)
    assert baggage.get_all() == {}


def test_other_propagators():
    """Whatever the site has chosen as its propagator is asked, and looks at its own headers."""

    class Own(TextMapPropagator):
        fields = {"x-own"}

        def extract(self, carrier, context=None, getter=DefaultGetter()):  # noqa: B008
            assert sorted(getter.keys(carrier)) == ["x-other", "x-own"]
            assert getter.get(carrier, "x-none") is None
            return baggage.set_baggage("own", getter.get(carrier, "X-Own")[0], context)

        def inject(self, carrier, context=None, setter=None):
            raise NotImplementedError

    before = get_global_textmap()
    made = tracing()
    set_global_textmap(Own())
    try:
        record = begun(made, {"HTTP_X_OWN": "5", "HTTP_X_OTHER": "6", "SERVER_NAME": "x"})
        outer = made.enter(record)
        assert baggage.get_all() == {"own": "5"}
        made.leave(outer)
    finally:
        set_global_textmap(before)
    begun(made, dict(CALLER))


def test_current_and_back():
    """Inside, the request's span is current; afterwards what was before, by value."""
    made = tracing()
    record = begun(made)
    before = made.enter(record)
    assert trace.get_current_span() is span_of(record)
    inner = made.enter(record)
    kept = made.keep()
    made.leave(inner)
    assert trace.get_current_span() is span_of(record)
    made.leave(before)
    assert trace.get_current_span() is trace.INVALID_SPAN
    made.restore(kept)
    assert trace.get_current_span() is span_of(record)
    made.leave(before)
    assert context_api.get_current() == before


def test_current_span_is_the_parent():
    """Where a span is current already, it is the parent, and the caller's headers are its maker's to read."""
    made = tracing()
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("server")
    with tracer.start_as_current_span("asgi") as outer:
        record = begun(made, dict(CALLER))
    assert span_of(record).parent == outer.get_span_context()


def test_without_a_tracer():
    """Where traces are switched off, nothing is made and nothing becomes current."""
    made = Tracing(lambda: None, lambda: None)
    record = begun(made)
    assert record.trace_id == 0
    assert span_of(record) is None
    before = made.enter(record)
    assert before is None
    made.leave(before)
    record.notes = {"another": 1}
    assert made.enter(record) is None
    assert span_of(record) is None


def test_foreign_span():
    """The request's own span is no other library's."""
    made = tracing()
    record = begun(made)
    before = made.enter(record)
    assert foreign_span() is None
    with TracerProvider(shutdown_on_exit=False).get_tracer("x").start_as_current_span("x") as span:
        assert foreign_span() is span
    made.leave(before)
    assert type(span_of(record)) is RequestSpan


def test_headers():
    """Headers are read as CGI has them."""
    assert variable("Trace-Parent") == "HTTP_TRACE_PARENT"
    headers = Headers()
    assert headers.get({"HTTP_A_B": "c"}, "a-b") == ["c"]
    assert headers.get({"HTTP_A_B": 5}, "a-b") is None
    assert headers.keys({"HTTP_A_B": "c", "PATH_INFO": "/"}) == ["a-b"]


def test_token_given_back_too_late():
    """A context that the site leaves after the request makes its trace current again, for no other one."""
    made = tracing()
    outer = context_api.attach(baggage.set_baggage("worker", "7"))
    try:
        first = begun(made)
        before = made.enter(first)
        token = context_api.attach(baggage.set_baggage("tenant", "1"))
        made.leave(before)
        span_of(first).close()
        context_api.detach(token)
        assert trace.get_current_span() is span_of(first)

        assert made.identity() is None
        second = begun(made)
        assert second.trace_id != first.trace_id
        assert span_of(second).parent is None
        before = made.enter(second)
        assert dict(baggage.get_all()) == {"worker": "7"}
        made.leave(before)
        assert trace.get_current_span() is trace.INVALID_SPAN
        assert dict(baggage.get_all()) == {"worker": "7"}
    finally:
        context_api.detach(outer)


BAGGAGE = {
    "a=1,b=2": {"a": "1", "b": "2"},
    "a=1;p=2;q, b = %20x ": {"a": "1;p=2;q", "b": "x"},
    'a=1,nonsense,=,b c=2,d="x",e=é,f=1;': {"a": "1"},
    ",".join(["nonsense"] * 500): {},
    "a=1," + "b" * 8_192: {},
    "a=1,b=" + "c" * 4_096: {"a": "1"},
    ",".join(f"k{number}=v" for number in range(500)): {f"k{number}": "v" for number in range(180)},
}


@pytest.mark.parametrize("header", BAGGAGE, ids=range(len(BAGGAGE)))
def test_baggage_of_a_client(header, caplog):
    """What is well formed is kept; and whatever a client sends, nobody fills the log with it."""
    record = begun(tracing(), {"HTTP_BAGGAGE": header})
    _, around = record.notes["opentelemetry"]
    assert dict(baggage.get_all(around)) == BAGGAGE[header]
    assert caplog.text == ""


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STATES = {
    "a=b,c=d": {"a": "b", "c": "d"},
    " a=b ,\tt3nant@v=d e,,": {"a": "b", "t3nant@v": "d e"},
    "nonsense": {},
    "a=b,nonsense": {},
    "a=b,A=c": {},
    "a=é": {},
    "a=b,a=c": {},
    "x" * 8_000: {},
    ",".join(f"k{number}=v" for number in range(32)): {f"k{number}": "v" for number in range(32)},
    ",".join(f"k{number}=v" for number in range(33)): {},
    "a=b," + "," * 8_192: {},
}


@pytest.mark.parametrize("header", STATES, ids=range(len(STATES)))
def test_tracestate_of_a_client(header, caplog):
    """What is well formed is handed on, the trace is joined in any case, and nobody fills the log."""
    record = begun(tracing(), {"HTTP_TRACEPARENT": PARENT, "HTTP_TRACESTATE": header})
    span, _ = record.notes["opentelemetry"]
    assert span.parent.span_id == 0xB7AD6B7169203331
    assert dict(span.parent.trace_state) == STATES[header]
    assert caplog.text == ""


@pytest.mark.parametrize("header", ["x" * 8_000, PARENT + " " * 500, "é", "", PARENT.replace("0af", "xyz")])
def test_traceparent_of_a_client(header, caplog):
    """What is none begins a trace, and nobody is told."""
    record = begun(tracing(), {"HTTP_TRACEPARENT": header})
    span, _ = record.notes["opentelemetry"]
    assert span.parent is None
    assert caplog.text == ""
