"""The evidence that djmetrics was at work: an exporter that counts what it is given, by kind."""

import os
import threading
from collections import Counter
from collections.abc import Sequence

from djmetrics.record import Operation, Record, layer_operations

_lock = threading.Lock()
_counts: Counter[str] = Counter()


def snapshot() -> Counter[str]:
    """What was counted so far in this process: ``record:<kind>`` and ``<kind of operation>``."""
    with _lock:
        return Counter(_counts)


def _count(names: list[str]) -> None:
    with _lock:
        _counts.update(names)


def _forget() -> None:
    global _lock
    _lock = threading.Lock()
    _counts.clear()


# A forked test worker counts its own.
os.register_at_fork(after_in_child=_forget)


class CountingExporter:
    """Counts records, their layers and their operations."""

    def opened(self, record: Record) -> None:
        _count([f"opened:{record.kind}"])

    def spill(self, record: Record, operations: Sequence[Operation]) -> None:
        _count([each.subject.kind for each in operations])

    def export(self, record: Record) -> None:
        operations = [*layer_operations(record), *record.operations]
        _count([f"record:{record.kind}", *(each.subject.kind for each in operations)])

    def dropped(self, record: Record) -> None:
        _count([f"dropped:{record.kind}"])
