"""Beside OpenTelemetry's own instrumentations nothing is shown twice: one of both stays quiet."""

import logging

import pytest
from django.test import Client, override_settings
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from djmetrics.exporters.opentelemetry import others

from .conftest import memory_of
from .instrumentations import activate


@pytest.fixture(autouse=True)
def no_others(monkeypatch):
    """None is active, whatever this machine has."""
    for module, name, _ in (("django", "DjangoInstrumentor", None), *others._DRIVERS):
        activate(monkeypatch, module, name, active=False)
    monkeypatch.delenv("OTEL_PYTHON_DJANGO_INSTRUMENT", raising=False)


def test_none():
    """What is imported, and not in use, does nothing."""
    assert not others.django()
    assert others.drivers() == {}


def test_active(monkeypatch):
    """Those in use are found, with the databases that they show."""
    activate(monkeypatch, "django", "DjangoInstrumentor")
    activate(monkeypatch, "psycopg", "PsycopgInstrumentor")
    activate(monkeypatch, "pymysql", "PyMySQLInstrumentor")
    assert others.django()
    assert others.drivers() == {
        "psycopg": frozenset({"postgresql"}),
        "pymysql": frozenset({"mysql", "mariadb"}),
    }


def test_switched_off_by_its_variable(monkeypatch):
    """With this variable Django's instrumentor says that it is active, and installs nothing."""
    activate(monkeypatch, "django", "DjangoInstrumentor")
    monkeypatch.setenv("OTEL_PYTHON_DJANGO_INSTRUMENT", "False")
    assert not others.django()


def test_another_version(monkeypatch):
    """A version that is built otherwise is not believed to be active."""
    import sys
    from types import ModuleType

    broken = ModuleType("opentelemetry.instrumentation.django")
    broken.DjangoInstrumentor = lambda: 1 // 0
    monkeypatch.setitem(sys.modules, broken.__name__, broken)
    assert not others.django()


@pytest.mark.django_db
def test_django_s(monkeypatch, memory, switched_on, caplog):
    """Beside Django's instrumentation we make no traces, and say so once; requests are as ever."""
    activate(monkeypatch, "django", "DjangoInstrumentor")
    with switched_on(), caplog.at_level(logging.WARNING, "djmetrics"):
        for _ in range(2):
            assert Client().get("/page/").status_code == 200
        assert memory.take().all == []
    assert [each for each in caplog.messages if "W013" in each] == [caplog.messages[0]]


@pytest.mark.django_db
def test_a_driver_s(monkeypatch, memory, switched_on):
    """Beside a driver's instrumentation the statements are left out, of that database; and nothing else."""
    activate(monkeypatch, "psycopg", "PsycopgInstrumentor")
    with switched_on():
        Client().get("/page/")
        assert memory.take().named("SELECT")
        memory._exporter.clear()
        activate(monkeypatch, "sqlite3", "SQLite3Instrumentor")
        with override_settings(DJMETRICS={"OPENTELEMETRY": {"MAX_SPANS": 50}}):  # starts anew
            Client().get("/page/")
            spans = memory.take()
    assert not spans.named("SELECT")
    assert spans.named("cache get")
    assert spans.server().attributes["django.request.db.queries"] == 1


@pytest.mark.django_db
def test_a_driver_s_in_a_trace_that_it_does_not_see(monkeypatch, switched_on):
    """A request that is kept because it failed has its statements: the other one had been told not to record."""
    memory = memory_of(TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))
    activate(monkeypatch, "sqlite3", "SQLite3Instrumentor")
    with switched_on():
        Client(raise_request_exception=False).get("/fail/")
        assert memory.take().named("SELECT")
