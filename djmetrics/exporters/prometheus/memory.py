"""The words of a process on its own."""

from .layout import Entry, Layout, Table
from .regions import ListRegion, MemoryRegion


class Memory:
    """A table and regions in memory; see ``backing.Backing``."""

    def __init__(self, exemplar_words: int) -> None:
        self.table = Table()
        self.counts = ListRegion()
        self.exemplars = MemoryRegion(exemplar_words)

    def claim(self, layout: Layout, values: tuple[str, ...], ceiling: int) -> Entry | None:
        if entry := self.table.find(layout, values):
            return entry
        if self.table.count(layout) >= ceiling:
            return None
        self.counts.reserve(self.table.words + layout.words)
        return self.table.add(layout, values)

    def close(self) -> None:
        """Nothing to give back."""

    def abandon(self) -> None:
        """Nothing to close."""
