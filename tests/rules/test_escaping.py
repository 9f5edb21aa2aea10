"""A site may call its views anything: the rules ask for just these views and say their names."""

from pathlib import Path

import pytest

from djmetrics.objectives import Objective
from djmetrics.rules import document
from djmetrics.rules.options import Options

from .burns import COUNT, burn
from .cases import History, Promtool, series, tried

pytestmark = [pytest.mark.once, pytest.mark.once]

NAMES = [
    r"^y/[0-9]{2,}/$",
    "a{{b}}",
    "{{ $value }}",
    "a{{{b",
    "{<<job>>",
    "<<by>> <<site>>",
    "a{}b",
    "{}",
    "a,}b",
    'a"{}\\',
    "a\u2028b",
    "a\nb",
]


@pytest.mark.parametrize("others", [(), ("other",)], ids=["alone", "with another"])
@pytest.mark.parametrize("view", NAMES)
def test_view_is_asked_for_and_named(
    promtool: Promtool, tmp_path: Path, view: str, others: tuple[str, ...]
) -> None:
    """The alert fires for the view's own requests, and its text has the name as it is."""
    slos = {"one": Objective(objective=0.999, views=(view, *others))}
    subject = ", ".join((view, *others)).replace("{", "{{").replace("}", "}}")
    told = f"2% of the requests to {subject} in the last {{}} ended with an error"
    history = History(
        dict(
            [
                series(COUNT, "0+98x180", view=view, error_type=""),
                series(COUNT, "0+2x180", view=view, error_type="ValueError"),
                series(COUNT, "0+98x180", view="none of them", error_type="ValueError"),
            ]
        )
    ).expects("2h", "ErrorBudgetBurn", *(burn("one", long, told, "0.1%") for long in ("1h", "6h", "1d")))
    tried(promtool, tmp_path, history, slos=slos)


def test_site_is_asked_for_by_its_name(promtool: Promtool, tmp_path: Path) -> None:
    """A job with the marks of a template keeps them."""
    text = document.text({"one": Objective(objective=0.99)}, Options(site="<<by>>{}"))
    (tmp_path / "rules.yml").write_text(text)
    promtool("check", "rules", str(tmp_path / "rules.yml"))
    assert 'up{job="<<by>>{}"} == 0' in text
