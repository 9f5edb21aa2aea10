"""Exemplars: the trace that last fell into a bucket, six words each.

The first word is the sum of the others. A reader in another process that meets one half written, or left so by a
worker that was killed, sees that the sum is wrong and drops it; and that whatever the order in which a processor
lets the others see its words.
"""

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from .layout import EXEMPLAR_WORDS
from .regions import WORD

_MASK = (1 << 64) - 1
_RECORD = Struct(f"{EXEMPLAR_WORDS}Q")


class Exemplar(NamedTuple):
    """A trace beside a bucket: when (ns since 1970), the value in recorded units, the ids."""

    timestamp: int
    value: int
    trace_id: int
    span_id: int


def write(words: memoryview, place: int, timestamp: int, value: int, trace_id: int, span_id: int) -> None:
    """Write one at the word ``place``."""
    high, low = trace_id >> 64, trace_id & _MASK
    check = (timestamp + value + high + low + span_id) & _MASK
    _RECORD.pack_into(words, place * WORD, check, timestamp, value, high, low, span_id)


def read(data: bytes | memoryview, place: int) -> Exemplar | None:
    """Read the one at the word ``place``; ``None`` if there is none, or half of one."""
    check, timestamp, value, high, low, span_id = _RECORD.unpack_from(data, place * WORD)
    if not timestamp or check != (timestamp + value + high + low + span_id) & _MASK:
        return None
    return Exemplar(timestamp, value, high << 64 | low, span_id)


def place(start: int, bucket: int) -> int:
    """The word at which a bucket's exemplar lies in a series whose exemplars start at ``start``."""
    return start + bucket * EXEMPLAR_WORDS


class Newest:
    """Finds the newest exemplar of all slots at each place."""

    def __init__(self, slots: Iterable[bytes]) -> None:
        self._slots = [data for data in slots if data != bytes(len(data))]
        times = [memoryview(data).cast("Q")[1::EXEMPLAR_WORDS].tolist() for data in self._slots]
        self._times = list(zip(*times, strict=True))

    def find(self, place: int) -> Exemplar | None:
        """The newest whole one at the word ``place``."""
        if not self._times:
            return None
        times = self._times[place // EXEMPLAR_WORDS]
        if not (latest := max(times)):
            return None
        found = read(self._slots[times.index(latest)], place)
        # Half written: then the newest of the others.
        return found or max((other for data in self._slots if (other := read(data, place))), default=None)
