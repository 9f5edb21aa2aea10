"""The pages of the last seconds, and what was added between the first and the last of them."""

from collections import deque
from collections.abc import Mapping

from .page import Page, Series


class History:
    """Pages that cover the last ``window`` seconds.

    A counter that went down, or is gone, means that the site was restarted. Then what came before counts no
    more, and all that the new page shows was added since the page before it.
    """

    def __init__(self, window: float) -> None:
        self.window = window
        self.restarts = 0
        self._pages: deque[Page] = deque()

    def add(self, page: Page) -> None:
        """Take in a newer page."""
        if self._pages and went_back(self._pages[-1].samples, page.samples):
            self.restarts += 1
            last = self._pages[-1].at
            self._pages.clear()
            self._pages.append(Page(last, {}))
        self._pages.append(page)
        # The oldest page stays as long as the next one alone would not cover the window.
        while len(self._pages) > 2 and page.at - self._pages[1].at >= self.window:
            self._pages.popleft()

    @property
    def seconds(self) -> float:
        """The time from the first page to the last; 0 while there are not two of them."""
        return self._pages[-1].at - self._pages[0].at if len(self._pages) > 1 else 0.0

    def added(self) -> dict[Series, float]:
        """What each counter gained from the first page to the last."""
        if len(self._pages) < 2:
            return {}
        return difference(self._pages[0].samples, self._pages[-1].samples)


def went_back(before: Mapping[Series, float], now: Mapping[Series, float]) -> bool:
    """Whether any counter went down or is gone."""
    return any(now.get(series, -1.0) < value for series, value in before.items())


def difference(before: Mapping[Series, float], now: Mapping[Series, float]) -> dict[Series, float]:
    """What each counter gained; a series that is new began at 0."""
    return {series: value - before.get(series, 0.0) for series, value in now.items()}
