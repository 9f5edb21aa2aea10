"""What traces change of the site: nothing, though its own use of OpenTelemetry goes beyond the end of a request."""

import asyncio
import time
from typing import Any

import pytest
from django.core.management import BaseCommand, call_command
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider

from djmetrics import runtime

from . import site
from .conftest import memory_of

pytestmark = pytest.mark.django_db


def attached(request: Any) -> StreamingHttpResponse:
    """Baggage that the view attaches and its stream gives back."""
    token = context.attach(baggage.set_baggage("tenant", "1"))

    def parts() -> Any:
        try:
            yield str(dict(baggage.get_all()))
        finally:
            context.detach(token)

    return StreamingHttpResponse(parts())


async def attached_async(request: Any) -> StreamingHttpResponse:
    """The same, async."""
    token = context.attach(baggage.set_baggage("tenant", "1"))

    async def parts() -> Any:
        try:
            yield str(dict(baggage.get_all()))
        finally:
            context.detach(token)

    return StreamingHttpResponse(parts())


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two views above, beside the site's."""
    more = [path("attached/", attached), path("attached-async/", attached_async)]
    monkeypatch.setattr(site, "urlpatterns", [*site.urlpatterns, *more])


def test_baggage_of_a_stream(memory, switched_on, streams):
    """What the view attached is there while its body is streamed, as it is in plain Django."""

    def asked() -> list[bytes]:
        return [b"".join(Client().get("/attached/").streaming_content) for _ in range(2)]

    with switched_on():
        assert asked() == [b"{'tenant': '1'}"] * 2
        spans = memory.take()
    servers = [each for each in spans.all if each.kind is trace.SpanKind.SERVER]
    assert len({each.context.trace_id for each in servers}) == 2
    assert [each.parent for each in servers] == [None, None]


def test_baggage_of_an_async_stream(memory, switched_on, streams):
    """The same in a task."""

    async def asked() -> list[bytes]:
        response = await AsyncClient().get("/attached-async/")
        try:
            return [part async for part in response.streaming_content]
        finally:
            response.close()

    with switched_on():
        assert asyncio.run(asked()) == [b"{'tenant': '1'}"]


def test_command_that_sets_its_own_provider(switched_on, monkeypatch, caplog):
    """It is timed already when it does; its provider is taken, and its own spans go there."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    kept, ours = [], []

    class Command(BaseCommand):
        def handle(self, *args: Any, **options: Any) -> None:
            ours.append(trace.get_tracer_provider())
            kept.append(memory_of(TracerProvider(shutdown_on_exit=False)))
            with trace.get_tracer("site").start_as_current_span("work"):
                pass

    with switched_on():
        call_command(Command())
        call_command(Command())
        kept[0].take()
    ours[0].shutdown()
    assert [each.name for each in kept[0].all].count("work") == 2
    assert "Overriding" in caplog.text  # by the site itself, the second time
    assert len([each for each in caplog.records if "Overriding" in each.getMessage()]) == 1


def test_stop_waits_for_no_collector(switched_on, monkeypatch):
    """With a provider of ours, which goes on, there is nothing to wait for: ``override_settings`` takes no time."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with switched_on(SHUTDOWN_TIMEOUT=20.0):
        Client().get("/hello/")
        began = time.monotonic()
        runtime.stop()
        assert time.monotonic() - began < 10
        runtime.start()


def test_two_streams_at_once(memory, switched_on, streams):
    """A body that is left half-way keeps nothing of its context in the next request."""
    with switched_on():
        first = Client().get("/attached/")
        parts = iter(first.streaming_content)
        next(parts)
        Client().get("/outgoing/")
        assert site.seen["baggage"] == {}
        first.close()
        Client().get("/outgoing/")
        assert site.seen["baggage"] == {}
