"""What ``Memory`` and ``Shared``, the two places where a store keeps its words, have in common."""

from collections.abc import Callable, Container
from typing import Protocol

from . import exemplars
from .layout import Entry, Layout, Table
from .regions import PackedRegion, Region
from .scan import SlotCopy

Claim = Callable[[Layout, tuple[str, ...]], Entry]


class Backing(Protocol):
    """A table of series and the words for them. The store's lock is held in all calls."""

    @property
    def table(self) -> Table: ...
    @property
    def counts(self) -> Region: ...
    @property
    def exemplars(self) -> PackedRegion: ...

    def claim(self, layout: Layout, values: tuple[str, ...], ceiling: int) -> Entry | None:
        """Find or append a series; ``None`` if the layout has ``ceiling`` of them.

        Raises ``OSError`` if there is no room.
        """

    def close(self) -> None:
        """End it in the process that opened it."""

    def abandon(self) -> None:
        """End it in a forked child: touch nothing that is the parent's."""


def copy_own(backing: Backing, words: int, exemplar_words: int) -> SlotCopy:
    """The process's own words; in a slot, with those of its former owners."""
    return SlotCopy(backing.counts.copy(words), backing.exemplars.copy(exemplar_words), alive=True)


def move(source: Backing, target: Backing, layouts: Container[Layout], claim: Claim) -> None:
    """Add what ``source`` has of ``layouts`` to ``target``, in the series that ``claim`` finds there."""
    own = copy_own(source, source.table.words, source.table.exemplar_words)
    words = memoryview(own.counts).cast("Q")
    for layout, entries in source.table.series.items():
        if layout in layouts:
            for entry in entries.values():
                found = words[entry.offset : entry.offset + layout.words]
                if any(found):
                    _add(layout, entry, found, own.exemplars, target, claim(layout, entry.values))


def _add(
    layout: Layout, old: Entry, found: memoryview, old_exemplars: bytes, target: Backing, new: Entry
) -> None:
    for number, value in enumerate(found):
        target.counts.words[new.offset + number] += value
    if layout.exemplars:
        for bucket in range(len(layout.bounds) + 1):
            if exemplar := exemplars.read(old_exemplars, exemplars.place(old.exemplars, bucket)):
                place = exemplars.place(new.exemplars, bucket)
                exemplars.write(target.exemplars.words, place, *exemplar)
