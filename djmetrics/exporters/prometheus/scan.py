"""Reads all slots of a folder, for a scrape."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .files import locked, try_lock, unlock
from .index import NAME as INDEX_NAME
from .regions import WORD
from .slots import PATTERN, counts_path, exemplars_path, read_number
from .whole import read_words


@dataclass(frozen=True, slots=True)
class SlotCopy:
    """What a slot held at one moment, and whether a living process owned it then."""

    counts: bytes
    exemplars: bytes
    alive: bool


def read_slots(folder: Path, index: int, words: int, exemplar_words: int) -> list[SlotCopy]:
    """Copy the first words of every slot that belongs to the index with that number.

    Raises ``OSError`` if the folder cannot be read.
    """
    copies = []
    for number, alive in _find_slots(folder).items():
        try:
            counts = _read(counts_path(folder, number), words)
            if read_number(counts) == index:
                copies.append(SlotCopy(counts, _read(exemplars_path(folder, number), exemplar_words), alive))
        except OSError:
            continue  # nothing of ours: a folder, a pipe
    return copies


def _find_slots(folder: Path) -> dict[int, bool]:
    """The slots' numbers, and whether their owners live."""
    numbers = [int(match[1]) for name in os.listdir(folder) if (match := re.fullmatch(PATTERN, name))]
    index = os.open(folder / INDEX_NAME, os.O_RDWR | os.O_CLOEXEC)
    try:
        # A slot is tried by locking it. A worker that looks for a slot at that moment would pass it by and make
        # one more, so both happen under the index's lock only.
        with locked(index):
            return {number: _is_owned(counts_path(folder, number)) for number in numbers}
    except TimeoutError:
        return dict.fromkeys(numbers, True)
    finally:
        os.close(index)


def _is_owned(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False  # nothing of ours
    try:
        if not try_lock(file):
            return True
        # Not left to close(): a process forked just now has a copy of the descriptor.
        unlock(file)
        return False
    finally:
        os.close(file)


def _read(path: Path, words: int) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        # Its owner was killed between making the one file and the other.
        return bytes(words * WORD)
    try:
        return read_words(file, words)
    finally:
        os.close(file)
