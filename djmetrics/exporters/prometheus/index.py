"""The index: the append-only file of all series, one JSON line each, that every worker of a folder shares."""

import errno
import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import PATIENCE, locked, open_file, same_file, write_all
from .layout import Entry, Layout, Table

NAME = "index.v1"
"""The suffix is the format's: a version of djmetrics with another one leaves these files alone."""

_IDS = 1 << 48

_MOST = 1 << 26


class Index:
    """The file, and what was read of it so far.

    Whole lines are all that counts. A line without its end was left by a writer that was killed: readers do not
    see it, and the next writer cuts it off. The first line is the index's number, which slots bear too, so that no
    slot is read with an index that it was not written by.
    """

    def __init__(self, folder: Path) -> None:
        self.table = Table()
        self.number = 0
        self._path = folder / NAME
        self._file = open_file(self._path)
        self._position = 0
        self._patience = PATIENCE

    def read(self) -> None:
        """Read what others have appended. Raises ``OSError`` if a line makes no sense."""
        if os.fstat(self._file).st_size - self._position > _MOST:
            raise OSError(errno.EFBIG, "the index of series is larger than any of ours")
        data = b""
        while piece := os.pread(self._file, 1 << 20, self._position + len(data)):
            data += piece
        for line in data.split(b"\n")[:-1]:
            self._read_line(line)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers out; up to date, and with a sound end of the file.

        Raises ``TimeoutError`` if that takes too long, and then each time at once until it is possible again.
        """
        patience, self._patience = self._patience, 0.0
        with locked(self._file, patience):
            self._patience = PATIENCE
            self.read()
            if os.fstat(self._file).st_size > self._position:
                os.ftruncate(self._file, self._position)
            if not self.number:
                self._append(json.dumps({"index": random.SystemRandom().randrange(1, _IDS)}).encode())
            yield

    def append(self, layout: Layout, values: tuple[str, ...]) -> Entry:
        """Append a series, inside ``writing``. Raises ``OSError`` if there is no room."""
        for line in self.table.to_lines(layout, values):
            self._append(line)
        return self.table.series[layout][values]

    def is_current(self) -> bool:
        """Whether the file is still the one in the folder."""
        return same_file(self._file, self._path)

    def close(self) -> None:
        """Close the descriptor; in a forked child too, which needs an index of its own."""
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)

    def _append(self, line: bytes) -> None:
        # What a failure leaves has no end, and is cut off by the next writer.
        write_all(self._file, line + b"\n", self._position)
        self._read_line(line)

    def _read_line(self, line: bytes) -> None:
        try:
            if self.number:
                self.table.read_line(line)
            else:
                self.number = int(json.loads(line)["index"])
        except (LookupError, RecursionError, TypeError, ValueError) as error:
            raise OSError(errno.EIO, f"not a line of the index of series: {line[:80]!r}") from error
        self._position += len(line) + 1
