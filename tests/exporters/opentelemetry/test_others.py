"""Beside OpenTelemetry's own instrumentations nothing is shown twice: one of both stays quiet."""

import importlib.metadata
import logging
import subprocess
import sys

import pytest
from django.test import Client, override_settings
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from djmetrics.exporters.opentelemetry import others
from djmetrics.testing import record

from . import site
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
def test_django_s_trace_is_named(monkeypatch, memory, switched_on):
    """Exemplars and events lead to the trace that the other one makes, unless nobody keeps it."""
    activate(monkeypatch, "django", "DjangoInstrumentor")
    unsampled = trace.NonRecordingSpan(trace.SpanContext(1, 2, False))
    with switched_on(), record() as seen:
        with site.tracer.start_as_current_span("theirs") as span:
            Client().get("/hello/")
        with trace.use_span(unsampled):
            Client().get("/hello/")
        Client().get("/hello/")
    theirs = span.get_span_context()
    assert [(each.trace_id, each.span_id) for each in seen.records] == [
        (theirs.trace_id, theirs.span_id),
        (0, 0),
        (0, 0),
    ]


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


REAL = """
import django
from django.conf import settings

settings.configure(
    ROOT_URLCONF="tests.exporters.opentelemetry.site", ALLOWED_HOSTS=["*"], INSTALLED_APPS=["djmetrics"],
    MIDDLEWARE=["djmetrics.middleware.DjmetricsMiddleware"], DJMETRICS={{"OPENTELEMETRY": {{}}}},
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
)
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

memory, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
{instrument}
django.setup()
from django.core.management import call_command
from django.test import Client

from djmetrics import runtime

Client().get("/nested/")
runtime.flush(10)
for span in memory.get_finished_spans():
    print(span.instrumentation_scope.name.rpartition(".")[2], span.kind.name, span.name.split()[0])
call_command("check")
"""


@pytest.mark.parametrize(
    "name, instrumentor, warns",
    [
        ("django", "DjangoInstrumentor", "djmetrics.W013"),
        ("sqlite3", "SQLite3Instrumentor", "djmetrics.W014"),
    ],
)
def test_the_real_ones(name, instrumentor, warns):
    """Each request has one server span, and each statement one span, whoever makes it."""
    try:
        importlib.metadata.version(f"opentelemetry-instrumentation-{name}")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("it is installed on the older rows of the matrix only, as the benchmark's peers are")
    instrument = (
        f"from opentelemetry.instrumentation.{name} import {instrumentor}; {instrumentor}().instrument()"
    )
    code = REAL.format(instrument=instrument)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    spans = [line.split() for line in done.stdout.splitlines()]
    assert len([each for each in spans if each[1] == "SERVER"]) == 1
    statements = [each for each in spans if each[2] == "SELECT"]
    assert {each[0] for each in statements} == ({"sqlite3"} if name == "sqlite3" else set())
    assert (["djmetrics", "SERVER", "GET"] in spans) == (name != "django")
    assert warns in done.stderr
