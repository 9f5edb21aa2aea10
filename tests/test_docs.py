"""The documentation says what the code does: its tables are up to date, nothing is missing, links lead somewhere."""

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

from djmetrics import catalogue, checks, conf, runtime, semconv
from djmetrics.declared import declarations
from djmetrics.destinations import OpenTelemetry, Sentry
from djmetrics.exporters.prometheus import label_name, prometheus_name
from djmetrics.objectives import Objective

from .docs_pages import DOCS, PAGES, blocks, name, names_of_metrics, prose

pytestmark = pytest.mark.once


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
    known = {
        each.key
        for section in (conf.Settings, Objective, OpenTelemetry, Sentry)
        for each in declarations(section)
    }
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


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pages_name_only_metrics_that_exist(page: Path) -> None:
    """What looks like one of our metrics is one."""
    # The other package's names stand in its own column; its settings and modules are no metrics.
    text = re.sub(r"^\| `django_[^|]*\|", "", page.read_text(), flags=re.MULTILINE)
    looks = re.findall(r"`((?:http_server|db_client|django|djmetrics)_\w+?)(?:\{[^`]*\})?`", text)
    known = {prometheus_name(metric) for metric in catalogue.metrics()} | names_of_metrics()
    others = {
        "djmetrics_top",
        "djmetrics_sentry_alerts",
        "djmetrics_dashboards",
        "djmetrics_rules",
        "django_prometheus",
        "django_migrations_*",
    } | set(map(label_name, label_names()))
    assert [name for name in looks if name not in known | others] == []


def label_names() -> set[str]:
    """Every label of the catalogue."""
    return {label for metric in catalogue.metrics() for label in metric.labels}


# Links


@pytest.mark.parametrize("page", PAGES, ids=name)
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
    parts = {DOCS / f"explanation/{name}-table.md" for name in ("overhead", "truth")}
    assert pages - listed == {DOCS / "index.md"} | parts


# Privacy


def test_each_attribute_of_a_span_is_documented() -> None:
    """The page that says what leaves the site names each attribute that spans may have."""
    text = (DOCS / "explanation/privacy.md").read_text()
    named = set(re.findall(r"`([a-z_.*]+)`", text))
    for module in ("attributes", "spans"):
        source = (DOCS.parent / f"djmetrics/exporters/opentelemetry/{module}.py").read_text()
        for constant in re.findall(r"\b(?:s|semconv)\.([A-Z_]+)\b", source):
            attribute = getattr(semconv, constant)
            assert attribute == semconv.OTHER or attribute in named or f"{attribute}*" in named, constant
