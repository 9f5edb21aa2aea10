"""Words that other processes write while they are read."""

import os
from pathlib import Path

import pytest

from djmetrics.exporters.prometheus import whole
from djmetrics.exporters.prometheus.whole import read_words

WORDS = 2_000


@pytest.fixture
def file(tmp_path: Path):
    """A file of words, each with its own number in it."""
    path = tmp_path / "words"
    path.write_bytes(b"".join(number.to_bytes(8, "little") for number in range(WORDS)))
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def words_of(data: bytes) -> list[int]:
    return list(memoryview(data).cast("Q"))


def test_as_they_are(file):
    """All of them, or the first ones; zeros where the file ends."""
    assert words_of(read_words(file, WORDS)) == list(range(WORDS))
    assert words_of(read_words(file, 3)) == [0, 1, 2]
    assert words_of(read_words(file, WORDS + 2)) == [*range(WORDS), 0, 0]


@pytest.mark.parametrize("which", [0, 1])
def test_half_a_word_is_not_believed(file, monkeypatch, which):
    """Where two readings differ the word is looked up: a half of it, seen by one of them, is shown by none."""
    torn = bytearray(os.pread(file, WORDS * 8, 0))
    for place in (700, 1_999):
        torn[place * 8 : place * 8 + 8] = b"\xff\xff\0\0\0\0\0\0"
    readings = [os.pread(file, WORDS * 8, 0)] * 2
    readings[which] = bytes(torn)
    monkeypatch.setattr(whole, "read_start", lambda *args: readings.pop(0))
    assert words_of(read_words(file, WORDS)) == list(range(WORDS))


def test_file_that_is_cut_short(file, monkeypatch):
    """It is not mapped: to touch what is not there would end the process."""
    readings = [bytes(8 * (WORDS + 1_000)), os.pread(file, WORDS * 8, 0) + bytes(8_000)]
    monkeypatch.setattr(whole, "read_start", lambda *args: readings.pop(0))
    assert words_of(read_words(file, WORDS + 1_000))[: WORDS + 1] == [*range(WORDS), 0]
