"""The provider: the application's own, or one from the standard variables."""

import logging
import os
import socket

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from djmetrics.exporters.opentelemetry import provider as providers
from djmetrics.exporters.opentelemetry.provider import Provider, exporters, resource


class Entry:
    """An entry point."""

    def __init__(self, name: str) -> None:
        self.name = name

    def load(self):
        return lambda: f"exporter {self.name}"


@pytest.fixture(autouse=True)
def without_variables(monkeypatch):
    """No standard variable is set; exporters are those of the SDK's names."""
    for name in [each for each in os.environ if each.startswith("OTEL_")]:
        monkeypatch.delenv(name)

    def entry_points(group: str, name: str):
        assert group == "opentelemetry_traces_exporter"
        return [Entry(name)] if name in ("otlp_proto_http", "otlp_proto_grpc", "console") else []

    monkeypatch.setattr(providers, "entry_points", entry_points)


def made(build=lambda makers: SpanProcessor()) -> Provider:
    return Provider(build, "mysite", "1.2.3", "0.1.0")


def test_application_s_own():
    """A provider that the application set is used as it is."""
    own = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(own)
    provider = made(lambda makers: pytest.fail("nothing is built"))
    tracer = provider.tracer()
    assert tracer is provider.tracer()
    assert tracer.resource is own.resource
    assert not provider.is_ours


def test_set_before_the_first_request():
    """It may be set after djmetrics was started."""
    provider = made(lambda makers: pytest.fail("nothing is built"))
    own = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(own)
    assert provider.tracer().resource is own.resource


@pytest.mark.parametrize("before", [None, trace.NoOpTracerProvider()])
def test_ours(before):
    """Without one we build it, for all: with the site's name and release, and the exporters that are asked for.

    A site that set one that does nothing wants no spans of its own.
    """
    if before is not None:
        trace.set_tracer_provider(before)
    asked = []

    class Processor(SpanProcessor):
        ended = 0

        def on_end(self, span):
            Processor.ended += 1

    provider = made(lambda makers: (asked.extend(makers), Processor())[1])
    tracer = provider.tracer()
    assert provider.is_ours
    assert [make() for make in asked] == ["exporter otlp_proto_http"]
    assert tracer.resource.attributes["service.name"] == "mysite"
    assert tracer.resource.attributes["service.version"] == "1.2.3"
    trace.get_tracer("site").start_span("a").end()
    assert Processor.ended == (0 if before else 1)
    tracer.start_span("ours").end()
    assert Processor.ended == (1 if before else 2)
    tracer.span_processor.shutdown()


def test_the_site_may_set_its_own_later(caplog):
    """As a command does when it is timed already: OpenTelemetry takes it, and from then on we use it too."""
    provider = made()
    ours = provider.tracer()
    own = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(own)
    assert trace.get_tracer_provider() is own
    assert caplog.text == ""
    assert provider.tracer() is not ours
    assert provider.tracer().span_processor is own._active_span_processor
    assert not provider.is_ours
    assert provider.tracer() is provider.tracer()


def test_switched_off(monkeypatch):
    """OTEL_SDK_DISABLED switches traces off."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", " True ")
    assert made().tracer() is None


def test_a_stranger_s(caplog):
    """A provider that is not the SDK's makes no spans that could be kept: said once."""

    class Strange(trace.TracerProvider):
        def get_tracer(self, *args, **kwargs):
            return trace.NoOpTracer()

    trace.set_tracer_provider(Strange())
    provider = made()
    with caplog.at_level(logging.WARNING, "djmetrics"):
        assert provider.tracer() is None
        assert provider.tracer() is None
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    assert "Strange" in caplog.text


def test_failure_is_tried_once():
    """Where it cannot be built, requests after the first one do not pay for that."""
    calls = []

    def build(makers):
        calls.append(1)
        raise ValueError

    provider = made(build)
    with pytest.raises(ValueError):  # noqa: PT011
        provider.tracer()
    assert provider.tracer() is None
    assert calls == [1]


@pytest.mark.parametrize(
    "variables, expected",
    [
        ({}, ["otlp_proto_http"]),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ["otlp_proto_grpc"]),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ["otlp_proto_http"]),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"},
            ["otlp_proto_grpc"],
        ),
        ({"OTEL_TRACES_EXPORTER": "none"}, []),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ["console", "otlp_proto_http"]),
        ({"OTEL_TRACES_EXPORTER": "otlp_proto_grpc"}, ["otlp_proto_grpc"]),
    ],
)
def test_exporters(monkeypatch, variables, expected):
    """Which exporters the standard variables ask for."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert [make() for make in exporters()] == [f"exporter {each}" for each in expected]


@pytest.mark.parametrize(
    "name, value, asked, says",
    [
        (
            "OTEL_TRACES_EXPORTER",
            "zipkin_json",
            ["zipkin_json"],
            "pip install opentelemetry-exporter-zipkin-json",
        ),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http/json",
            [],
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/json is no protocol",
        ),
    ],
)
def test_exporter_that_is_not_there(monkeypatch, caplog, name, value, asked, says):
    """One that is not installed is named, with what to install; of what cannot be the variable is."""
    monkeypatch.setenv(name, value)
    with caplog.at_level(logging.ERROR, "djmetrics"):
        (absent,) = exporters()
        with pytest.raises(LookupError):
            absent()  # what it would have sent is counted as failed
    assert says in caplog.text
    assert providers.missing_exporters() == asked
    made().tracer()  # one of ours, as the command `check` itself makes one, is none of the site's
    assert providers.missing_exporters() == asked
    trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    assert providers.missing_exporters() == []


def test_resource(monkeypatch):
    """What the variables say of this process wins over what we know."""
    known = resource("mysite", "").attributes
    assert known["service.name"] == "mysite"
    assert "service.version" not in known
    assert known["host.name"] == socket.gethostname()
    assert known["process.pid"] == os.getpid()
    monkeypatch.setenv("OTEL_SERVICE_NAME", "another")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=9,deployment.environment.name=test")
    said = resource("mysite", "1").attributes
    assert (said["service.name"], said["service.version"]) == ("another", "9")
    assert said["deployment.environment.name"] == "test"


def test_a_provider_that_cannot_be_loaded(monkeypatch, caplog):
    """One that the variable names is looked for once, and not with each request; the site may still set its own."""
    monkeypatch.setenv("OTEL_PYTHON_TRACER_PROVIDER", "no_such_provider")
    provider = made(lambda makers: pytest.fail("nothing is built"))
    with pytest.raises(StopIteration):
        provider.tracer()
    caplog.clear()
    assert provider.tracer() is None
    assert provider.tracer() is None
    assert caplog.text == ""
    own = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(own)
    assert provider.tracer().resource is own.resource
