"""Worker slots: one pair of files per worker that is alive at the same time, handed on when a worker dies.

A worker owns a slot while it holds the lock on the slot's file. The next owner goes on adding to the counters it
finds, so that no counter goes down and the number of files is that of simultaneous workers, not of all there ever
were.
"""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from .files import locked, open_file, same_file, try_lock, unlock
from .index import NAME as INDEX_NAME
from .layout import Table
from .regions import WORD, FileRegion

_NAME = re.compile(r"slot-(\d{3,})\.v1")
_MOST = 4096


def _counts_path(folder: Path, number: int) -> Path:
    return folder / f"slot-{number:03d}.v1"


def _exemplars_path(folder: Path, number: int) -> Path:
    return folder / f"exemplars-{number:03d}.v1"


class Slot:
    """A slot that this process owns."""

    def __init__(self, folder: Path, words: int, exemplar_words: int) -> None:
        """Take the lowest free slot. The caller keeps other processes from doing the same (``Index.writing``).

        Raises ``OSError`` if its files cannot be made.
        """
        self.number, self._lock = _take(folder)
        self._path = _counts_path(folder, self.number)
        self._regions: list[FileRegion] = []
        try:
            self.counts = self._open(self._path, words)
            self.exemplars = self._open(_exemplars_path(folder, self.number), exemplar_words)
        except BaseException:
            self.release()
            raise

    def _open(self, path: Path, size: int) -> FileRegion:
        region = FileRegion(path, size)
        self._regions.append(region)
        return region

    def is_current(self) -> bool:
        """Whether the slot's file is still the one in the folder."""
        return same_file(self.counts.file, self._path)

    def reset_gauges(self, table: Table) -> None:
        """Set the gauges to zero that the former owner left: they spoke of a process that is gone."""
        # Not through the mapping: even to read it may need a page for which there is no room.
        found = memoryview(_read(self.counts.file, table.words)).cast("Q")
        for layout, entries in table.series.items():
            if layout.kind == "gauge":
                for entry in entries.values():
                    if found[entry.offset]:
                        os.pwrite(self.counts.file, bytes(WORD), entry.offset * WORD)

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
        file = open_file(_counts_path(folder, number))
        if try_lock(file):
            return number, file
        os.close(file)
    raise OSError(f"all {_MOST} worker slots are taken")


@dataclass(frozen=True, slots=True)
class SlotCopy:
    """What a slot held at one moment."""

    counts: bytes
    exemplars: bytes
    alive: bool


def read_slots(folder: Path, words: int, exemplar_words: int) -> list[SlotCopy]:
    """Copy every slot of the folder, with zeros where it has nothing yet."""
    copies = []
    alive = _find_alive(folder)
    for number in sorted(alive):
        counts = _read_path(_counts_path(folder, number), words)
        exemplars = _read_path(_exemplars_path(folder, number), exemplar_words)
        copies.append(SlotCopy(counts, exemplars, alive[number]))
    return copies


def _find_alive(folder: Path) -> dict[int, bool]:
    """Say of each slot whether its owner lives."""
    numbers = [int(match[1]) for name in os.listdir(folder) if (match := _NAME.fullmatch(name))]
    index = os.open(folder / INDEX_NAME, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # A slot is tried by locking it. A worker that looks for a slot at that moment would pass it by and make one
        # more, so both happen under the index's lock only.
        with locked(index):
            return {number: _is_owned(_counts_path(folder, number)) for number in numbers}
    except TimeoutError:
        return dict.fromkeys(numbers, True)
    finally:
        os.close(index)


def _is_owned(path: Path) -> bool:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if not try_lock(file):
            return True
        # Not left to close(): a process forked just now has a copy of the descriptor.
        unlock(file)
        return False
    finally:
        os.close(file)


def _read_path(path: Path, words: int) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _read(file, words)
        finally:
            os.close(file)
    return bytes(words * WORD)


def _read(file: int, words: int) -> bytes:
    data = b""
    while len(data) < words * WORD and (piece := os.pread(file, words * WORD - len(data), len(data))):
        data += piece
    return data.ljust(words * WORD, b"\0")
