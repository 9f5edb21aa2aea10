"""The index: the append-only file of all series, one JSON line each, that every worker of a folder shares."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import locked, open_file, same_file
from .layout import Entry, Layout, Table

NAME = "index.v1"
"""The suffix is the format's: versions of djmetrics with another one leave these files alone."""


class Index:
    """The file and what was read of it so far.

    Whole lines are all that counts. A line without its end was left by a writer that was killed: readers do not see
    it, and the next writer cuts it off.
    """

    def __init__(self, folder: Path) -> None:
        self.table = Table()
        self._path = folder / NAME
        self._file = open_file(self._path)
        self._position = 0

    def read(self) -> None:
        """Read what others have appended. Raises ``OSError`` if a line makes no sense."""
        data = b""
        while piece := os.pread(self._file, 1 << 20, self._position + len(data)):
            data += piece
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.split(b"\n")[:-1]:
            try:
                self.table.read_line(line)
            except ValueError as error:
                raise OSError(errno.EIO, str(error)) from error
            self._position += len(line) + 1

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers out, up to date and with a sound end of the file."""
        with locked(self._file):
            self.read()
            if os.fstat(self._file).st_size > self._position:
                os.ftruncate(self._file, self._position)
            yield

    def append(self, layout: Layout, values: tuple[str, ...]) -> Entry:
        """Append a series, inside ``writing()``. Raises ``OSError`` if there is no room."""
        for line in self.table.to_lines(layout, values):
            written = os.pwrite(self._file, line, self._position)
            if written != len(line):
                os.ftruncate(self._file, self._position)
                raise OSError(errno.ENOSPC, "no room for the index")
            self._position += written
            self.table.read_line(line)
        return self.table.series[layout][values]

    def is_current(self) -> bool:
        """Whether the file is still the one in the folder."""
        return same_file(self._file, self._path)

    def close(self) -> None:
        """Close the descriptor; in a forked child too, which needs an index of its own."""
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)
