"""Operations: they begin, nest and end, in one context and across contexts."""

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from djmetrics import guard, layers, recorder, units
from djmetrics.record import Record, Subject
from djmetrics.testing import capture, fake_clock, record

from .trees import SUBJECTS, unit

DB, VIEW = SUBJECTS["db"], SUBJECTS["view"]


class Switch:
    def __init__(self, active: bool = True) -> None:
        self.active = active


def test_nesting():
    """An operation begins below the one that is running, and gives way to it when it ends."""
    with unit() as made:
        outer = recorder.begin(VIEW)
        inner = recorder.begin(DB)
        assert (inner.parent, outer.parent) == (outer, made.root)
        assert recorder.current_operation() is inner
        recorder.end(inner)
        assert recorder.current_operation() is outer
        recorder.end(outer)
        assert recorder.current_operation() is made.root
        assert recorder.current_record() is made

    assert made.operations == [inner, outer]
    assert recorder.current_record() is None


def test_leaf():
    """Nothing nests below a leaf."""
    with unit() as made:
        leaf = recorder.begin_leaf(DB)
        assert recorder.current_operation() is made.root
        other = recorder.begin(VIEW)
        recorder.end(other)
        recorder.end_leaf(leaf)

    assert other.parent is made.root


def test_outside():
    """Outside any request there is no current record, and operations are kept by the process's."""
    with capture() as operations:
        operation = recorder.begin(VIEW)
        assert recorder.current_record() is None
        inner = recorder.begin(DB)
        recorder.end(inner)
        recorder.end(operation)
        assert recorder.current_operation() is None

    assert operations == [inner, operation]
    assert operation.root is units.outside


def test_times():
    """Duration, children and what is its own."""
    with fake_clock() as clock, unit():
        outer = recorder.begin(VIEW)
        clock.wall += 3
        inner = recorder.begin(DB)
        clock.wall += 4
        recorder.end(inner)
        clock.wall += 5
        recorder.end(outer)

    assert (outer.duration, outer.exclusive, outer.children_ns) == (12, 8, 4)
    assert (inner.duration, inner.exclusive) == (4, 4)


def test_resumed():
    """What an operation does after its end is added to it, and taken from what is running then."""
    with fake_clock() as clock, unit() as made:
        query = recorder.begin(DB)
        clock.wall += 2
        recorder.end(query)
        view = recorder.begin(VIEW)
        resumed = recorder.resume(query)
        assert recorder.current_operation() is query
        clock.wall += 10
        recorder.pause(query, resumed)
        assert recorder.current_operation() is view
        clock.wall += 1
        recorder.end(view)

    assert (query.duration, query.exclusive, query.resumed_ns, view.exclusive) == (2, 12, 10, 1)
    assert made.phases["db"] == 12


def test_discard():
    """A request that is discarded is given to no exporter; outside any there is nothing to discard."""
    recorder.discard()
    with record() as seen, unit():
        recorder.discard()
        recorder.discard()

    assert seen.records == []


def test_copied_context():
    """A thread with a copy of the context works below what started it; one without works outside."""
    made: list[Any] = []

    def work() -> None:
        operation = recorder.begin(DB)
        recorder.end(operation)
        made.append(operation)

    with unit() as one:
        for target in contextvars.copy_context().run, lambda function: function():
            thread = threading.Thread(target=target, args=(work,))
            thread.start()
            thread.join()

    assert [each.root for each in made] == [one.root, units.outside]


def test_tasks():
    """Tasks nest below what started them, each for itself."""

    async def work(kind: str) -> Any:
        outer = recorder.begin(SUBJECTS[kind])
        await asyncio.sleep(0)
        inner = recorder.begin(DB)
        await asyncio.sleep(0)
        assert inner.parent is outer
        recorder.end(inner)
        recorder.end(outer)
        return outer

    async def main() -> Any:
        return await asyncio.gather(work("view"), work("template"), work("cache"))

    with unit() as made:
        outers = asyncio.run(main())

    assert [each.parent for each in outers] == [made.root] * 3
    assert made.root.concurrent


def test_generator_that_ends_elsewhere():
    """A generator that begins in one context and ends in another leaves both as they were."""

    def parts() -> Any:
        operation = recorder.begin(VIEW)
        try:
            yield operation
        finally:
            recorder.end(operation)

    with unit() as made:
        generator = parts()
        context = contextvars.copy_context()
        operation = context.run(next, generator)
        assert recorder.current_operation() is made.root
        generator.close()
        assert recorder.current_operation() is made.root

    assert made.operations == [operation]


def test_task_that_outlives_its_request():
    """What it still does is counted outside, without failing."""
    with capture("db") as operations:
        with unit() as made:
            context = contextvars.copy_context()

        def late() -> None:
            assert recorder.current_record() is None
            recorder.end(recorder.begin(DB))
            recorder.end_leaf(recorder.begin_leaf(DB))
            assert recorder.folded(VIEW) is None
            recorder.discard()

        context.run(late)

    assert made.operations == []
    assert len(operations) == 2


def test_folded():
    """One operation stands for all of a subject in a record; another record has its own."""
    with unit() as one:
        first = recorder.folded(VIEW)
        assert recorder.folded(VIEW) is first
        assert recorder.folded(DB) is not first
    with unit():
        assert recorder.folded(VIEW) is not first

    assert [each.subject for each in one.operations] == [VIEW, DB]
    assert recorder.folded(VIEW) is None


def layers_of(made: Any) -> list[tuple[str, int, Any]]:
    return [(layer[0].name, layer[3], layer[4]) for layer in made.layers]


def nested_layers(clock: Any, is_async: bool, fail: bool = False) -> Any:
    """Two layers of 1+2 and 3+4 around a handler of 5 around an operation of 6."""

    def innermost() -> None:
        operation = recorder.begin(VIEW)
        clock.wall += 6
        recorder.end(operation)
        if fail:
            raise LookupError

    def sync_layer(before: int, call: Any, after: int) -> Any:
        def layer(request: Any) -> None:
            clock.wall += before
            call(request)
            clock.wall += after

        return layer

    def async_layer(before: int, call: Any, after: int) -> Any:
        async def layer(request: Any) -> None:
            clock.wall += before
            await call(request)
            clock.wall += after

        return layer

    async def async_innermost(request: Any) -> None:
        innermost()

    make, timed = (async_layer, layers.timed_async_layer) if is_async else (sync_layer, layers.timed_layer)
    handler = timed(
        make(5, async_innermost if is_async else lambda request: innermost(), 0),
        Subject("handler", ""),
        Switch(),
    )
    inner = timed(make(3, handler, 4), Subject("middleware", "inner"), Switch())
    outer = timed(make(1, inner, 2), Subject("middleware", "outer"), Switch())
    return (lambda: asyncio.run(outer(None))) if is_async else (lambda: outer(None))


@pytest.mark.parametrize("is_async", [False, True])
def test_layers(is_async):
    """Each layer has its own time; the handler inside them is kept by nobody."""
    with fake_clock() as clock, unit() as made:
        nested_layers(clock, is_async)()

    assert layers_of(made) == [("inner", 7, None), ("outer", 3, None)]
    assert {phase: ns for phase, ns in made.phases.items() if ns} == {"middleware": 10, "view": 6, "other": 5}


@pytest.mark.parametrize("is_async", [False, True])
def test_layers_that_fail(is_async):
    """An exception passes, and each layer it left has its class."""
    with fake_clock() as clock, unit() as made, pytest.raises(LookupError):
        nested_layers(clock, is_async, fail=True)()

    assert layers_of(made) == [("inner", 3, LookupError), ("outer", 1, LookupError)]


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("is_async", [False, True])
def test_layers_are_bounded(is_async, monkeypatch):
    """Work that sends many requests keeps some of their layers, counts the rest, and has the time of all."""
    monkeypatch.setattr(layers, "MAX_LAYERS", 3)
    with fake_clock() as clock, unit() as made:
        for _ in range(3):
            nested_layers(clock, is_async)()
        begun = layers.begin_layer()
        clock.wall += 8
        assert begun is not None
        layers.end_layer(Subject("url", "resolve"), begun)

    assert layers_of(made) == [("inner", 7, None), ("outer", 3, None), ("inner", 7, None)]
    assert guard.counts["layers"] == 4
    assert {phase: ns for phase, ns in made.phases.items() if ns} == {
        "middleware": 30, "url": 8, "view": 18, "other": 15,
    }  # fmt: skip


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("active", [False, True])
def test_layers_without_a_request_or_switched_off(is_async, active):
    """They are called, and nothing is kept."""

    async def answer_async(request: int) -> int:
        return request + 1

    if is_async:
        timed = layers.timed_async_layer(answer_async, VIEW, Switch(active))
        call = lambda: asyncio.run(timed(1))  # noqa: E731
    else:
        timed = layers.timed_layer(lambda request: request + 1, VIEW, Switch(active))
        call = lambda: timed(1)  # noqa: E731
    assert contextvars.Context().run(call) == 2
    if not active:
        with unit() as made:
            assert call() == 2
        assert layers_of(made) == []


def test_full_record(monkeypatch):
    """A record that holds too many operations gives them away and goes on."""
    monkeypatch.setattr(Record, "limit", 4)
    with record() as seen, unit() as made:
        for _ in range(5):
            recorder.end(recorder.begin(DB))
            recorder.end_leaf(recorder.begin_leaf(DB))

    assert (made.spilled, len(made.operations), len(seen.operations)) == (8, 2, 10)
