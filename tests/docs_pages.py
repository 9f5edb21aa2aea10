"""The documentation as tests read it: its pages, their examples and the names that may stand in them."""

import re
from pathlib import Path
from typing import Any

import pytest

from djmetrics import catalogue
from djmetrics.exporters.prometheus import prometheus_name

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in [ROOT / "README.md", *DOCS.rglob("*.md")] if "_build" not in page.parts)
FENCE = re.compile(r"^```(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    """A page's path in the project."""
    return str(page.relative_to(ROOT))


def blocks(language: str) -> list[Any]:
    """Every fenced block in a language, named by its page and its number among the page's blocks."""
    return [
        pytest.param(text, id=f"{name(page)}:{number}")
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


def leaves(heading: str) -> set[str]:
    """The names that the part ``## heading`` of the page on what leaves a site gives; with ``*`` for many."""
    text = (DOCS / "explanation/privacy.md").read_text(encoding="utf-8")
    part = re.split(r"^## ", text.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    return set(re.findall(r"`([a-z_.*]+)`", part))


def prose(page: str) -> str:
    """A page without its generated parts."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.sub(r"<!-- generated: .*?<!-- end of .*? -->", "", text, flags=re.DOTALL)


def names_of_metrics() -> set[str]:
    """Every name that can stand in a query."""
    found: set[str] = set()
    for metric in catalogue.metrics():
        series = prometheus_name(metric)
        found |= (
            {f"{series}_{part}" for part in ("bucket", "count", "sum")}
            if metric.kind == "histogram"
            else {series}
        )
    return found
