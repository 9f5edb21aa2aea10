"""Exclusive time: the phases of a record sum to its duration, one after another and side by side."""

import asyncio
import contextvars
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djmetrics import layers, recorder
from djmetrics.phases import PHASES
from djmetrics.record import Record, Subject
from djmetrics.testing import FakeClock, fake_clock

from .trees import SUBJECTS, Node, forests, nanoseconds, own_times, play, play_together, unit


def figures(record: Record) -> dict[str, int]:
    """The phases that took any time."""
    return {phase: ns for phase, ns in record.phases.items() if ns}


def sums(record: Record) -> bool:
    return (
        tuple(record.phases) == PHASES
        and sum(record.phases.values()) == record.duration
        and min(record.phases.values()) >= 0
    )


def test_nothing_happened():
    """All of an empty record is other."""
    with fake_clock() as clock, unit() as record:
        clock.wall += 7

    assert figures(record) == {"other": 7}
    assert sums(record)


def test_by_hand():
    """A view of 10 with two statements of 2 and a template of 3 that asks the cache for 1."""
    page = Node("template", 1, 1, [Node("cache", 1, 0)])
    with fake_clock() as clock, unit() as record:
        clock.wall += 5
        play(Node("view", 1, 2, [Node("db", 2, 0), page, Node("db", 1, 1)]), clock)
        clock.wall += 3

    assert figures(record) == {"view": 3, "db": 4, "template": 2, "cache": 1, "other": 8}
    assert sums(record)


def test_a_kind_without_a_phase_is_other():
    """What third parties time is other, unless they say more."""
    with fake_clock() as clock, unit() as record:
        play(Node("mail", 5, 0), clock)
        operation = recorder.begin(Subject("search", "query", phase="db"))
        clock.wall += 4
        recorder.end(operation)

    assert figures(record) == {"other": 5, "db": 4}


@given(forests, nanoseconds)
def test_one_after_another(forest, rest):
    """Whatever the nest: each phase is what its operations took themselves."""
    with fake_clock() as clock, unit() as record:
        for node in forest:
            play(node, clock)
        clock.wall += rest

    expected = own_times(forest)
    expected["other"] = expected.pop("mail") + rest
    assert figures(record) == {kind: ns for kind, ns in expected.items() if ns}
    assert sums(record)


@given(forests, nanoseconds)
def test_side_by_side(forest, rest):
    """Under asyncio.gather the phases still sum to the duration, and none is below nought."""

    async def main(clock: FakeClock) -> None:
        await asyncio.gather(*(play_together(node, clock) for node in forest))
        clock.wall += rest

    with fake_clock() as clock, unit() as record:
        asyncio.run(main(clock))

    assert sums(record)


def test_two_side_by_side_by_hand():
    """An instant at which two run is half each's; one at which a child runs is the child's."""
    with fake_clock() as clock, unit() as record:
        first = recorder.begin(SUBJECTS["db"])
        clock.wall += 10  # db alone
        recorder.make_current(record.root)
        second = recorder.begin(SUBJECTS["cache"])
        clock.wall += 20  # both
        recorder.end(first)
        clock.wall += 30  # cache alone
        recorder.end(second)
        clock.wall += 40

    assert figures(record) == {"db": 20, "cache": 40, "other": 40}


def test_threads():
    """Operations of threads that run for one record, each in a copy of its context."""
    with fake_clock() as clock, unit() as record:
        barrier = threading.Barrier(2)

        def work() -> None:
            operation = recorder.begin(SUBJECTS["db"])
            barrier.wait()
            clock.wall += 50
            barrier.wait()
            recorder.end(operation)

        contexts = [contextvars.copy_context() for _ in range(2)]
        threads = [threading.Thread(target=context.run, args=(work,)) for context in contexts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        clock.wall += 10

    assert sums(record)
    assert figures(record) == {"db": record.duration - 10, "other": 10}


steps = st.lists(
    st.tuples(st.sampled_from(["begin", "end", "fetch", "wait", "leaf"]), st.integers(0, 5)), max_size=40
)


@given(steps)
def test_any_order_of_beginnings_and_ends(script):
    """Operations that begin and end in any order, below any that is open, with fetches in between: sums hold."""
    with fake_clock() as clock, unit() as record:
        running = [record.root]
        for step, which in script:
            clock.wall += which
            at = running[which % len(running)]
            recorder.make_current(at)
            if step == "begin":
                running.append(
                    recorder.begin(SUBJECTS[("view", "db", "template", "cache", "mail")[which % 5]])
                )
            elif step == "end" and at is not record.root:
                running.remove(at)
                recorder.end(at)
            elif step == "fetch" and at is not record.root:
                started = recorder.resume_leaf(at)
                clock.wall += 3
                recorder.pause_leaf(at, started)
            elif step == "leaf":
                leaf = recorder.begin_leaf(SUBJECTS["db"])
                clock.wall += 2
                recorder.end_leaf(leaf)
        while len(running) > 1:
            clock.wall += 1
            recorder.end(running.pop())
        recorder.make_current(record.root)

    assert sums(record)


@given(forests, st.integers(min_value=1, max_value=6))
def test_counted_in_part(forest, limit):
    """A record that was counted in part while it ran has the same phases as one that was not."""
    before = Record.limit
    Record.limit = limit
    try:
        with fake_clock() as clock, unit() as record:
            for node in forest:
                play(node, clock)
    finally:
        Record.limit = before

    expected = own_times(forest)
    expected["other"] = expected.pop("mail")
    assert figures(record) == {kind: ns for kind, ns in expected.items() if ns}


@given(forests, st.integers(min_value=1, max_value=6))
def test_side_by_side_and_counted_in_part(forest, limit):
    """Then the parts that are gone are scaled; the sum holds."""

    async def main(clock: FakeClock) -> None:
        await asyncio.gather(*(play_together(node, clock) for node in forest))

    before = Record.limit
    Record.limit = limit
    try:
        with fake_clock() as clock, unit() as record:
            asyncio.run(main(clock))
    finally:
        Record.limit = before

    assert sums(record)


def gathering(clock: FakeClock) -> Any:
    """A view that does two things of 10 side by side."""

    async def work(kind: str) -> None:
        operation = recorder.begin(SUBJECTS[kind])
        await asyncio.sleep(0)
        clock.wall += 10
        recorder.end(operation)

    async def view(request: object) -> None:
        await asyncio.gather(work("db"), work("cache"))

    return view


def test_layers_beside_side_by_side():
    """A request whose view gathers has its middlewares' time all the same."""
    layer, switch = Subject("middleware", "site.Slow"), SimpleNamespace(active=True)

    async def slow(request: object) -> None:
        clock.wall += 5
        await layers.timed_async_layer(gathering(clock), Subject("handler", "handler"), switch)(request)
        clock.wall += 6

    with fake_clock() as clock, unit() as record:
        asyncio.run(layers.timed_async_layer(slow, layer, switch)(None))

    assert sums(record)
    assert record.phases["db"] + record.phases["cache"] == 20
    assert record.phases["middleware"] <= 11


@pytest.mark.parametrize("limit", [5000, 1])
def test_layer_that_took_less_than_what_ran_inside(limit, monkeypatch):
    """It took nothing itself; what else was counted is not made less by it, whether or not parts are gone."""
    monkeypatch.setattr(Record, "limit", limit)
    switch = SimpleNamespace(active=True)

    with fake_clock() as clock, unit() as record:
        timed = layers.timed_async_layer(gathering(clock), Subject("middleware", "site.Slow"), switch)
        asyncio.run(timed(None))
        clock.wall += 30

    assert record.layers[0][3] < 0
    assert sums(record)
    assert record.phases["middleware"] == 0
    assert record.phases["db"] > 0
    assert record.phases["cache"] > 0


def test_worked_out_once():
    """The phases are the same object each time."""
    with unit() as record:
        pass
    assert record.phases is record.phases
