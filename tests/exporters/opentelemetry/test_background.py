"""The background thread: bounded, in order, one for each process, ended in time."""

import contextvars
import os
import threading

import pytest

from djmetrics import guard
from djmetrics.exporters.opentelemetry.background import MANY, Background


class Doing:
    """Work that notes what it is given, and can be held up."""

    def __init__(self, limit: int = 10, last=lambda: None) -> None:
        self.done: list[object] = []
        self.lists: list[list[object]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.background = Background(self.work, limit, "djmetrics-spans", last)

    def work(self, items: list[object]) -> None:
        self.begun.set()
        self.gate.wait(20)
        self.lists.append(items)
        self.done += items
        if "broken" in items:
            raise ValueError


def test_in_order():
    """What was put is done, first in, first out, in lists."""
    doing = Doing(limit=1000)
    for number in range(200):
        assert doing.background.put(number)
    assert doing.background.flush(10)
    assert doing.done == list(range(200))
    assert max(map(len, doing.lists)) <= 64
    assert doing.background.waiting() == 0
    doing.background.stop(10)


def test_bounded():
    """What finds no room is refused; there is room again once something is done."""
    doing = Doing(limit=10)
    doing.gate.clear()
    assert doing.background.put("a", 6)
    assert not doing.background.put("b", 5)
    assert doing.background.put("c", 4)
    assert not doing.background.put("d")
    assert doing.background.waiting() == 10
    doing.gate.set()
    assert doing.background.flush(10)
    assert doing.background.put("e", 10)
    assert doing.background.stop(10) == 0
    assert doing.done == ["a", "c", "e"]


def test_no_thread_before_the_first_item():
    """Until something is put there is nothing to wait for."""
    before = threading.active_count()
    doing = Doing()
    assert doing.background.flush(0)
    assert doing.background.stop(0) == 0
    assert doing.background.waiting() == 0
    assert threading.active_count() == before


def test_many_are_not_kept_waiting():
    """A lot of weight wakes the thread before its interval is over."""
    doing = Doing(limit=MANY)
    doing.background.put("all", MANY)
    assert doing.begun.wait(10)
    doing.background.stop(10)


def test_few_are_not_kept_waiting_for_ever(monkeypatch):
    """The thread looks by itself."""
    monkeypatch.setattr("djmetrics.exporters.opentelemetry.background.INTERVAL", 0.01)
    doing = Doing()
    doing.background.put("one")
    assert doing.begun.wait(10)
    doing.background.stop(10)


def test_a_failure_ends_nothing(monkeypatch):
    """Work that raises is reported, and the next is done."""
    monkeypatch.setattr(guard, "strict", False)
    doing = Doing()
    doing.background.put("broken")
    assert doing.background.flush(10)
    doing.background.put("whole")
    assert doing.background.flush(10)
    assert doing.done == ["broken", "whole"]
    assert guard.counts["exporters.opentelemetry.background"] == 1
    assert doing.background.stop(10) == 0


def test_stopped():
    """What waits is done, then the thread ends, with one last call; nothing more is taken."""
    last = []
    doing = Doing(last=lambda: last.append(list(doing.done)))
    doing.background.put("a")
    doing.background.put("b")
    assert doing.background.stop(10) == 0
    assert last == [["a", "b"]]
    assert not doing.background.put("c")
    assert doing.background.flush(0)
    assert doing.background.stop(0) == 0


def test_stopped_while_work_hangs():
    """It returns at the end of its time and says what is left; the thread ends as soon as it can."""
    doing, others = Doing(), set(threading.enumerate())
    doing.gate.clear()
    doing.background.put("hangs", 3)
    flushed = []
    flusher = threading.Thread(target=lambda: flushed.append(doing.background.flush(0.01)))
    flusher.start()
    assert doing.begun.wait(10)
    flusher.join()
    doing.background.put("waits", 2)
    assert doing.background.stop(0.01) == 5
    assert flushed == [False]
    doing.gate.set()  # the fixture sees the thread end
    for thread in set(threading.enumerate()) - others:
        thread.join(10)
    assert doing.done == ["hangs"]


def test_no_thread_to_be_had(monkeypatch):
    """Where no thread can start, what was put waits, within the bound, and the next item tries again."""
    doing = Doing(limit=2)
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: exec("raise RuntimeError"))
    assert doing.background.put("a")
    assert not doing.background.flush(0)
    assert doing.background.waiting() == 1
    monkeypatch.setattr(threading.Thread, "start", start)
    assert doing.background.put("b")
    assert doing.background.flush(10)
    assert doing.done == ["a", "b"]
    doing.background.stop(10)


def test_a_fork_begins_empty(monkeypatch):
    """In a child nothing waits and a thread of its own starts; the parent goes on."""
    doing = Doing()
    doing.gate.clear()
    doing.background.put("the parent's")
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    assert doing.background.waiting() == 0
    assert doing.background.flush(0)
    assert doing.background.stop(0) == 0
    doing.gate.set()
    doing.background.put("the child's")
    assert doing.background.flush(10)
    assert "the child's" in doing.done
    doing.background.stop(10)
    for thread in threading.enumerate():
        if thread.name == "djmetrics-spans":  # the parent's, which a real child would not have
            thread._target.__self__._stopped = True  # type: ignore[attr-defined]
            thread._target.__self__._wake.set()  # type: ignore[attr-defined]


def test_first_threads_of_a_fork():
    """Threads that come first in a child at the same time lose nothing of each other."""
    for _ in range(50):
        doing = Doing(limit=100)
        doing.background._queues[os.getpid() + 1] = None  # type: ignore[assignment]
        barrier = threading.Barrier(4)

        def put(number: int, doing=doing, barrier=barrier) -> None:
            barrier.wait()
            doing.background.put(number)

        threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert doing.background.stop(10) == 0
        assert sorted(doing.done) == [0, 1, 2, 3]
        assert list(doing.background._queues) == [os.getpid()]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_real_fork():
    """In a real child, too, whose parent was at work when it forked."""
    doing = Doing()
    doing.background.put("the parent's")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            doing.background.put("the child's")
            answer = b"yes" if doing.background.flush(10) and doing.done[-1:] == ["the child's"] else b"no"
            os.write(write, answer)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    assert os.read(read, 10) == b"yes"
    os.close(read)
    assert doing.background.flush(10)
    assert doing.done == ["the parent's"]
    doing.background.stop(10)


def test_twice_on_one_thread():
    """A signal's handler may put something while its own thread does: neither waits for the other."""
    doing = Doing(limit=10)
    assert doing.background.put("first")
    assert doing.background.flush(10)
    (queue,) = doing.background._queues.values()
    put: list[bool] = []

    def interrupted() -> None:
        with queue._lock:
            put.append(doing.background.put("inner"))

    thread = threading.Thread(target=interrupted, daemon=True)
    thread.start()
    thread.join(5)
    assert put == [True]
    assert doing.background.stop(10) == 0
    assert doing.done == ["first", "inner"]


def test_the_thread_keeps_nothing_of_a_request(monkeypatch):
    """Libraries hand what is current on to a thread that starts; ours would keep it as long as the process lives."""
    current = contextvars.ContextVar("current", default="")
    handed: list[contextvars.Context] = []
    start = threading.Thread.start

    def instrumented(self: threading.Thread) -> None:
        handed.append(contextvars.copy_context())
        start(self)

    monkeypatch.setattr(threading.Thread, "start", instrumented)
    current.set("of the request")
    doing = Doing()
    doing.background.put("first")
    assert doing.background.stop(10) == 0
    assert current not in handed[0]


def test_an_exit_ends_nothing(monkeypatch):
    """What a processor of the site's raises, be it an exit, does not end the thread."""
    monkeypatch.setattr(guard, "strict", False)
    doing = Doing()
    work = doing.background._arguments[0]

    def leave(items: list[object]) -> None:
        work(items)
        if "exit" in items:
            raise SystemExit

    doing.background._arguments = (leave, *doing.background._arguments[1:])
    doing.background.put("exit")
    assert doing.background.flush(10)
    doing.background.put("next")
    assert doing.background.flush(10)
    assert doing.background.stop(10) == 0
    assert doing.done == ["exit", "next"]
