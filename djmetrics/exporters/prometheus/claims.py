"""Who gets a series: the ceilings, and what happens when there is no room."""

import logging
import sys
from collections.abc import Iterable, Mapping, Sequence

from djmetrics.catalogue import Metric

from .backing import Backing
from .layout import Entry, Layout, layout_of

_logger = logging.getLogger("djmetrics")


class Warnings:
    """Says each thing once per process."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def warn(self, about: str, message: str, *values: object) -> None:
        """Log ``message % values``, unless something was logged ``about`` the same before."""
        if about not in self._said:
            self._said.add(about)
            _logger.warning(message, *values)


class Claims:
    """The layouts of a store by metric name, and how many series each may have."""

    def __init__(
        self,
        metrics: Iterable[Metric],
        buckets: Mapping[str, Sequence[float]],
        max_series: int,
        max_series_by_metric: Mapping[str, int],
    ) -> None:
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
            warnings.warn(name, 'no room for more series of %s; they count as "(overflow)": %s', name, error)
        else:
            warnings.warn(
                name,
                '%s has %d series; further ones count as "(overflow)". DJMETRICS["MAX_SERIES"] sets the ceiling.',
                name,
                ceiling,
            )
        return backing.table.series[layout][layout.reserved]
