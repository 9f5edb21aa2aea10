"""One thread tells the exporters one thing at a time, though a signal's handler runs in the middle of it."""

import contextlib
import threading
from typing import Any

from djmetrics import runtime, telling, units
from djmetrics.exporters import Exporter
from djmetrics.record import Record, Subject
from tests.test_units import Noting


class Locking(Exporter):
    """Holds a lock while it is told, as most do, and is interrupted once by ``handler``."""

    def __init__(self, method: str, handler: Any) -> None:
        self.lock = threading.Lock()
        self.method = method
        self.handler = handler

    def _told(self, method: str) -> None:
        assert self.lock.acquire(timeout=1), "it waits for itself"
        try:
            if method == self.method:
                self.method = ""
                self.handler()
        finally:
            self.lock.release()

    def opened(self, record: Record) -> None:
        self._told("opened")

    def export(self, record: Record) -> None:
        self._told("export")

    def dropped(self, record: Record) -> None:
        self._told("dropped")


def test_a_handler_in_the_middle():
    """What it begins and ends is told afterwards, in order; nothing waits for itself."""
    for method in "opened", "export", "dropped":
        inner: list[Record] = []

        def handler(inner: list[Record] = inner) -> None:
            for _ in range(2):
                inner.append(units.open())
                units.announce(inner[-1])
                units.close(inner[-1])

        noting, locking = Noting(), Locking(method, handler)
        with units.also(locking), units.also(noting):
            outer = units.open()
            units.announce(outer)
            if method == "dropped":
                units.drop(outer)
            units.close(outer)
        told = [(note, about) for note, about in noting.notes if about is not outer]
        assert told == [(note, each) for each in inner for note in ("opened", "export")]
        assert len(inner) == 2
        assert [each.duration for each in inner] == [each.end - each.start for each in inner]


def test_an_end_in_the_middle():
    """An exit that a handler raises leaves the thread as it was; what waits is told the next time."""
    told: list[str] = []

    def leave(what: str) -> None:
        telling.tell(told.append, "later")
        raise SystemExit

    with contextlib.suppress(SystemExit):
        telling.tell(leave, "")
    assert told == []
    telling.tell(told.append, "next")
    assert told == ["next", "later"]


def test_threads_are_told_of_by_themselves():
    """Another thread's need not wait."""
    told: list[str] = []

    def slow(what: str) -> None:
        thread = threading.Thread(target=telling.tell, args=(told.append, "other"))
        thread.start()
        thread.join()
        told.append(what)

    telling.tell(slow, "slow")
    assert told == ["other", "slow"]


def test_alone():
    """Whoever holds a lock of an exporter's is told of nothing meanwhile; blocks may nest."""
    told: list[str] = []
    with telling.alone():
        telling.tell(told.append, "outer")
        with telling.alone():
            telling.tell(told.append, "inner")
        assert told == []
    assert told == ["outer", "inner"]


def test_a_handler_while_the_page_is_read(monkeypatch):
    """A signal's handler may end a command while its own thread copies what has been counted."""
    exporter = runtime.exporter()
    assert exporter is not None
    store, closed = exporter.store, threading.Event()
    read = store._read

    def interrupted() -> Any:
        with store.lock:
            made = units.open(Subject("command", "command"), "(command x)")
            units.announce(made)
            units.close(made)
        closed.set()
        return read()

    monkeypatch.setattr(store, "_read", interrupted)
    monkeypatch.setattr(exporter, "batch", 1)
    threading.Thread(target=store.read, daemon=True).start()
    assert closed.wait(5), "it waits for itself"
