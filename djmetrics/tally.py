"""What exporters count of themselves, on whatever thread, until the metrics' exporter takes it away."""

import threading
from collections.abc import Callable

from . import guard
from .catalogue import Metric

publish: Callable[[], None] | None = None
"""What makes the metrics' exporter take it away at once, where other processes show it."""

# One thread may come here twice: a signal's handler runs in the middle of anything.
_lock = threading.RLock()
_counts: dict[tuple[Metric, tuple[str, ...]], int] = {}


def add(metric: Metric, values: tuple[str, ...], amount: int = 1) -> None:
    """Add ``amount`` to a counter of the catalogue; ``values`` are its labels' values, in its order."""
    with _lock:
        key = metric, values
        _counts[key] = _counts.get(key, 0) + amount


def tell() -> None:
    """Have what was added published, where somebody waits for it: this process may not serve again for long.

    Called on the threads that send, never in a request.
    """
    if publish is None or not _counts:
        return
    try:
        publish()
    except Exception:  # it may be on a thread of an SDK's
        guard.failed("tally.publish")


def waiting() -> bool:
    """Whether there is anything to take."""
    return bool(_counts)


def take() -> list[tuple[Metric, tuple[str, ...], int]]:
    """All that was added since the last time."""
    global _counts
    with _lock:
        taken, _counts = _counts, {}
    return [(metric, values, amount) for (metric, values), amount in taken.items()]


def reset() -> None:
    """Forget all: in a forked child, where it is the parent's to count, and where a lock may be held by no thread."""
    global _lock
    _lock = threading.RLock()
    _counts.clear()
