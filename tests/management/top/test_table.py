"""The drawn table."""

import re
from io import StringIO

import pytest
from rich.console import Console

from djmetrics.management.top.figures import Row
from djmetrics.management.top.table import COLUMNS, STYLES, View, milliseconds, shortened
from djmetrics.record import PHASES


def a_row(view: str, error_share: float | None = 0.0) -> Row:
    return Row(
        view=view,
        rate=1234.56,
        error_rate=0.25,
        error_share=error_share,
        p50=0.0123,
        p95=0.25,
        p99=2.5,
        queries=3.4,
        cpu=None,
        time=1.0,
        shares={"view": 0.5, "db": 0.5},
    )


def drawn(view: View, width: int = 140, height: int = 40) -> str:
    console = Console(record=True, width=width, height=height, file=StringIO())
    console.print(view)
    return console.export_text()


def test_every_figure_is_on_the_row() -> None:
    """A row shows its figures with units that the heading names, and a dash for what is unknown."""
    text = drawn(View("title", [a_row("shop:cart")], a_row("all views")))
    (line,) = [line for line in text.splitlines() if "shop:cart" in line]
    figures = ["shop:cart", "1,234.6", "0.0%", "0.2", "12.3", "250", "2,500", "3.4", "-"]
    assert line.split()[: len(figures)] == figures
    bar = line.split()[-1]
    assert set(bar) == {"v", "d"}
    assert abs(bar.count("v") - bar.count("d")) <= 1


def test_the_title_totals_and_legend_are_there() -> None:
    """The table says what it is about, ends with all views together, and explains its colours."""
    text = drawn(View("http://site/metrics", [a_row("a")], a_row("all views"), note="Restarted."))
    assert text.index("http://site/metrics") < text.index("all views") < text.index("middleware")
    assert "Restarted." in text
    assert all(phase in text for phase in PHASES)


def test_every_phase_has_its_own_letter_and_colour() -> None:
    """No two phases look alike, with or without colours."""
    assert set(STYLES) == set(PHASES)
    letters, colours = zip(*STYLES.values(), strict=True)
    assert len(set(letters)) == len(set(colours)) == len(PHASES)


@pytest.mark.parametrize("width", [40, 72, 80, 100, 110, 140, 250])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """The table fits; from 80 columns on, every number is whole."""
    text = drawn(View("t" * 300, [a_row("a" * 60), a_row("b")], a_row("all views")), width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    if width >= 80:
        assert all(heading in text for heading in COLUMNS)
        assert all(figure in text for figure in ("1,234.6", "2,500", "12.3"))


def test_a_low_terminal_keeps_the_first_rows() -> None:
    """Rows that have no room are counted, and the totals stay."""
    rows = [a_row(f"view{number:02}") for number in range(30)]
    text = drawn(View("t", rows, a_row("all views"), fit=True), height=20)
    shown = re.findall(r"view\d\d", text)
    assert shown == [f"view{number:02}" for number in range(len(shown))]
    assert 0 < len(shown) < 30
    assert f"{30 - len(shown)} more views" in text
    assert "all views" in text
    assert len(text.splitlines()) <= 20


def test_a_log_has_room_for_every_row() -> None:
    """Where nothing has to fit, nothing is left out."""
    text = drawn(View("t", [a_row(f"view{number:02}") for number in range(30)], a_row("all")), height=10)
    assert len(re.findall(r"view\d\d", text)) == 30


def test_names_are_text() -> None:
    """A view whose name looks like rich's markup is shown as it is."""
    assert "[bold]x[/bold]" in drawn(View("t", [a_row("[bold]x[/bold]")], a_row("all")))


def test_failures_stand_out() -> None:
    """Failing views are red, others are not."""

    def red(error_share: float) -> bool:
        console = Console(
            record=True, width=140, force_terminal=True, color_system="standard", file=StringIO()
        )
        console.print(View("t", [a_row("a", error_share)], a_row("all")))
        return "\x1b[1;31m" in console.export_text(styles=True)

    assert red(0.5)
    assert not red(0.0)


@pytest.mark.parametrize(
    "seconds, text",
    [
        (None, "-"),
        (0.0, "0.0"),
        (0.00049, "0.5"),
        (0.0994, "99.4"),
        (0.1, "100"),
        (12.3456, "12,346"),
    ],
)
def test_milliseconds(seconds: float | None, text: str) -> None:
    """A decimal below 100 ms, none above."""
    assert milliseconds(seconds) == text


def test_a_long_name_keeps_its_end() -> None:
    """The end of a dotted path is what tells views apart."""
    assert shortened("site.views.CartView", 9) == "…CartView"
    assert shortened("cart", 9) == "cart"
