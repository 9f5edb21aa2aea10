"""Stretches of work: CPU time goes to the record that a thread or a task works for."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from djmetrics import lanes, recorder, units
from djmetrics.record import Record
from djmetrics.testing import FakeClock, fake_clock

clock: FakeClock


@pytest.fixture(autouse=True)
def still() -> Any:
    global clock
    with fake_clock() as clock:
        yield


def new() -> Record:
    return units.open()


def use(seconds: float) -> None:
    clock.advance(seconds, cpu=seconds)


def test_enter_and_leave():
    """What the thread uses in between is the record's; before and after it is not."""
    record = new()
    use(1)
    stay = lanes.enter(record)
    assert lanes.current() is record
    assert recorder.current_record() is record
    use(2)
    lanes.leave(record, stay)
    use(4)

    assert record.cpu_ns == 2_000_000_000
    assert lanes.current() is None
    assert recorder.current_record() is None


def test_entered_again():
    """Who enters while it is there already is not counted twice."""
    record = new()
    outer = lanes.enter(record)
    inner = lanes.enter(record)
    use(1)
    lanes.leave(record, inner)
    assert lanes.current() is record
    use(1)
    lanes.leave(record, outer)

    assert record.cpu_ns == 2_000_000_000


def test_another_record_inside():
    """A request inside a request uses the time of both: the outer one waits for it."""
    outer, inner = new(), new()
    first = lanes.enter(outer)
    use(1)
    second = lanes.enter(inner)
    use(2)
    lanes.leave(inner, second)
    assert recorder.current_record() is outer
    lanes.leave(outer, first)

    assert (outer.cpu_ns, inner.cpu_ns) == (3_000_000_000, 2_000_000_000)


def test_run_for():
    """A function's arguments, result and exception pass; what it used is added, also when it fails."""
    record = new()

    def work(seconds: float, *, fail: bool = False) -> float:
        assert lanes.current() is record
        use(seconds)
        # Already there: the same thread once more.
        lanes.run_for(record, use, 1)
        if fail:
            raise LookupError
        return seconds

    assert lanes.run_for(record, work, 2) == 2
    with pytest.raises(LookupError):
        lanes.run_for(record, work, 2, fail=True)
    assert record.cpu_ns == 6_000_000_000
    assert lanes.current() is None


class Steps:
    """An awaitable by hand: what it yields, what is sent to it, how it ends."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def __await__(self) -> Generator[Any, Any, str]:
        for step in 1, 2:
            use(1)
            try:
                self.got.append((yield step))
            except LookupError as error:
                use(1)
                self.got.append(error)
            except GeneratorExit:
                self.got.append("closed")
                raise
        return "result"


async def awaited(steps: Steps) -> str:
    return await steps


def test_stepped():
    """Values go in and out as before; only the steps are counted, not what happens between them."""
    record, steps = new(), Steps()
    running = lanes.stepped(awaited(steps), record)
    assert running.send(None) == 1
    use(10)
    assert running.send("a") == 2
    use(10)
    with pytest.raises(StopIteration) as stop:
        running.send("b")

    assert (stop.value.value, steps.got, record.cpu_ns) == ("result", ["a", "b"], 2_000_000_000)


def test_stepped_throws():
    """An exception that is thrown in arrives, as the identical object, and its handling is counted."""
    record, steps, error = new(), Steps(), LookupError()
    running = lanes.stepped(awaited(steps), record)
    running.send(None)
    assert running.throw(error) == 2
    assert steps.got[0] is error
    with pytest.raises(OSError, match=r"^$"):
        running.throw(OSError())
    assert record.cpu_ns == 3_000_000_000


def test_stepped_is_closed():
    """Closing closes what is inside."""
    steps = Steps()
    running = lanes.stepped(awaited(steps), new())
    running.send(None)
    running.close()

    assert steps.got == ["closed"]


def test_stepped_plain_iterator():
    """An awaitable that returns a plain iterator works as ever."""

    class Plain:
        def __await__(self) -> Any:
            return iter([None, None])

    assert asyncio.run(_await(Plain())) is None


async def _await(awaitable: Any) -> Any:
    return await lanes.stepped(awaitable, new())


def test_stepped_cancellation():
    """A cancelled task is cancelled inside, and what it uses to clean up is counted."""
    record = new()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            use(3)

    async def main() -> None:
        async def run() -> None:
            await lanes.stepped(work(), record)

        task = asyncio.create_task(run())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert record.cpu_ns == 3_000_000_000
