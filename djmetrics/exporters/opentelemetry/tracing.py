"""Makes a request's trace current while it runs, so that other libraries' spans and outgoing headers nest under it."""

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import context as context_api
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.sampling import Decision, ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind, TraceFlags

from ... import semconv
from ...record import Operation, Record
from .headers import Headers, variable
from .ids import ids_for
from .span import RequestSpan

NOTE = "opentelemetry"
"""Under which name a record's notes hold its span."""


def foreign_span() -> trace.Span | None:
    """The span of another library that is current here, if any."""
    span = trace.get_current_span()
    return None if type(span) is RequestSpan else span


def _here() -> Context:
    """What is current here.

    Where that is a request's that is over, because the site gave a token back after the request, it is what was around
    that: else all that comes later on this thread would join its trace.
    """
    here = context_api.get_current()
    while here:
        span = trace.get_current_span(here)
        if type(span) is not RequestSpan or span.record is not None:
            break
        here = span.outside
    return here


class Tracing:
    """OpenTelemetry's notion of what is going on: an ``ambient.Context``.

    ``tracer`` gives the SDK's tracer, or None where traces are switched off; ``running`` the operation that runs where
    it is called. ``sample_rate`` is the share of new traces chosen at their start, None if the provider's sampler says.
    """

    def __init__(
        self,
        tracer: Callable[[], Tracer | None],
        running: Callable[[], Operation | None],
        sample_rate: float | None = None,
    ) -> None:
        self._tracer = tracer
        self._sampler = None if sample_rate is None else ParentBasedTraceIdRatio(sample_rate)
        self._running = running
        self._getter = Headers()
        self._fields: tuple[object, tuple[str, ...]] = (None, ())

    def begin(self, record: Record) -> None:
        """Give the record its trace: the one that the request's headers name, or a new one."""
        tracer = self._tracer()
        here = _here()
        if tracer is None:
            _name_theirs(record, trace.get_current_span(here).get_span_context())
            return
        around = self._around(_apart(here, record), record.carrier)
        caller = trace.get_current_span(around).get_span_context()
        parent = caller if caller.is_valid else None
        trace_id, span_id = ids_for(tracer.id_generator, 0 if parent is None else parent.trace_id)
        is_request = record.kind == "request"
        kind = SpanKind.SERVER if is_request else SpanKind.INTERNAL
        attributes = {semconv.HTTP_REQUEST_METHOD: record.method} if is_request else {}
        name = record.method or record.view
        chosen = (self._sampler or tracer.sampler).should_sample(around, trace_id, name, kind, attributes, ())
        record.chosen = record.kept = chosen.decision is Decision.RECORD_AND_SAMPLE
        record.trace_id, record.span_id = trace_id, span_id
        flags = TraceFlags(TraceFlags.SAMPLED if record.kept else TraceFlags.DEFAULT)
        span = RequestSpan(record, flags, chosen.trace_state, parent, self._running, foreign_span)
        span.outside = here
        if chosen.attributes:
            span.set_attributes(chosen.attributes)
        record.notes = {NOTE: (span, trace.set_span_in_context(span, around))}

    def enter(self, record: Record) -> Context | None:
        """Make the request's context current."""
        if record.notes is None or NOTE not in record.notes:
            return None
        outer = _here()
        context_api.attach(record.notes[NOTE][1])
        return outer

    def identity(self) -> tuple[int, int] | None:
        """The ids of the current span, the site's own ones included; none of a request that is over."""
        span = trace.get_current_span(_here())
        context = span.context if type(span) is RequestSpan else span.get_span_context()
        return (context.trace_id, context.span_id) if context.is_valid else None

    def leave(self, before: Context | None) -> None:
        """Make current what was before. By value: a token may be given back only where it was got."""
        if before is not None:
            context_api.attach(before)

    def keep(self) -> Context:
        """The current context: a generator's spans stay current while it stands still, but nowhere else."""
        return context_api.get_current()

    def restore(self, kept: Context) -> None:
        """Make it current again."""
        context_api.attach(kept)

    def _around(self, here: Context, carrier: Mapping[str, Any] | None) -> Context:
        """The context that the request came in: what is current here, else what its headers say.

        Where a span is current, what made it has read the headers: an instrumented server around the site.
        """
        if carrier is None or trace.get_current_span(here).get_span_context().is_valid:
            return here
        textmap = propagate.get_global_textmap()
        known, names = self._fields
        if known is not textmap:
            names = tuple(variable(each) for each in textmap.fields)
            self._fields = textmap, names
        for name in names:
            if name in carrier:
                return textmap.extract(carrier, here, self._getter)
        return here


def _apart(here: Context, record: Record) -> Context:
    """``here`` without a worker's span: its tasks would all be of one trace, as long as the worker lives."""
    around = trace.get_current_span(here)
    outer = around.record if type(around) is RequestSpan else None
    if record.kind == "task" and outer is not None and outer.kind == "command":
        return trace.set_span_in_context(trace.INVALID_SPAN, here)
    return here


def _name_theirs(record: Record, theirs: trace.SpanContext) -> None:
    """Where another instrumentation makes the trace, exemplars and events lead to that, if it is kept."""
    if theirs.is_valid and theirs.trace_flags.sampled:
        record.trace_id, record.span_id = theirs.trace_id, theirs.span_id


def span_of(record: Record) -> RequestSpan | None:
    """The span that stood for the record."""
    note = (record.notes or {}).get(NOTE)
    return note[0] if note else None
