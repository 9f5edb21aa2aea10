"""Work that is done later, on a thread of its own: bounded, and told apart by process."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

INTERVAL = 1.0
"""Seconds that what was put waits at most before the thread looks."""

_MANY = 256
_BATCH = 64


class Background:
    """Gives what was ``put`` to ``work`` in lists, on a thread that starts with the first item.

    At most ``limit`` units of weight wait. The thread is the process's own: after a fork the child begins with an
    empty queue, since what waited is the parent's to send.
    """

    def __init__(self, work: Callable[[list[Any]], None], limit: int, name: str) -> None:
        self._work = work
        self._limit = limit
        self._name = name
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._items: deque[tuple[Any, int]] = deque()
        self._weight = 0
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def put(self, item: Any, weight: int = 1) -> bool:
        """Queue an item; False if it found no room."""
        if self._pid != os.getpid():  # uWSGI forks without telling Python
            self._reset()
        with self._lock:
            if self._stopped or self._weight + weight > self._limit:
                return False
            self._weight += weight
            self._items.append((item, weight))
            if self._thread is None:
                self._start()
        if self._weight >= _MANY:
            self._wake.set()
        return True

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(INTERVAL)
            self._wake.clear()
            self._drain()
        self._drain()

    def _drain(self) -> None:
        while self._items:
            batch = [self._items.popleft() for _ in range(min(_BATCH, len(self._items)))]
            try:
                self._work([item for item, _ in batch if not isinstance(item, threading.Event)])
            finally:
                with self._lock:
                    self._weight -= sum(weight for _, weight in batch)
                for item, _ in batch:
                    if isinstance(item, threading.Event):
                        item.set()

    def flush(self, timeout: float) -> bool:
        """Wait until all that was put before is done, at most ``timeout`` seconds; whether it is."""
        if self._pid != os.getpid() or self._thread is None:
            return True
        done = threading.Event()
        self._items.append((done, 0))
        self._wake.set()
        return done.wait(timeout)

    def stop(self, timeout: float) -> bool:
        """Take no more, do what waits, and end the thread, in at most ``timeout`` seconds; whether all was done."""
        if self._pid != os.getpid() or self._thread is None:
            return True
        deadline = time.monotonic() + timeout
        with self._lock:
            self._stopped = True
        self._wake.set()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def waiting(self) -> int:
        """The weight of what waits."""
        return self._weight
