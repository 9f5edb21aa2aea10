"""One thread tells the exporters one thing at a time.

They hold locks meanwhile. A signal's handler, or a finaliser, may begin and end units of work in the middle of that:
for it to wait for a lock that its own thread holds would be to wait for ever.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class _State:
    """Whether something is told on a thread, and what shall be told after that."""

    __slots__ = ("busy", "later")

    def __init__(self) -> None:
        self.busy = False
        self.later: deque[tuple[Callable[[Any], None], Any]] = deque()


class _Thread(threading.local):
    """Each thread's own; it is asked for once, since that takes longer than all that follows."""

    def __init__(self) -> None:
        self.state = _State()


_here = _Thread()


def tell(what: Callable[[Any], None], of: Any) -> None:
    """Call ``what``, which tells the exporters; after what they are being told on this thread, if anything."""
    here = _here.state
    if here.busy:
        here.later.append((what, of))
        return
    here.busy = True
    try:
        what(of)
        if here.later:
            _catch_up(here)
    finally:
        here.busy = False


@contextmanager
def alone() -> Iterator[None]:
    """What is told on this thread inside the block is told at its end: for whoever holds an exporter's lock."""
    here = _here.state
    if here.busy:
        yield
        return
    here.busy = True
    try:
        yield
        _catch_up(here)
    finally:
        here.busy = False


def _catch_up(here: _State) -> None:
    while here.later:
        what, of = here.later.popleft()
        what(of)


def reset() -> None:
    """Forget all: in a forked child, where it is the parent's to tell, and in tests."""
    global _here
    _here = _Thread()
