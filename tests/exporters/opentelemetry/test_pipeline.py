"""The pipeline: records and spans become sent spans; each is counted once, by how it ended."""

import logging
import time
from threading import Event

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, TraceFlags

from djmetrics import guard, tally, units
from djmetrics.exporters.opentelemetry import failures
from djmetrics.exporters.opentelemetry.pipeline import Pipeline
from djmetrics.exporters.opentelemetry.provider import exporters
from djmetrics.exporters.opentelemetry.span import RequestSpan


class Sink(SpanExporter):
    """An exporter that answers as it is told."""

    def __init__(self, answer=SpanExportResult.SUCCESS) -> None:
        self.answer = answer
        self.spans: list[ReadableSpan] = []
        self.closed = 0

    def export(self, spans):
        self.spans += spans
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def shutdown(self) -> None:
        self.closed += 1
        if isinstance(self.answer, Exception):
            raise self.answer


class Application(SpanProcessor):
    """An application's processor."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.flushes: list[int] = []

    def on_end(self, span):
        if span.name == "broken":
            raise ValueError
        self.spans.append(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        self.flushes.append(timeout_millis)
        return True


class Made:
    """Stands for ``Spans``: makes two of each record, or fails."""

    def of(self, record, span):
        if record.view == "broken":
            raise ValueError
        return iter([readable("server"), readable("view")])


def readable(name: str, flags: int = 1) -> ReadableSpan:
    """A finished span of the site's."""
    return ReadableSpan(name, SpanContext(1, 2, False, TraceFlags(flags)), resource=Resource.get_empty())


@pytest.fixture
def finished():
    """A function that makes a finished record and its span."""

    def make(view: str = "view"):
        record = units.open(view=view)
        span = RequestSpan(record, TraceFlags(1), None, None, lambda: None, lambda: None)
        return record, span

    return make


def counts() -> dict[str, int]:
    """What was counted since the last time, by result."""
    return {values[1]: amount for metric, values, amount in tally.take()}


def made(*exporters, queue_size=100):
    pipeline = Pipeline(queue_size, 10.0, [lambda each=each: each for each in exporters])
    pipeline.spans = Made()
    return pipeline


def test_sent(finished):
    """Records and the site's spans go to every exporter, in their order; the end closes each."""
    first, second = Sink(), Sink()
    pipeline = made(first, second)
    pipeline.on_start(readable("site"))
    pipeline.on_end(readable("site"))
    pipeline.add(*finished(), 5)
    assert pipeline.force_flush()
    assert [each.name for each in first.spans] == ["site", "server", "view"]
    assert first.spans == second.spans
    pipeline.shutdown()
    assert (first.closed, second.closed) == (1, 1)
    assert counts() == {"sent": 6}


@pytest.mark.parametrize("answer", [SpanExportResult.FAILURE, ValueError()])
def test_failed(answer, lenient):
    """An exporter that fails, or raises, does not keep the others from theirs, nor itself from the end."""
    bad, good = Sink(answer), Sink()
    pipeline = made(bad, good)
    pipeline.on_end(readable("site"))
    pipeline.on_end(readable("site"))
    pipeline.shutdown()
    assert len(good.spans) == 2
    assert (bad.closed, good.closed) == (1, 1)
    assert counts() == {"failed": 2, "sent": 2}


def test_not_sampled():
    """A span that its own sampler dropped is none of ours."""
    sink = Sink()
    pipeline = made(sink)
    pipeline.on_end(readable("dropped", flags=0))
    pipeline.on_end(ReadableSpan("without a context", resource=Resource.get_empty()))
    pipeline.shutdown()
    assert sink.spans == []
    assert counts() == {}


def test_full(finished):
    """What finds no room is counted by its weight."""
    pipeline = made(Sink(), queue_size=3)
    pipeline.add(*finished(), 5)
    assert counts() == {"dropped": 5}
    pipeline.add(*finished(), 3)
    pipeline.on_end(readable("site"))
    assert counts()["dropped"] == 1
    pipeline.shutdown()
    pipeline.on_end(readable("too late"))
    assert counts() == {"sent": 2, "dropped": 1}


def test_exporter_that_cannot_be_made(lenient):
    """A variable that an exporter does not take: what is lost is counted, and the others work."""
    sink = Sink()

    def broken():
        raise ValueError

    pipeline = Pipeline(100, 10.0, [broken])
    pipeline.on_end(readable("lost"))
    pipeline.shutdown()
    assert counts() == {"failed": 1}
    assert guard.counts["exporters.opentelemetry.exporter"] >= 1

    pipeline = Pipeline(100, 10.0, [broken, lambda: sink])
    pipeline.on_end(readable("not lost"))
    pipeline.shutdown()
    assert len(sink.spans) == 1
    assert counts() == {"sent": 1}


def test_exporter_that_is_not_installed(monkeypatch, caplog):
    """It is told once, in one line that says what to do, and is no failure of ours; what is lost is counted."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "nowhere")
    before = guard.counts.copy()
    pipeline = Pipeline(100, 10.0, exporters())
    pipeline.on_end(readable("lost"))
    pipeline.shutdown()
    assert counts() == {"failed": 1}
    assert guard.counts == before
    [told] = caplog.records
    assert "pip install opentelemetry-exporter-nowhere" in told.getMessage()
    assert told.exc_info is None


def test_without_exporters():
    """With OTEL_TRACES_EXPORTER=none nothing is sent, and nothing is missing."""
    pipeline = Pipeline(100, 10.0)
    pipeline.on_end(readable("site"))
    pipeline.shutdown()
    assert counts() == {}


def test_record_that_cannot_be_made_into_spans(finished, lenient):
    """It is counted; the next ones are sent."""
    sink = Sink()
    pipeline = made(sink)
    pipeline.add(*finished("broken"), 1)
    pipeline.add(*finished(), 1)
    pipeline.shutdown()
    assert [each.name for each in sink.spans] == ["server", "view"]
    assert counts() == {"failed": 1, "sent": 2}


def test_record_before_anything_is_known(finished):
    """Nobody has asked for the tracer yet: nothing to make spans with."""
    sink = Sink()
    pipeline = Pipeline(100, 10.0, [lambda: sink])
    pipeline.add(*finished(), 1)
    pipeline.shutdown()
    assert sink.spans == []


def test_application_s_own_processor(finished, lenient):
    """An application's processor gets the spans one by one; one that it does not take is counted; a flush goes on."""
    application = Application()
    pipeline = Pipeline(100, 10.0, receiver=application)
    pipeline.spans = Made()
    pipeline.add(*finished(), 2)
    pipeline.on_end(readable("broken"))
    pipeline.on_end(readable("site"))
    assert pipeline.force_flush(5_000)
    assert [each.name for each in application.spans] == ["server", "view", "site"]
    assert 1 <= application.flushes[0] <= 5_000
    pipeline.shutdown()
    assert counts() == {"sent": 3, "failed": 1}


def test_flush_in_vain(finished):
    """Where ours does not come to an end, the application's is not asked."""
    application = Application()
    pipeline = Pipeline(100, 0.0, receiver=application)
    pipeline.spans = Made()
    gate = Event()
    hand_on = pipeline._hand_on
    pipeline._hand_on = lambda *args: (gate.wait(20), hand_on(*args))
    pipeline.add(*finished(), 2)
    assert not pipeline.force_flush(1)
    assert application.flushes == []
    pipeline.shutdown()
    assert counts()["dropped"] == 2
    gate.set()


def test_large_batches():
    """Many spans are sent in several calls."""
    calls = []

    class Calls(Sink):
        def export(self, spans):
            calls.append(len(spans))
            return super().export(spans)

    class Big(Made):
        def of(self, record, span):
            return iter([readable("one")] * 300)

    pipeline = Pipeline(10_000, 10.0, [Calls])
    pipeline.spans = Big()
    record = units.open()
    for _ in range(5):
        pipeline.add(record, None, 300)
    pipeline.shutdown()
    assert sum(calls) == 1500
    assert max(calls) <= 600


def test_exporters_are_of_one_process(monkeypatch):
    """A child makes its own exporters: a connection is of the process that opened it."""
    import os

    pipeline = Pipeline(100, 10.0, [Sink])
    first = pipeline._own_exporters()
    assert pipeline._own_exporters() is first
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    assert pipeline._own_exporters() is not first


def test_application_that_takes_its_time(finished):
    """A processor that keeps to no time does not hold up who waits for it; one that fails is counted."""

    class Slow(Application):
        gate = Event()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return self.gate.wait(20)

    pipeline = Pipeline(100, 10.0, receiver=Slow())
    pipeline.spans = Made()
    pipeline.add(*finished(), 2)
    began = time.monotonic()
    assert not pipeline.force_flush(300)
    assert time.monotonic() - began < 10
    Slow.gate.set()
    assert pipeline.force_flush(10_000)
    pipeline.shutdown()


def test_application_that_fails_to_flush(lenient):
    """Its failure is counted, and no success."""

    class Failing(Application):
        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            raise ValueError

    pipeline = Pipeline(100, 10.0, receiver=Failing())
    assert not pipeline.force_flush(10_000)
    assert guard.counts["exporters.opentelemetry.flush"] >= 1


class Hanging(Sink):
    """An exporter whose attempts do not come back, and which says of each what OpenTelemetry's say."""

    def __init__(self, says: str = "") -> None:
        super().__init__()
        self.says = says
        self.begun, self.gate = Event(), Event()

    def export(self, spans):
        self.begun.set()
        if self.says:
            logging.getLogger("opentelemetry.exporter.of_a_test").warning(self.says)
        self.gate.wait(20)
        return super().export(spans)


@pytest.fixture
def forgetful(monkeypatch):
    """Nothing was told before."""
    monkeypatch.setattr(failures, "_told", Event())
    logging.getLogger("opentelemetry.exporter.of_a_test")


@pytest.mark.parametrize("says, at_least, at_most", [("", 0.9, 8), ("no route", 0, 0.9)])
def test_end_of_a_command(finished, forgetful, says, at_least, at_most):
    """Nobody who types a command waits long for a collector that hangs, nor at all once an attempt failed."""
    sink = Hanging(says)
    pipeline = Pipeline(100, 10.0, [lambda: sink])
    pipeline.spans = Made()
    record, span = finished()
    record.kind = "command"
    pipeline.add(record, span, 2)
    assert pipeline._failures.happened.wait(10) if says else sink.begun.wait(10)
    began = time.monotonic()
    pipeline.shutdown()
    assert at_least <= time.monotonic() - began < at_most
    assert counts()["dropped"] == 2
    sink.gate.set()


def test_end_of_a_server(finished):
    """What did not come to its end before the worker's end is not waited for once more."""
    sink = Hanging()
    pipeline = Pipeline(100, 0.5, [lambda: sink])
    pipeline.spans = Made()
    pipeline.add(*finished(), 2)
    pipeline.finish()
    began = time.monotonic()
    pipeline.shutdown()
    assert time.monotonic() - began < 0.4
    assert counts()["dropped"] == 2
    sink.gate.set()


def test_failures_are_told_once(finished, forgetful, caplog):
    """What an exporter says of each attempt is one line of ours; what others log with it stays."""
    sink = Hanging("no route")
    sink.gate.set()
    pipeline = Pipeline(100, 10.0, [lambda: sink])
    pipeline.spans = Made()
    for _ in range(3):
        pipeline.add(*finished(), 2)
        pipeline.force_flush(10_000)
    logging.getLogger("opentelemetry.exporter.of_a_test").warning("another's")
    told = [(each.name, each.getMessage()) for each in caplog.records]
    assert [name for name, _ in told] == ["djmetrics", "opentelemetry.exporter.of_a_test"]
    assert told[0][1].startswith("djmetrics cannot send traces: no route. What is not sent is counted")
    assert told[1][1] == "another's"
    pipeline.shutdown()
    assert logging.getLogger("opentelemetry.exporter.of_a_test").filters == []
