"""Scrape and draw, over and over: live on a terminal, as plain text elsewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live

from . import figures
from .history import History
from .page import Page, PageError
from .table import View

TOTAL = "all views"


@dataclass
class Screen:
    """A metrics page, followed. ``fetch`` scrapes it once; ``interval`` is in seconds."""

    console: Console
    url: str
    fetch: Callable[[], Page]
    history: History
    interval: float
    sort: str = "time"
    problem: str = field(default="", init=False)

    def once(self) -> None:
        """Two scrapes, one table; PageError if either fails."""
        self.history.add(self.fetch())
        time.sleep(self.interval)
        self.history.add(self.fetch())
        self.console.print(self.view())

    def follow(self) -> None:
        """Draw until interrupted; PageError if the first scrape fails, later ones are tried again."""
        self.history.add(self.fetch())
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live()
        else:
            self._plain()

    def view(self, *, fit: bool = False) -> View:
        """What there is to show now."""
        views, everything = figures.by_view(self.history.added())
        seconds = self.history.seconds
        rows = [figures.row(view, totals, seconds) for view, totals in views.items()]
        return View(
            title=f"{self.url} · the last {seconds:.0f} s · by {self.sort}",
            rows=figures.ordered(rows, self.sort),
            total=figures.row(TOTAL, everything, seconds),
            note=self._note(),
            fit=fit,
        )

    def _note(self) -> str:
        if self.problem:
            return f"{self.problem} Trying again."
        restarts = self.history.restarts
        return f"The site was restarted {restarts} time{'s' * (restarts != 1)}." if restarts else ""

    def _step(self) -> None:
        time.sleep(self.interval)
        try:
            self.history.add(self.fetch())
            self.problem = ""
        except PageError as error:
            self.problem = str(error)

    def _live(self) -> None:
        # Drawn four times a second, so that the table soon fits a terminal that changed its size.
        with Live(self.view(fit=True), console=self.console, screen=True, refresh_per_second=4) as live:
            while True:
                self._step()
                live.update(self.view(fit=True))

    def _plain(self) -> None:
        while True:
            self._step()
            self.console.print(self.view())
