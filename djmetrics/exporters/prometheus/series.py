"""What a store hands out: series to those who count, readings to the page."""

from dataclasses import dataclass

from .layout import Entry, Layout
from .scan import SlotCopy


@dataclass(frozen=True, slots=True)
class Series:
    """One claimed label set, valid for one ``Store.generation``.

    ``offset`` is its first word, ``bounds`` are a histogram's upper bounds in recorded units, ``overflow`` says
    that it is its metric's overflow series, and ``exemplars`` is the store's own.
    """

    offset: int
    bounds: tuple[int, ...]
    overflow: bool
    exemplars: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scrape found: the series of each layout of this process, and the slots' words."""

    series: dict[Layout, list[Entry]]
    slots: list[SlotCopy]
