"""Runs of 64-bit words at a fixed place: in memory of the process's own, or in a file."""

import errno
import mmap
import os
from array import array
from pathlib import Path
from typing import Protocol

from .files import open_file, read_start, write_all

WORD = 8
_STEP = 1 << 16
_LARGEST = (1 << 64) - 1


Words = memoryview | list[int]


class Region(Protocol):
    """All kinds; ``words`` may be used up to what ``reserve`` was asked for."""

    @property
    def words(self) -> Words: ...

    def reserve(self, end: int) -> None:
        """Make the words before ``end`` usable. Raises ``OSError`` if there is no room."""

    def copy(self, end: int) -> bytes:
        """The words before ``end``, zero where nothing is yet."""


class PackedRegion(Region, Protocol):
    """Those whose words lie side by side in memory."""

    @property
    def words(self) -> memoryview: ...


class ListRegion:
    """Zeroed words that only this process sees, to count in: to add to a list takes Python a third of the time."""

    def __init__(self) -> None:
        self.words: list[int] = []

    def reserve(self, end: int) -> None:
        self.words += [0] * (end - len(self.words))

    def copy(self, end: int) -> bytes:
        self.reserve(end)
        words = self.words[:end]
        try:
            return array("Q", words).tobytes()
        except (OverflowError, TypeError):
            # What cannot be is shown as what can, and does not take the page with it.
            return array("Q", [min(max(int(word), 0), _LARGEST) for word in words]).tobytes()


class MemoryRegion:
    """Zeroed words that only this process sees; a page takes memory when it is first used."""

    def __init__(self, size: int) -> None:
        private = {} if os.name == "nt" else {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}
        self.words = memoryview(mmap.mmap(-1, max(1, size) * WORD, **private)).cast("Q")

    def reserve(self, end: int) -> None:
        """Nothing to do: the region was made large enough."""

    def copy(self, end: int) -> bytes:
        return self.words[:end].tobytes()


class FileRegion:
    """Words in a file that is sparse up to ``size``.

    To touch a page through a mapping for which the file system has no room kills the process (SIGBUS), hence the
    reservation; and ``copy`` reads the file instead.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._size = max(1, size)
        self._reserved = 0
        # Opened apart from the slot's lock: the mapping keeps a copy of the descriptor, and in a forked child
        # that copy must not keep the parent's slot taken.
        self.file = open_file(path)
        try:
            if os.fstat(self.file).st_size < self._size * WORD:
                os.ftruncate(self.file, self._size * WORD)
            self.words = memoryview(mmap.mmap(self.file, self._size * WORD)).cast("Q")
        except BaseException:
            self.close()
            raise

    def reserve(self, end: int) -> None:
        if end > self._size:
            raise OSError(errno.ENOSPC, "the worker file is full")
        while self._reserved < end * WORD:
            step = min(_STEP, self._size * WORD - self._reserved)
            _allocate(self.file, self._reserved, step)
            self._reserved += step

    def copy(self, end: int) -> bytes:
        return read_start(self.file, end * WORD)

    def close(self) -> None:
        """Close the descriptor. The words stay mapped as long as somebody has them."""
        if self.file >= 0:
            file, self.file = self.file, -1
            os.close(file)


def _allocate(file: int, start: int, length: int) -> None:
    """Have the file system set blocks aside for a part of the file that nobody is writing to."""
    try:
        os.posix_fallocate(file, start, length)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise
        # Not every platform and file system can: writing what is there has the same effect.
        write_all(file, os.pread(file, length, start).ljust(length, b"\0"), start)
