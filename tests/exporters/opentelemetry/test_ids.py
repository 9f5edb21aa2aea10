"""Ids of traces and spans."""

import random
import socket
import threading

import pytest
from django.test import Client
from opentelemetry import trace
from opentelemetry.sdk.trace import RandomIdGenerator

from djmetrics.exporters.opentelemetry import dice, ids

from . import site


def test_never_zero(monkeypatch):
    """Zero is no id."""
    monkeypatch.setattr(ids.os, "urandom", bytes)
    assert (ids.new_span_id(), ids.new_trace_id()) == (1, 1)


def test_as_long_as_they_are_wide():
    """Of 64 and of 128 bits, and no two alike."""
    assert max(ids.new_span_id().bit_length() for _ in range(200)) > 60
    assert max(ids.new_trace_id().bit_length() for _ in range(200)) > 124
    assert len({ids.new_span_id() for _ in range(1_000)}) == 1_000


@pytest.mark.parametrize("trace_id", [0, 5])
def test_a_site_s_own_generator(trace_id):
    """A generator of the site's, as some vendors want it, is asked."""

    class Own(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            return 7

        def generate_span_id(self) -> int:
            return 8

    assert ids.ids_for(Own(), trace_id) == (trace_id or 7, 8)
    known, new = ids.ids_for(RandomIdGenerator(), trace_id)
    assert known == trace_id or not trace_id
    assert new not in (7, 8)


@pytest.mark.django_db
def test_a_site_s_random_numbers(memory, switched_on):
    """A site that seeds ``random`` gets what it gets without us."""
    random.seed(5)
    expected = [random.random() for _ in range(3)]
    with switched_on():
        random.seed(5)
        Client().get("/page/")
        memory.take()
        assert [random.random() for _ in range(3)] == expected


@pytest.mark.django_db
def test_a_site_s_random_numbers_with_a_provider_of_ours(switched_on, monkeypatch):
    """Neither its own spans, which are real then, nor attempts at a collector that is away draw from ``random``."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        random.seed(5)
        expected = [random.random() for _ in range(3)]
        with switched_on() as exporter:
            random.seed(5)
            Client().get("/hello/")
            site.tracer = trace.get_tracer("site")
            Client().get("/nested/")
            exporter.flush(0.1)
            assert exporter._pipeline._failures.happened.wait(10)
            exporter.flush(10)
            assert [random.random() for _ in range(3)] == expected
            modules = list(dice._modules())
            assert any(vars(each).get("random") is dice._own for each in modules)
    for thread in threading.enumerate():
        if thread.name == "djmetrics-spans":
            thread.join(10)
    assert not any(vars(each).get("random") is dice._own for each in modules)


def test_ids_of_a_provider_of_ours():
    """They are as random as they are said to be."""
    made = ids.Ids()
    assert (
        len({made.generate_span_id() for _ in range(100)} | {made.generate_trace_id() for _ in range(100)})
        == 200
    )
    assert made.is_trace_id_random()
