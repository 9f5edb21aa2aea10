"""Who gets a series: the ceilings, and what happens when there is no room."""

import contextlib
import logging
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from djmetrics.catalogue import Metric

from .backing import Backing
from .layout import Entry, Layout, layout_of

_logger = logging.getLogger("djmetrics")


class Warnings:
    """Says each thing once per process: not at once, as a handler of the site's may count something too."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[object, ...]] = deque()
        self._known: set[str] = set()

    def warn(self, about: str, message: str, *values: object) -> None:
        """Have ``message % values`` logged, unless there was something ``about`` the same before."""
        if about not in self._known:
            self._known.add(about)
            self.waiting.append((message, *values))

    def say(self) -> None:
        """Log what waits. The store's lock is not held."""
        while self.waiting:
            with contextlib.suppress(IndexError):  # another thread was faster
                message, *values = self.waiting.popleft()
                _logger.warning(message, *values)


class Claims:
    """The layouts of a store by metric name, and how many series each may have.

    ``failed`` says that a series was refused for lack of room, which may pass.
    """

    def __init__(
        self,
        metrics: Iterable[Metric],
        buckets: Mapping[str, Sequence[float]],
        max_series: int,
        max_series_by_metric: Mapping[str, int],
    ) -> None:
        self.failed = False
        self.layouts = {metric.name: layout_of(metric, buckets.get(metric.name)) for metric in metrics}
        self._ceilings = {name: max_series_by_metric.get(name, max_series) for name in self.layouts}
        # With the overflow series; a metric without labels has one series, which is never full.
        most = {layout: self._ceilings[name] + 1 for name, layout in self.layouts.items()}
        self.words = sum(layout.words * number for layout, number in most.items())
        self.exemplar_words = sum(layout.exemplar_words * number for layout, number in most.items())

    def reserve(self, backing: Backing) -> None:
        """Claim every metric's overflow series in advance: it has to be there when nothing else is.

        Raises ``OSError`` if there is no room even for these.
        """
        for layout in self.layouts.values():
            backing.claim(layout, layout.reserved, sys.maxsize)

    def claim(self, backing: Backing, warnings: Warnings, layout: Layout, values: tuple[str, ...]) -> Entry:
        """Find or claim a series; the overflow series if the metric is full or there is no room."""
        name, ceiling = layout.metric, self._ceilings[layout.metric]
        try:
            if entry := backing.claim(layout, values, ceiling):
                return entry
        except OSError as error:
            self.failed = True
            warnings.warn(name, 'no room for more series of %s; they count as "(overflow)": %s', name, error)
        else:
            warnings.warn(
                name,
                '%s has %d series; further ones count as "(overflow)". DJMETRICS["MAX_SERIES"] sets the ceiling.',
                name,
                ceiling,
            )
        return backing.table.series[layout][layout.reserved]
