"""The table, drawn by rich; it fits itself into the width and the height there are when it is drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from djmetrics.record import PHASES

from .figures import Row, cells

# Letters tell the phases apart where colours cannot: in a log, or to a colour-blind eye.
STYLES = {
    "middleware": ("m", "black on color(176)"),
    "url": ("u", "black on color(80)"),
    "view": ("v", "black on color(114)"),
    "template": ("t", "black on color(221)"),
    "db": ("d", "black on color(75)"),
    "cache": ("c", "black on color(209)"),
    "other": ("o", "black on color(248)"),
}
COLUMNS = ("req/s", "errors", "err/s", "p50 ms", "p95 ms", "p99 ms", "queries", "CPU ms")
NARROW_VIEW, WIDE_VIEW, MIN_BAR = 14, 40, 13
ROOMY = 110
"""Columns of the terminal from which on the table's columns stand further apart."""
OTHER_LINES = 9
"""What the table takes beside its rows: title, heading, rules, totals, legend, note."""


@dataclass(frozen=True)
class View:
    """Everything on the screen at one time. ``fit`` leaves out the rows that the height has no room for."""

    title: str
    rows: Sequence[Row]
    total: Row
    note: str = ""
    fit: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Draw for the width and the height that rich has found."""
        room = max(1, options.max_height - OTHER_LINES) if self.fit else len(self.rows)
        shown = self.rows[:room]
        hidden = len(self.rows) - len(shown)
        note = f"{hidden} more views have no room here. {self.note}" if hidden else self.note
        yield Text(self.title, style="bold", no_wrap=True, overflow="ellipsis")
        yield self._table(shown, options.max_width)
        yield legend()
        yield Text(note, style="dim")

    def _table(self, rows: Sequence[Row], width: int) -> Table:
        padding = 1 if width >= ROOMY else 0
        footer, lines = numbers(self.total), [numbers(row) for row in rows]
        figures = [max(map(len, column)) for column in zip(COLUMNS, footer, *lines, strict=True)]
        names = [row.view for row in rows]
        view_width, bar_width = widths(names, width - sum(figures) - 2 - (len(figures) + 1) * (1 + padding))

        table = Table(box=box.SIMPLE_HEAD, show_footer=True, padding=(0, padding, 0, 0), pad_edge=False)
        table.footer_style = "bold"
        table.add_column("view", self.total.view, width=view_width, no_wrap=True)
        for name, total, figure_width in zip(COLUMNS, footer, figures, strict=True):
            table.add_column(name, total, justify="right", width=figure_width, no_wrap=True)
        if bar_width:
            table.add_column("time by phase", bar(self.total, bar_width), width=bar_width, no_wrap=True)
        for row, line in zip(rows, lines, strict=True):
            drawn = [bar(row, bar_width)] if bar_width else []
            table.add_row(Text(shortened(row.view, view_width)), *line, *drawn)
        return table


def widths(views: Sequence[str], room: int) -> tuple[int, int]:
    """The widths of the views' column and of the bars, that is 0 where a bar would be too short to be read."""
    wanted = max(NARROW_VIEW, min(max((len(name) for name in views), default=0), WIDE_VIEW))
    if room < NARROW_VIEW + MIN_BAR:
        return max(NARROW_VIEW, min(wanted, room)), 0
    view = min(wanted, room - MIN_BAR)
    return view, room - view


def numbers(row: Row) -> list[Text]:
    """The figures of a row as text, in the order of ``COLUMNS``; failures in red."""
    failing = "bold red" if row.error_share else ""
    return [
        Text(f"{row.rate:,.1f}"),
        Text("-" if row.error_share is None else f"{row.error_share:.1%}", style=failing),
        Text(f"{row.error_rate:,.1f}", style=failing),
        Text(milliseconds(row.p50)),
        Text(milliseconds(row.p95)),
        Text(milliseconds(row.p99)),
        Text("-" if row.queries is None else f"{row.queries:,.1f}"),
        Text(milliseconds(row.cpu)),
    ]


def milliseconds(seconds: float | None) -> str:
    """Seconds as milliseconds, with a decimal below 100; a dash for None."""
    if seconds is None:
        return "-"
    return f"{seconds * 1000:,.0f}" if seconds >= 0.1 else f"{seconds * 1000:.1f}"


def shortened(name: str, width: int) -> str:
    """A view's name in ``width`` cells: the end of a dotted path tells more than its beginning."""
    return name if len(name) <= width else "…" + name[len(name) - width + 1 :]


def bar(row: Row, width: int) -> Text:
    """The phases of a row as one stacked bar."""
    drawn = Text(no_wrap=True)
    for phase, size in cells(row.shares, PHASES, width):
        letter, style = STYLES[phase]
        drawn.append(letter * size, style=style)
    return drawn


def legend() -> Text:
    """Which letter and colour is which phase."""
    parts = [Text.assemble((f" {STYLES[phase][0]} ", STYLES[phase][1]), f" {phase}  ") for phase in PHASES]
    return Text.assemble(*parts)
