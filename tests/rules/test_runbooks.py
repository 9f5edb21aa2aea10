"""Each alert has a page that says what to do, and its queries are of what exists."""

import re
from pathlib import Path

import pytest

from djmetrics.rules.document import alert_names
from djmetrics.rules.template import page
from tests.docs_pages import DOCS

from .contract import check

pytestmark = pytest.mark.once

FOLDER = DOCS / "runbooks"
HEADINGS = ["What it means for users", "How to look", "What to do", "When to silence it"]


def test_every_alert_has_a_page_and_no_other() -> None:
    """The pages are those of the alerts."""
    assert {path.stem for path in FOLDER.glob("*.md")} - {"index"} == set(map(page, alert_names()))


@pytest.mark.parametrize("alert", alert_names())
def test_page(alert: str) -> None:
    """It is named after the alert and answers all four questions; its queries name what exists, and its board too."""
    text = (FOLDER / f"{page(alert)}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {alert}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert all(len(part.strip()) > 25 for part in re.split(r"^## .*$", text, flags=re.MULTILINE)[1:])
    [block] = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for query in block.split("\n\n"):
        check(query)


def test_boards_that_pages_name_are_there() -> None:
    """A board's uid in a runbook is that of a board."""
    from djmetrics.grafana.shipped import boards

    texts = [path.read_text(encoding="utf-8") for path in Path(FOLDER).glob("*.md")]
    named = {uid for text in texts for uid in re.findall(r"\bdjmetrics-[a-z]+\b", text)}
    assert named <= set(boards())
    assert named
