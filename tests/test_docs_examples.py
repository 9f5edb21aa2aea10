"""The documentation's examples: Python compiles and does what is said, PromQL parses and names what exists."""

import logging
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from djmetrics import catalogue, testing, units
from djmetrics.exporters import Exporter
from djmetrics.exporters.prometheus import label_name, prometheus_name

from .components.fixtures import need
from .docs_pages import block, blocks, names_of_metrics

SAMPLES = re.compile(r"_(bucket|count|sum)$")
FOREIGN_LABELS = {"le", "instance", "job"}
"""Labels that Prometheus and its histograms add."""

clocks: list[testing.FakeClock] = []


def home(request: HttpRequest) -> HttpResponse:
    """A frugal page."""
    return HttpResponse("home")


def slow(request: HttpRequest) -> HttpResponse:
    """A page that takes two seconds."""
    clocks[-1].advance(2)
    return HttpResponse("slow")


urlpatterns = [path("", home, name="home"), path("slow/", slow, name="slow")]


@pytest.mark.parametrize("text", blocks("python"))
def test_python_compiles(text: str) -> None:
    """Each Python example is Python."""
    compile(text, "example", "exec")


def nodes(expression: Any) -> Iterator[Any]:
    """A parsed query's parts."""
    yield expression
    inner = [getattr(expression, name, None) for name in ("lhs", "rhs", "expr", "param", "vector_selector")]
    for each in chain(inner, getattr(expression, "args", None) or ()):
        if each is not None:
            yield from nodes(each)


@pytest.mark.parametrize("text", blocks("promql"))
def test_promql_parses_and_names_what_exists(text: str) -> None:
    """Each query is PromQL, over series of the catalogue and by labels that these have."""
    need("promql_parser", "test")
    import promql_parser

    parts = list(nodes(promql_parser.parse(text.strip())))
    selectors = [part for part in parts if isinstance(part, promql_parser.VectorSelector)]
    assert selectors
    assert {each.name for each in selectors} <= names_of_metrics()
    for selector in selectors:
        own = labels_of(selector.name) | FOREIGN_LABELS
        assert {matcher.name for matcher in selector.matchers.matchers} <= own
    known = set[str]().union(*(labels_of(each.name) for each in selectors)) | FOREIGN_LABELS
    for part in parts:
        labels = getattr(getattr(part, "modifier", None), "labels", None)
        assert set(labels or ()) <= known


def labels_of(series: str) -> set[str]:
    """The labels of the metric that a name in a query belongs to."""
    [metric] = [
        each for each in catalogue.metrics() if prometheus_name(each) in {series, SAMPLES.sub("", series)}
    ]
    return set(map(label_name, metric.labels))


def run(text: str) -> dict[str, Any]:
    """Execute an example; what it defines."""
    namespace: dict[str, Any] = {"__name__": "example"}
    exec(compile(text, "example", "exec"), namespace)
    return namespace


def test_the_hook_of_the_how_to_works() -> None:
    """The example's hook times what it says, is counted as the page says, and leaves nothing behind."""
    hook = run(block("howto/extend.md", "class StorageHook"))["StorageHook"]()
    original = Storage.__dict__["save"]
    hook.install()
    try:
        with testing.capture("storage") as operations:
            name = InMemoryStorage().save("a.txt", ContentFile(b"content"))
    finally:
        hook.uninstall()

    assert name == "a.txt"
    assert [each.subject.name for each in operations] == ["save"]
    assert Storage.__dict__["save"] is original


@pytest.mark.urls("tests.test_docs_examples")
def test_the_exporter_of_the_how_to_works(caplog: pytest.LogCaptureFixture) -> None:
    """The example's exporter logs a slow request and no other."""
    exporter = run(block("howto/extend.md", "class SlowRequestLog"))["SlowRequestLog"]()
    assert isinstance(exporter, Exporter)
    with testing.fake_clock() as clock, testing.record() as seen, units.also(exporter):
        clocks.append(clock)
        with caplog.at_level("WARNING", "shop.slow"):
            statuses = [Client().get(path).status_code for path in ("/", "/slow/")]

    assert statuses == [200, 200]
    assert [each.duration // 1_000_000 for each in seen.records] == [0, 2000]
    assert not logging.getLogger("shop.slow").disabled
    assert [each.getMessage() for each in caplog.records] == ["slow took 2000 ms: {'view': 2000}"]


@pytest.mark.urls("tests.test_docs_examples")
@pytest.mark.django_db
def test_the_test_case_of_the_how_to_passes() -> None:
    """The example's test case passes on a site whose home page is frugal."""
    case = run(block("howto/testing.md", "class HomeTests"))["HomeTests"]("test_home_needs_few_queries")
    case.client = Client()
    case.test_home_needs_few_queries()


def test_the_cache_test_of_the_how_to_passes() -> None:
    """The example's test of a falsy value passes."""
    run(block("howto/testing.md", "def test_falsy_value_is_a_hit"))["test_falsy_value_is_a_hit"]()
