"""System checks of traces, and a site that asks for them without OpenTelemetry."""

import os
import subprocess
import sys

import pytest
from django.core.checks import run_checks
from django.test import override_settings
from opentelemetry import trace
from opentelemetry.util._once import Once

from djmetrics import trace_checks
from tests.exporters.opentelemetry.instrumentations import activate

TRACES = override_settings(DJMETRICS={"OPENTELEMETRY": {}})


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No provider, no variable, no other instrumentation."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    for name in [each for each in os.environ if each.startswith("OTEL_")]:
        monkeypatch.delenv(name)


def found() -> list[tuple[str, str]]:
    """Ids and messages, hints included."""
    numbers = ("W012", "W013", "W014", "W015")
    return [(each.id[-4:], f"{each.msg} {each.hint}") for each in run_checks() if each.id[-4:] in numbers]


def test_all_is_well():
    """With the extra installed there is nothing to say; nor where nobody asks for traces."""
    with TRACES:
        assert found() == []


@pytest.mark.parametrize("asked", [{}, {"ENABLED": False, "OPENTELEMETRY": {}}, {"OPENTELEMETRY": None}])
def test_nobody_asks(asked, monkeypatch):
    """Without OPENTELEMETRY nothing is looked for."""
    monkeypatch.setattr(trace_checks, "_is_missing", lambda module: True)
    with override_settings(DJMETRICS=asked):
        assert found() == []


def test_without_the_sdk(monkeypatch):
    """It says what to install."""
    monkeypatch.setattr(trace_checks, "find_spec", lambda module: None)
    with TRACES:
        ((number, text),) = found()
    assert number == "W012"
    assert "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http." in text


def test_without_anything_of_opentelemetry(monkeypatch):
    """So it does where not even the package around the SDK is there."""

    def find_spec(module):
        raise ModuleNotFoundError

    monkeypatch.setattr(trace_checks, "find_spec", find_spec)
    with TRACES:
        assert [number for number, _ in found()] == ["W012"]


def test_without_the_exporter(monkeypatch):
    """An exporter that the variables name and that is not installed is named with its package."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin_json,console")
    with TRACES:
        ((number, text),) = found()
    assert number == "W012"
    assert "'zipkin_json'" in text
    assert "pip install opentelemetry-exporter-zipkin-json." in text


@pytest.mark.parametrize(
    "name, value, says",
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "'http/json' is no protocol"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "udp", "they are http/protobuf or grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "user:secret@localhost:4318", "it begins neither with http:// nor"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "localhost:4318/v1/traces",
            "it begins neither with http:// nor",
        ),
        ("OTEL_TRACES_SAMPLER", "always", "there is no sampler 'always', so all traces are kept"),
        ("OTEL_TRACES_SAMPLER_ARG", "5%", "it is no number from 0 to 1"),
    ],
)
def test_variables_that_cannot_be(monkeypatch, name, value, says):
    """Each is named, with what is wrong with it, and without an address."""
    if name == "OTEL_TRACES_SAMPLER_ARG":
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv(name, value)
    with TRACES:
        ((number, text),) = found()
    assert number == "W015"
    assert f"The environment variable {name} cannot be used: " in text
    assert says in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "HTTPS://collector", "OTEL_TRACES_SAMPLER": "always_off"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.05"},
        {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_TRACES_SAMPLER_ARG": "not read"},
    ],
)
def test_variables_that_can_be(monkeypatch, variables):
    """Nothing is said of what is right, though an exporter may be missing here."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with TRACES:
        assert [text for number, text in found() if number != "W012"] == []


def test_the_command_itself(tmp_path):
    """``manage.py check`` is timed and so has made a provider by then; what lacks is still said."""
    site = SITE.split("django.setup()")[0].split("import django\n", 1)[1]
    run = "from django.core import management\nmanagement.execute_from_command_line(['x', 'check'])"
    code = f"import django\n{site}{run}"
    environ = {**os.environ, "OTEL_TRACES_EXPORTER": "zipkin_json"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environ
    )
    assert (
        "(djmetrics.W012) DJMETRICS['OPENTELEMETRY'] asks for traces, but the exporter 'zipkin_json'"
        in done.stderr
    )


def test_twice(monkeypatch):
    """Another instrumentation of the same is named; of Django's alone, which leaves nothing to be doubled."""
    activate(monkeypatch, "sqlite3", "SQLite3Instrumentor")
    with TRACES:
        ((number, text),) = found()
    assert number == "W014"
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=sqlite3" in text
    activate(monkeypatch, "django", "DjangoInstrumentor")
    with TRACES:
        assert [number for number, _ in found()] == ["W013"]


SITE = """
import sys
for name in ("opentelemetry", "opentelemetry.sdk"):
    sys.modules[name] = None
import django
from django.conf import settings
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="djmetrics.urls",
    INSTALLED_APPS=["djmetrics"],
    MIDDLEWARE=["djmetrics.middleware.DjmetricsMiddleware"],
    DJMETRICS={"OPENTELEMETRY": {}, "METRICS_ALLOWED_IPS": ["127.0.0.1"]},
)
django.setup()
from django.core.checks import run_checks
from django.test import Client
assert [each.id for each in run_checks()] == ["djmetrics.W012"], run_checks()
assert Client().get("/metrics").status_code == 200
"""


def test_site_without_the_extra():
    """The site starts and answers, with a warning in its log."""
    done = subprocess.run([sys.executable, "-c", SITE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "djmetrics makes no traces" in done.stderr
