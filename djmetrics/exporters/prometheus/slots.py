"""Worker slots: one pair of files per worker that is alive at the same time, handed on when a worker dies.

A worker owns a slot while it holds the lock on the slot's file. The next owner goes on adding to the counters it
finds, so that no counter goes down and the number of files is that of simultaneous workers, not of all there ever
were.
"""

import os
import sys
from pathlib import Path

from .files import open_file, same_file, try_lock, unlock, write_all
from .layout import Table
from .regions import WORD, FileRegion

PATTERN = r"slot-([0-9]{3,})\.v1"
"""The names of slot files; as with the index, the suffix is the format's."""

_MOST = 4096


def counts_path(folder: Path, number: int) -> Path:
    """The slot's file: its words, and the lock."""
    return folder / f"slot-{number:03d}.v1"


def exemplars_path(folder: Path, number: int) -> Path:
    """The slot's exemplars: apart, as they cannot be summed."""
    return folder / f"exemplars-{number:03d}.v1"


def read_number(counts: bytes) -> int:
    """The number of the index that a slot belongs to, from its first word."""
    return int.from_bytes(counts[:WORD], sys.byteorder)


class Slot:
    """A slot that this process owns."""

    def __init__(self, folder: Path, index: int, table: Table, words: int, exemplar_words: int) -> None:
        """Take the lowest free slot for the index with that number and table, inside its ``writing``.

        It gets room for so many words more than the table has. Raises ``OSError`` if its files cannot be made.
        """
        number, self._lock = _take(folder)
        self._path = counts_path(folder, number)
        self._regions: list[FileRegion] = []
        try:
            self._bind(index, exemplars_path(folder, number))
            self.counts = self._open(self._path, table.words + words)
            self.exemplars = self._open(exemplars_path(folder, number), table.exemplar_words + exemplar_words)
            self._reset_gauges(table)
        except BaseException:
            self.release()
            raise

    def _bind(self, index: int, exemplars: Path) -> None:
        """Empty the files if they are another index's."""
        if read_number(os.pread(self._lock, WORD, 0)) != index:
            exemplars.unlink(missing_ok=True)
            os.ftruncate(self._lock, 0)
            write_all(self._lock, index.to_bytes(WORD, sys.byteorder), 0)

    def _open(self, path: Path, size: int) -> FileRegion:
        region = FileRegion(path, size)
        self._regions.append(region)
        return region

    def is_current(self) -> bool:
        """Whether the slot's file is still the one in the folder."""
        return same_file(self.counts.file, self._path)

    def _reset_gauges(self, table: Table) -> None:
        """Set the gauges to zero that the former owner left: they spoke of a process that is gone."""
        found = memoryview(self.counts.copy(table.words)).cast("Q")
        for layout, entries in table.series.items():
            if layout.kind == "gauge":
                for entry in entries.values():
                    if found[entry.offset]:
                        write_all(self.counts.file, bytes(WORD), entry.offset * WORD)

    def release(self) -> None:
        """Give the slot back, also on behalf of forked children that hold copies of the descriptor."""
        if self._lock >= 0:
            unlock(self._lock)
        self.abandon()

    def abandon(self) -> None:
        """Close the descriptors: in a forked child, whose parent keeps the slot."""
        if self._lock >= 0:
            file, self._lock = self._lock, -1
            os.close(file)
        for region in self._regions:
            region.close()


def _take(folder: Path) -> tuple[int, int]:
    for number in range(_MOST):
        file = open_file(counts_path(folder, number))
        if try_lock(file):
            return number, file
        os.close(file)
    raise OSError(f"all {_MOST} worker slots are taken")
