"""The documentation says what the code does: tables, names, links and examples."""

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from djmetrics import catalogue, checks, conf, runtime, testing, units
from djmetrics.exporters import Exporter
from djmetrics.exporters.prometheus import label_name, prometheus_name

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in [ROOT / "README.md", *DOCS.rglob("*.md")] if "_build" not in page.parts)
FENCE = re.compile(r"^```(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SAMPLES = re.compile(r"_(bucket|count|sum)$")
# Labels that Prometheus and its histograms add.
FOREIGN_LABELS = {"le", "instance", "job"}

clocks: list[testing.FakeClock] = []


def home(request: HttpRequest) -> HttpResponse:
    """A frugal page."""
    return HttpResponse("home")


def slow(request: HttpRequest) -> HttpResponse:
    """A page that takes two seconds."""
    clocks[-1].advance(2)
    return HttpResponse("slow")


urlpatterns = [path("", home, name="home"), path("slow/", slow, name="slow")]


def blocks(language: str) -> list[Any]:
    """Every fenced block in a language, named by its page and its number among the page's blocks."""
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, (found, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")))
        if found == language
    ]


def block(page: str, part: str) -> str:
    """The Python block of a page that holds ``part``."""
    [found] = [
        text
        for language, text in FENCE.findall((DOCS / page).read_text(encoding="utf-8"))
        if language == "python" and part in text
    ]
    return str(found)


def prose(page: str) -> str:
    """A page without its generated parts."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.sub(r"<!-- generated: .*?<!-- end of .*? -->", "", text, flags=re.DOTALL)


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    """The module docs/generate.py."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before


# Tables


def test_tables_are_up_to_date(generate: ModuleType) -> None:
    """Each generated table is what the code says now."""
    stale = [page.name for page, found, wanted in generate.pages() if found != wanted]
    assert stale == [], "run python docs/generate.py"


def test_check_fails_on_drift(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--check`` fails on a table that is out of date and changes nothing; without it the table is written."""
    page = tmp_path / "docs" / "reference" / "settings.md"
    page.parent.mkdir(parents=True)
    page.write_text("# Before\n<!-- generated: settings -->\nold\n<!-- end of settings -->\nafter\n")
    monkeypatch.setattr(generate, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(generate, "TABLES", {"settings": generate.TABLES["settings"]})

    assert generate.main(["--check"]) == 1
    assert "old" in page.read_text()
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert "old" not in page.read_text()
    assert page.read_text().startswith("# Before\n")
    assert page.read_text().endswith("\nafter\n")
    assert "settings.md" in capsys.readouterr().out


def test_a_page_without_a_place_for_its_table_is_an_error(generate: ModuleType) -> None:
    """A lost comment does not make the check pass."""
    with pytest.raises(ValueError, match="no place for the table settings"):
        generate.replaced("# Settings\n", "settings", "table")


# Completeness


def test_settings_are_documented() -> None:
    """The reference has each setting, and no page names a key in DJMETRICS that is not one."""
    known = {each.key for each in conf.declarations()}
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", (DOCS / "reference/settings.md").read_text(), re.MULTILINE))
    assert table == known
    for param in blocks("python"):
        for given in re.findall(
            r"^DJMETRICS = \{.*?^\}|^DJMETRICS = \{.*\}$", str(param.values[0]), re.M | re.S
        ):
            namespace: dict[str, Any] = {"os": os}
            exec(given, namespace)
            _, problems = conf.load(namespace["DJMETRICS"])
            assert problems == (), param.id


def test_checks_are_documented() -> None:
    """Each check has a heading with the anchor that its hint names."""
    text = (DOCS / "reference/checks.md").read_text()
    for check in checks.TABLE:
        anchor = f"djmetrics-{check.id.lower()}"
        assert f"({anchor})=\n## djmetrics.{check.id}\n" in text
    assert checks.DOCS == "docs/reference/checks.md"


def test_no_unknown_check_is_named() -> None:
    """No page names a check that does not exist."""
    named = set(
        chain.from_iterable(re.findall(r"djmetrics\.([EW]\d{3})", page.read_text()) for page in PAGES)
    )
    assert named == {check.id for check in checks.TABLE}


def test_metrics_are_documented() -> None:
    """The reference has a heading for each metric, and nothing else below "All metrics"."""
    text = (DOCS / "reference/metrics.md").read_text().partition("## All metrics")[2]
    assert re.findall(r"^### (\S+)$", text, re.MULTILINE) == list(map(prometheus_name, catalogue.metrics()))


def test_labels_are_documented() -> None:
    """The table of labels has each label of the catalogue and no other."""
    text = prose("reference/metrics.md").partition("## Labels")[2].partition("## ")[0]
    rows = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    named = set(chain.from_iterable(re.findall(r"`(\w+)`", row) for row in rows))
    assert named == {label_name(label) for metric in catalogue.metrics() for label in metric.labels}


def test_hooks_are_documented() -> None:
    """Each built-in hook has a heading of its own, in the order of their installation."""
    headings = re.findall(r"^## (.*)$", prose("reference/hooks.md"), re.MULTILINE)
    assert headings == [*(hook.name for hook in runtime.HOOKS), "Hooks of your own"]


def names_of_metrics() -> set[str]:
    """Every name that can stand in a query."""
    found: set[str] = set()
    for metric in catalogue.metrics():
        name = prometheus_name(metric)
        found |= (
            {f"{name}_{part}" for part in ("bucket", "count", "sum")}
            if metric.kind == "histogram"
            else {name}
        )
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_only_metrics_that_exist(page: Path) -> None:
    """What looks like one of our metrics is one."""
    # The other package's names stand in its own column; its settings and modules are no metrics.
    text = re.sub(r"^\| `django_[^|]*\|", "", page.read_text(), flags=re.MULTILINE)
    looks = re.findall(r"`((?:http_server|db_client|django|djmetrics)_\w+?)(?:\{[^`]*\})?`", text)
    known = {prometheus_name(metric) for metric in catalogue.metrics()} | names_of_metrics()
    others = {"djmetrics_top", "django_prometheus", "django_migrations_*"} | set(
        map(label_name, label_names())
    )
    assert [name for name in looks if name not in known | others] == []


def label_names() -> set[str]:
    """Every label of the catalogue."""
    return {label for metric in catalogue.metrics() for label in metric.labels}


# Links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file of the project finds it, and its anchor in it."""
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S))
    for link in links:
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        found = (page.parent / target).resolve() if target else page
        assert found.is_file(), link
        assert not anchor or anchor in anchors(found), link


def anchors(page: Path) -> set[str]:
    """The anchors of a page: those that are written, and those of its headings."""
    text = page.read_text()
    slugs = (
        re.sub(r"[^\w\- ]", "", heading.lower()) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    )
    return {slug.replace(" ", "-") for slug in slugs} | set(
        re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE)
    )


def test_every_page_is_in_a_table_of_contents() -> None:
    """A reader who starts at the index finds each page."""
    listed = set()
    for index in DOCS.rglob("index.md"):
        for contents in re.findall(r"```\{toctree\}\n(.*?)```", index.read_text(), re.DOTALL):
            entries = (line for line in contents.splitlines() if line and not line.startswith(":"))
            listed |= {(index.parent / f"{entry}.md").resolve() for entry in entries}
    pages = {page for page in PAGES if page.is_relative_to(DOCS)}
    assert pages - listed == {DOCS / "index.md", DOCS / "explanation/overhead-table.md"}


# Examples


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
    promql_parser = pytest.importorskip(
        "promql_parser", reason="promql-parser, of the group test, is not installed"
    )
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


@pytest.mark.urls("tests.test_docs")
def test_the_exporter_of_the_how_to_works(caplog: pytest.LogCaptureFixture) -> None:
    """The example's exporter logs a slow request and no other."""
    exporter = run(block("howto/extend.md", "class SlowRequestLog"))["SlowRequestLog"]()
    assert isinstance(exporter, Exporter)
    with testing.fake_clock() as clock, units.also(exporter), caplog.at_level("WARNING", "shop.slow"):
        clocks.append(clock)
        Client().get("/")
        Client().get("/slow/")

    assert [each.getMessage() for each in caplog.records] == ["slow took 2000 ms: {'view': 2000}"]


@pytest.mark.urls("tests.test_docs")
@pytest.mark.django_db
def test_the_test_case_of_the_how_to_passes() -> None:
    """The example's test case passes on a site whose home page is frugal."""
    case = run(block("howto/testing.md", "class HomeTests"))["HomeTests"]("test_home_needs_few_queries")
    case.client = Client()
    case.test_home_needs_few_queries()


def test_the_cache_test_of_the_how_to_passes() -> None:
    """The example's test of a falsy value passes."""
    run(block("howto/testing.md", "def test_falsy_value_is_a_hit"))["test_falsy_value_is_a_hit"]()
