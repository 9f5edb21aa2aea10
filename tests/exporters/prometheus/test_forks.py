"""Forks: with Python's hooks, without them, with threads, of masters that have counted."""

import os
import subprocess
import sys
import textwrap

import pytest

from .helpers import HITS, MS, Held, add, fork, join, observations, observe, slot_files, values

PREAMBLE = """
import ctypes, os, sys, threading, time
from pathlib import Path
from djmetrics.exporters.prometheus import Store
from tests.exporters.prometheus.helpers import *
raw_fork = ctypes.PyDLL(None).fork
folder = Path(sys.argv[1])
"""


def run(code: str, folder: object) -> str:
    """Run a program of its own, so that what it forks has nothing of pytest."""
    program = PREAMBLE + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize("how", ["os.fork", "raw_fork"])
def test_child_of_an_attached_parent(tmp_path, how):
    """A forked child has its own slot and none of the parent's counts twice, with Python's hooks or without."""
    out = run(
        f"""
        store = Store(METRICS)
        store.attach(folder)
        observe(store, MS)
        if (child := {how}()) == 0:
            observe(store, MS)
            observe(store, MS, "child's")
            os._exit(0 if values(store)["djmetrics_workers"] == 2 else 1)
        assert join(child) == 0
        observe(store, MS)
        print(observations(store), len(slot_files(folder)), values(store)["djmetrics_workers"])
        """,
        tmp_path,
    )
    assert out.split() == ["4", "2", "1.0"]


@pytest.mark.parametrize("how", ["os.fork", "raw_fork"])
def test_child_of_a_parent_in_memory(tmp_path, how):
    """Preloading: what the master counted in memory stays its own; the workers attach and add up."""
    out = run(
        f"""
        store = Store(METRICS)
        observe(store, MS)
        children = []
        for _ in range(3):
            if (child := {how}()) == 0:
                observe(store, MS)
                assert observations(store) == 1
                store.attach(folder)
                observe(store, MS)
                os._exit(0)
            children.append(child)
        assert [join(child) for child in children] == [0, 0, 0]
        assert observations(store) == 1
        store.attach(folder)
        print(observations(store))
        """,
        tmp_path,
    )
    assert out.split() == ["7"]


@pytest.mark.parametrize("how", ["os.fork", "raw_fork"])
def test_lock_held_at_the_fork(tmp_path, how):
    """A child is not stopped by a lock that a thread of its parent held."""
    out = run(
        f"""
        store = Store(METRICS)
        store.attach(folder)
        held, done = threading.Event(), threading.Event()

        def hold():
            with store.lock:
                held.set()
                done.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        if (child := {how}()) == 0:
            observe(store, MS)
            os._exit(0)
        code = join(child)
        done.set()
        thread.join()
        print(code, observations(store))
        """,
        tmp_path,
    )
    assert out.split() == ["0", "1"]


def test_many_threads_begin_in_a_child(tmp_path):
    """Threads that all find out at once that there was a fork make one slot, and lose nothing."""
    out = run(
        """
        store = Store(METRICS)
        store.attach(folder)
        if (child := raw_fork()) == 0:
            start = threading.Barrier(8)

            def work():
                start.wait()
                for _ in range(100):
                    observe(store, MS)

            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            os._exit(0)
        print(join(child), observations(store), len(slot_files(folder)))
        """,
        tmp_path,
    )
    assert out.split() == ["0", "800", "2"]


def test_idle_child_does_not_keep_the_slot(store, make_store, tmp_path):
    """A child that never counts holds no slot, nor that of its parent when the parent is gone."""

    def child() -> None:
        os.write(begun[1], b".")
        os.read(go[0], 1)

    def parent() -> None:
        observe(store, MS)
        fork(child)

    store.attach(tmp_path)
    go, begun = os.pipe(), os.pipe()
    held = Held(parent)
    os.read(begun[0], 1)
    held.kill()
    try:
        assert values(store)["djmetrics_workers"] == 1
        make_store().attach(tmp_path)
        assert slot_files(tmp_path) == ["slot-000.v1", "slot-001.v1"]
    finally:
        os.write(go[1], b".")
        for end in (*go, *begun):
            os.close(end)


def test_close_with_children_alive(store, tmp_path):
    """A store that is closed gives up its slot even if a child without Python's hooks holds a copy of its lock."""
    out = run(
        """
        store = Store(METRICS)
        store.attach(folder)
        if (child := raw_fork()) == 0:
            time.sleep(60)
            os._exit(0)
        store.close()
        other = Store(METRICS)
        other.attach(folder)
        print(len(slot_files(folder)))
        os.kill(child, 9)
        join(child)
        """,
        tmp_path,
    )
    assert out.split() == ["1"]


def test_closing_in_a_child_leaves_the_parent(store, make_store, tmp_path):
    """A child that closes its store does not give its parent's slot away."""
    store.attach(tmp_path)
    observe(store, MS)

    assert join(fork(store.close)) == 0

    other = make_store()
    other.attach(tmp_path)
    assert values(store)["djmetrics_workers"] == 2
    observe(store, MS)
    assert observations(other) == 2


def test_grandchildren(store, tmp_path):
    """A fork in a fork counts too."""
    store.attach(tmp_path)

    def child() -> None:
        add(store, HITS)
        assert join(fork(lambda: add(store, HITS))) == 0
        add(store, HITS)

    assert join(fork(child)) == 0
    assert values(store)['test_hits_total{view="home"}'] == 3


def test_generation_changes_at_the_fork(store, tmp_path):
    """A child of Python's own fork sees at once that what it knows of series is void."""
    store.attach(tmp_path)
    generation = store.generation

    def child() -> None:
        assert store.generation > generation

    assert join(fork(child)) == 0
    assert store.generation == generation


def test_child_forked_under_the_lock_counts_for_itself(tmp_path):
    """A child's lock is its own, and what it counts before it looks for a slot is its own, too."""
    out = run(
        """
        store = attached(folder)
        add(store, HITS)
        with store.lock:
            child = os.fork()
            if not child:
                ok = store.lock.acquire(timeout=5)
                series = store.series(HITS, ("home",)) if ok else None
                store.words[series.offset] += 10
                store.lock.release()
                store.refresh_process()
                os._exit(0 if ok and len(slot_files(folder)) == 2 else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), values(store)['test_hits_total{view="home"}'])
        """,
        tmp_path,
    )
    assert out.split() == ["0", "11.0"]
