"""Where a store keeps its words: in the process's memory, or in a slot of a folder that all workers share."""

from collections.abc import Callable, Container
from pathlib import Path
from typing import Protocol

from .exemplars import copy
from .index import Index
from .layout import Entry, Layout, Table
from .regions import FileRegion, MemoryRegion
from .slots import Slot, SlotCopy, read_slots


class Backing(Protocol):
    """Both kinds of places. The store's lock is held in all calls, but for ``Shared.copy``."""

    @property
    def table(self) -> Table: ...
    @property
    def counts(self) -> MemoryRegion | FileRegion: ...
    @property
    def exemplars(self) -> MemoryRegion | FileRegion: ...

    def claim(self, layout: Layout, values: tuple[str, ...], ceiling: int) -> Entry | None:
        """Find or append a series; ``None`` if the layout has ``ceiling`` of them. ``OSError`` if there is no room."""

    def close(self) -> None:
        """End it in the process that opened it."""

    def abandon(self) -> None:
        """End it in a forked child: touch nothing that is the parent's."""


def copy_own(backing: Backing) -> SlotCopy:
    """What the process itself has counted, and in a slot also the slot's former owners."""
    table = backing.table
    counts = backing.counts.words[: table.words].tobytes()
    exemplars = backing.exemplars.words[: table.exemplar_words].tobytes()
    return SlotCopy(counts, exemplars, alive=True)


def move(
    source: Backing,
    target: Backing,
    layouts: Container[Layout],
    claim: Callable[[Layout, tuple[str, ...]], Entry],
) -> None:
    """Add what ``source`` has of ``layouts`` to ``target``, in the series that ``claim`` finds there."""
    for layout, entries in source.table.series.items():
        if layout not in layouts:
            continue
        for entry in entries.values():
            words = source.counts.words[entry.offset : entry.offset + layout.words]
            if any(words):
                new = claim(layout, entry.values)
                for number, value in enumerate(words):
                    target.counts.words[new.offset + number] += value
                if layout.exemplars:
                    buckets = len(layout.bounds) + 1
                    copy(source.exemplars.words, entry.exemplars, target.exemplars.words, new.exemplars, buckets)


class Memory:
    """The words of a process on its own."""

    def __init__(self, words: int, exemplar_words: int) -> None:
        self.table = Table()
        self.counts = MemoryRegion(words)
        self.exemplars = MemoryRegion(exemplar_words)

    def claim(self, layout: Layout, values: tuple[str, ...], ceiling: int) -> Entry | None:
        if entry := self.table.find(layout, values):
            return entry
        if self.table.count(layout) >= ceiling:
            return None
        if layout not in self.table.series:
            self.table.declare(layout)
        return self.table.add(layout, values)

    def close(self) -> None:
        pass

    def abandon(self) -> None:
        pass


class Shared:
    """A slot in a folder."""

    def __init__(self, folder: Path, words: int, exemplar_words: int) -> None:
        """Take a slot with room for so many words more than the index has. Raises ``OSError`` if that fails."""
        self.folder = folder
        self._index = Index(folder)
        try:
            with self._index.writing():
                table = self._index.table
                self._slot = Slot(folder, table.words + words, table.exemplar_words + exemplar_words)
                self._slot.reset_gauges(table)
        except BaseException:
            self._index.close()
            raise
        self.counts = self._slot.counts
        self.exemplars = self._slot.exemplars

    @property
    def table(self) -> Table:
        return self._index.table

    def claim(self, layout: Layout, values: tuple[str, ...], ceiling: int) -> Entry | None:
        entry = self.table.find(layout, values)
        if entry is None:
            # What is at its ceiling here is so in the file: it only grows.
            if self.table.count(layout) >= ceiling:
                return None
            entry = self._append(layout, values, ceiling)
        if entry is not None:
            self._reserve(layout, entry.offset, entry.exemplars)
        return entry

    def _append(self, layout: Layout, values: tuple[str, ...], ceiling: int) -> Entry | None:
        with self._index.writing():
            if entry := self.table.find(layout, values):
                return entry
            if self.table.count(layout) >= ceiling:
                return None
            self._reserve(layout, self.table.words, self.table.exemplar_words)
            return self._index.append(layout, values)

    def _reserve(self, layout: Layout, offset: int, exemplars: int) -> None:
        self.counts.reserve(offset + layout.words)
        self.exemplars.reserve(exemplars + layout.exemplar_words)

    def is_current(self) -> bool:
        """Whether the folder still has the files that this process has open: someone may have swept it."""
        return self._index.is_current() and self._slot.is_current()

    def read_index(self) -> None:
        """Learn of the series that others have claimed."""
        self._index.read()

    def copy(self, words: int, exemplar_words: int) -> list[SlotCopy]:
        """What all slots hold now. Needs no lock of the store's."""
        return read_slots(self.folder, words, exemplar_words)

    def close(self) -> None:
        self._slot.release()
        self._index.close()

    def abandon(self) -> None:
        self._slot.abandon()
        self._index.close()
