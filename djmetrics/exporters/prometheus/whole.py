"""Reads words that other processes write meanwhile, so that each is one that was there."""

import mmap

from .files import read_start
from .regions import WORD

_CHUNK = 4096


def read_words(file: int, words: int) -> bytes:
    """The first words of a file, each as it was at some moment; zero where the file has none.

    The kernel copies bytes, and on some processors shows half of a word that is being written. So all is read twice,
    and what differs is looked up in memory, by loads of whole words. Not all of it: to map a file is to trust its size.
    """
    size = words * WORD
    first, second = read_start(file, size), read_start(file, size)
    if first == second:
        return first
    try:
        mapped = mmap.mmap(file, size, prot=mmap.PROT_READ)
    except (OSError, ValueError):  # it is shorter
        return second
    found = bytearray(second)
    with mapped, memoryview(mapped) as view, view.cast("Q") as there, memoryview(found).cast("Q") as target:
        for place in _differing(first, second):
            target[place] = there[place]
    return bytes(found)


def _differing(first: bytes, second: bytes) -> list[int]:
    """The numbers of the words in which two readings differ."""
    found = []
    for start in range(0, len(first), _CHUNK):
        one, other = first[start : start + _CHUNK], second[start : start + _CHUNK]
        if one != other:
            pairs = zip(memoryview(one).cast("Q"), memoryview(other).cast("Q"), strict=True)
            found += [start // WORD + place for place, (a, b) in enumerate(pairs) if a != b]
    return found
