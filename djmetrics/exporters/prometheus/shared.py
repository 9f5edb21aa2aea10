"""The words of a process that shares a folder with others: its slot, and the index of all series."""

from pathlib import Path

from .index import Index
from .layout import Entry, Layout, Table
from .scan import SlotCopy, read_slots
from .slots import Slot


class Shared:
    """A slot in a folder; see ``backing.Backing``."""

    def __init__(self, folder: Path, words: int, exemplar_words: int) -> None:
        """Take a slot, with room for so many words more than the index has now.

        Raises ``OSError`` if that fails.
        """
        self._folder = folder
        self._index = Index(folder)
        try:
            with self._index.writing():
                self._slot = Slot(folder, self._index.number, self._index.table, words, exemplar_words)
        except BaseException:
            self._index.close()
            raise
        self.counts = self._slot.counts
        self.exemplars = self._slot.exemplars

    @property
    def table(self) -> Table:
        """The series as far as this process has read the index."""
        return self._index.table

    def claim(self, layout: Layout, values: tuple[str, ...], ceiling: int) -> Entry | None:
        entry = self.table.find(layout, values)
        if entry is None:
            # The index only grows: what is full as far as it was read is full.
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
        """Learn of the series that others have claimed. Raises ``OSError`` if the index is damaged."""
        self._index.read()

    def read_slots(self, words: int, exemplar_words: int) -> list[SlotCopy]:
        """What all slots hold now; needs no lock. Raises ``OSError`` if the folder cannot be read."""
        return read_slots(self._folder, self._index.number, words, exemplar_words)

    def close(self) -> None:
        self._slot.release()
        self._index.close()

    def abandon(self) -> None:
        self._slot.abandon()
        self._index.close()
