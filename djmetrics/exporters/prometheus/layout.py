"""How a metric's series lie in 64-bit words, and the table of all series in the order of their claims.

Offsets are cumulative over that order: processes that know the same series in the same order know the same offsets.
"""

import itertools
import json
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from djmetrics.catalogue import Kind, Metric

OVERFLOW = "(overflow)"
"""The value of every label of a full metric's overflow series."""

EXEMPLAR_WORDS = 6
FIRST_WORD = 1
"""The words before it are the slot's own: which index it belongs to."""


class Layout(NamedTuple):
    """One metric as one configuration sees it; with other buckets it is another layout, never mixed with this."""

    metric: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    bounds: tuple[int, ...]
    exemplars: bool

    @property
    def words(self) -> int:
        """A histogram's bucket counts and its sum; one word for counters and gauges."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1

    @property
    def exemplar_words(self) -> int:
        return EXEMPLAR_WORDS * (len(self.bounds) + 1) if self.exemplars else 0

    @property
    def reserved(self) -> tuple[str, ...]:
        """The label values of the series that is claimed in advance: the overflow's, or the only one's."""
        return (OVERFLOW,) * len(self.labels)


class Entry(NamedTuple):
    """One claimed series: its label values, the place of its words and that of its exemplars."""

    values: tuple[str, ...]
    offset: int
    exemplars: int


def layout_of(metric: Metric, buckets: Iterable[float] | None = None) -> Layout:
    """The layout of ``metric``, with ``buckets`` (upper bounds in its unit) instead of its own if given.

    Raises ``ValueError`` if the bounds are not ascending.
    """
    shown = metric.buckets if buckets is None else tuple(buckets)
    bounds = tuple(round(bound * metric.scale) for bound in shown if bound != math.inf)
    if any(low >= high for low, high in itertools.pairwise(bounds)):
        raise ValueError(f"buckets of {metric.name} are not ascending: {shown}")
    if metric.kind != "histogram":
        bounds = ()
    return Layout(metric.name, metric.kind, metric.unit, metric.labels, bounds, metric.exemplars)


class Table:
    """All series, by layout. ``words`` and ``exemplar_words`` are the sizes of all that was claimed."""

    def __init__(self) -> None:
        self.series: dict[Layout, dict[tuple[str, ...], Entry]] = {}
        self.words = FIRST_WORD
        self.exemplar_words = 0
        self._layouts: list[Layout] = []

    def find(self, layout: Layout, values: tuple[str, ...]) -> Entry | None:
        return self.series.get(layout, {}).get(values)

    def count(self, layout: Layout) -> int:
        """How many series the layout has, without its overflow series."""
        entries = self.series.get(layout, {})
        return len(entries) - (bool(layout.labels) and layout.reserved in entries)

    def add(self, layout: Layout, values: tuple[str, ...]) -> Entry:
        """Append a series."""
        if layout not in self.series:
            self._declare(layout)
        entry = Entry(values, self.words, self.exemplar_words)
        self.series[layout][values] = entry
        self.words += layout.words
        self.exemplar_words += layout.exemplar_words
        return entry

    def _declare(self, layout: Layout) -> None:
        self._layouts.append(layout)
        self.series[layout] = {}

    def to_lines(self, layout: Layout, values: tuple[str, ...]) -> list[bytes]:
        """The lines that claim a series: its layout's if that is new, and its own."""
        known = layout in self.series
        number = self._layouts.index(layout) if known else len(self._layouts)
        items: list[Any] = [] if known else [layout._asdict()]
        return [json.dumps(item).encode() for item in (*items, [number, values])]

    def read_line(self, line: bytes) -> None:
        """Append what a line says. Raises ``LookupError``, ``TypeError`` or ``ValueError`` if it is none of ours."""
        item = json.loads(line)
        if isinstance(item, dict):
            item.update(labels=tuple(item["labels"]), bounds=tuple(item["bounds"]))
            self._declare(Layout(**item))
        else:
            number, values = item
            layout = self._layouts[number]
            if len(values) != len(layout.labels) or tuple(values) in self.series[layout]:
                raise ValueError("a series that cannot be")
            self.add(layout, tuple(values))
