"""Work that is done later, on a thread of its own: bounded, and told apart by process."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

from ... import guard

INTERVAL = 1.0
"""Seconds that what was put waits at most before the thread looks."""

MANY = 256
"""How much weight wakes the thread at once."""

_BATCH = 64
_LOOK = 0.02

Work = Callable[[list[Any]], None]
Last = Callable[[], None]


class Background:
    """Gives what was ``put`` to ``work`` in lists, on a thread that starts with the first item.

    At most ``limit`` units of weight wait. When the thread is stopped it calls ``last``. It is the process's own: after
    a fork the child begins with an empty queue, since what waited is the parent's to send.
    """

    def __init__(self, work: Work, limit: int, name: str, last: Last = lambda: None) -> None:
        self._arguments = work, limit, name, last
        self._queues: dict[int, _Queue] = {}

    def put(self, item: Any, weight: int = 1) -> bool:
        """Queue an item; False if it found no room."""
        pid = os.getpid()  # uWSGI forks without telling Python
        queue = self._queues.get(pid)
        if queue is None:
            # Of several threads that come here first, all get the same one.
            queue = self._queues.setdefault(pid, _Queue(*self._arguments))
            for other in [each for each in self._queues if each != pid]:
                self._queues.pop(other, None)
        return queue.put(item, weight)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was put before is done, at most ``timeout`` seconds; whether it is."""
        queue = self._queues.get(os.getpid())
        return queue is None or queue.flush(timeout)

    def stop(self, timeout: float, hopeless: Callable[[], bool] = lambda: False) -> int:
        """Take no more, do what waits, and end the thread, in at most ``timeout`` seconds; the weight that is left.

        As soon as it is ``hopeless``, it waits no longer.
        """
        queue = self._queues.get(os.getpid())
        return 0 if queue is None else queue.stop(timeout, hopeless)

    def waiting(self) -> int:
        """The weight of what waits or is being done."""
        queue = self._queues.get(os.getpid())
        return 0 if queue is None else queue.weight


class _Queue:
    """What waits in one process, and the thread that does it."""

    def __init__(self, work: Work, limit: int, name: str, last: Last) -> None:
        self._work = work
        self._limit = limit
        self._name = name
        self._last = last
        # One thread may come here twice: a signal's handler, or a finaliser, runs in the middle of anything.
        self._lock = threading.RLock()
        self._items: deque[tuple[Any, int]] = deque()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self.weight = 0

    def put(self, item: Any, weight: int) -> bool:
        with self._lock:
            if self._stopped or self.weight + weight > self._limit:
                return False
            self.weight += weight
            self._items.append((item, weight))
            if self._thread is None:
                self._start()
        if self.weight >= MANY:
            self._wake.set()
        return True

    def _start(self) -> None:
        thread = self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        try:
            # Not in the request that comes first: what is current there, and other libraries hand on to threads, would
            # be kept as long as the process lives.
            Context().run(thread.start)
        except RuntimeError:  # the machine has no thread left: the next item tries again
            self._thread = None

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(INTERVAL)
            self._wake.clear()
            self._drain()
        self._drain()
        self._last()

    def _drain(self) -> None:
        while batch := self._batch():
            try:
                self._work([item for item, _ in batch if not isinstance(item, threading.Event)])
            except BaseException:  # an exit, too, would end the thread, and nothing would be sent any more
                guard.failed("exporters.opentelemetry.background")
            finally:
                with self._lock:
                    self.weight -= sum(weight for _, weight in batch)
                for item, _ in batch:
                    if isinstance(item, threading.Event):
                        item.set()

    def _batch(self) -> list[tuple[Any, int]]:
        with self._lock:
            return [self._items.popleft() for _ in range(min(_BATCH, len(self._items)))]

    def flush(self, timeout: float) -> bool:
        done = threading.Event()
        with self._lock:
            if self._thread is None or self._stopped:
                return not self.weight
            self._items.append((done, 0))
        self._wake.set()
        return done.wait(timeout)

    def stop(self, timeout: float, hopeless: Callable[[], bool]) -> int:
        deadline = time.monotonic() + timeout
        with self._lock:
            self._stopped = True
        self._wake.set()
        if self._thread is not None:
            self._wait(self._thread, deadline, hopeless)
        with self._lock:
            left = self.weight
            # The thread, should it ever come back from what it does, ends.
            self._items.clear()
        return left

    def _wait(self, thread: threading.Thread, deadline: float, hopeless: Callable[[], bool]) -> None:
        while thread.is_alive() and (left := deadline - time.monotonic()) > 0 and not hopeless():
            thread.join(min(left, _LOOK))
