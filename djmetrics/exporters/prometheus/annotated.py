"""Requests once more, by what the site said of them: one series per key and value, never their combinations."""

from collections.abc import Callable, Iterable

from ... import catalogue as c
from ...record import Record, said_of
from .regions import Words
from .series import Series
from .totals import Claim, Place, observe, place

_CACHED = 5_000


class Annotated:
    """Adds records to the series of their annotations; each series is found once."""

    def __init__(self, claim: Claim, overflowed: Callable[[str], None]) -> None:
        self._claim = claim
        self._overflowed = overflowed
        self._known: dict[tuple[str, str, str], tuple[Place, Series]] = {}

    def add(self, words: Words, record: Record, keys: Iterable[str]) -> None:
        """Add one record, by those of its annotations that the site declared as labels."""
        said = said_of(record)
        for key in keys:
            if key in said:
                value = said[key]
                text = str(value).lower() if isinstance(value, bool) else str(value)
                self._count(words, record, (record.view, key, text))

    def _count(self, words: Words, record: Record, labels: tuple[str, str, str]) -> None:
        known = self._known.get(labels)
        if known is None:
            if len(self._known) >= _CACHED:
                self._known.clear()
            duration = place(c.ANNOTATED_DURATION, self._claim(c.ANNOTATED_DURATION, labels))
            known = self._known[labels] = duration, self._claim(c.ANNOTATED_CPU, labels)
        duration, cpu = known
        observe(words, duration, record.duration, self._overflowed)
        words[cpu.offset] += record.cpu_ns
        if cpu.overflow:
            self._overflowed(c.ANNOTATED_CPU.name)
