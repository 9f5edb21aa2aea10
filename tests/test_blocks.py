"""timed(): blocks of the site's own code."""

import asyncio
import functools
import gc
import inspect
import types
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from djmetrics import blocks, recorder, timed
from djmetrics.testing import FakeClock, fake_clock, record

from .hooks.site import request_record


def blocks_of(seen: Any) -> list[tuple[str, int, type[BaseException] | None]]:
    return [
        (each.subject.name, each.duration, each.error)
        for each in seen.operations
        if each.subject.kind == "timed"
    ]


@pytest.fixture
def clock():
    with fake_clock() as clock:
        yield clock


def test_block(clock: FakeClock):
    """It lasts as long as the block, nests, and lets exceptions pass."""

    def inner_block() -> None:
        with timed("inner"):
            clock.advance(2)
            raise LookupError

    with record() as seen, request_record():
        with timed("outer"):
            clock.advance(1)
            with pytest.raises(LookupError):
                inner_block()
        clock.advance(4)

    assert blocks_of(seen) == [("inner", 2_000_000_000, LookupError), ("outer", 3_000_000_000, None)]
    inner, outer = (each for each in seen.operations if each.subject.kind == "timed")
    assert inner.parent is outer


def test_function(clock: FakeClock):
    """Its result, its name and its signature stay; each call is one block."""

    @timed("work")
    def work(seconds: float, *, fails: bool = False) -> float:
        """What it does."""
        clock.advance(seconds)
        if fails:
            raise LookupError
        return seconds

    with record() as seen, request_record():
        assert work(1) == 1
        with pytest.raises(LookupError):
            work(2, fails=True)

    assert blocks_of(seen) == [("work", 1_000_000_000, None), ("work", 2_000_000_000, LookupError)]
    assert (work.__name__, work.__doc__) == ("work", "What it does.")
    assert list(inspect.signature(work).parameters) == ["seconds", "fails"]


def test_coroutine_function(clock: FakeClock):
    """It stays one; side by side each call is a block of its own."""

    @timed("work")
    async def work(fails: bool = False) -> int:
        await asyncio.sleep(0)
        clock.advance(1)
        if fails:
            raise LookupError
        return 5

    async def main() -> list[Any]:
        return await asyncio.gather(work(), work(fails=True), work(), return_exceptions=True)

    assert inspect.iscoroutinefunction(work)
    with record() as seen, request_record():
        first, second, third = asyncio.run(main())
    assert (first, type(second), third) == (5, LookupError, 5)
    assert [error for _, _, error in blocks_of(seen)] == [None, LookupError, None]


def test_async_with_one_object_in_several_tasks():
    """Each task ends what it began, whatever the order."""
    shared = timed("shared")

    async def task(turns: int) -> None:
        async with shared:
            for _ in range(turns):
                await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(task(turns) for turns in (3, 1, 2)))

    with record() as seen, request_record() as request:
        asyncio.run(main())
    operations = [each for each in seen.operations if each.subject.kind == "timed"]
    assert len(operations) == 3
    assert all(each.parent is request.root for each in operations)
    assert [each.start for each in operations] != sorted(
        each.start for each in operations
    )  # ended as they were short


def test_generator(clock: FakeClock):
    """Its steps are timed, not what its reader does between them; values and exceptions go both ways."""

    @timed("steps")
    def steps() -> Any:
        clock.advance(1)
        got = yield "first"
        try:
            yield got
        except LookupError:
            clock.advance(2)
            yield "caught"
        return "done"

    with record() as seen, request_record():
        generator = steps()
        assert next(generator) == "first"
        clock.advance(100)
        assert generator.send("sent") == "sent"
        assert generator.throw(LookupError()) == "caught"
        with pytest.raises(StopIteration) as stop:
            next(generator)

    assert stop.value.value == "done"
    assert sum(duration for _, duration, _ in blocks_of(seen)) == 3_000_000_000
    assert {error for _, _, error in blocks_of(seen)} == {None}


def test_generator_that_is_closed_or_breaks():
    """Its own clean-up runs, its own exception comes out."""
    seen_close: list[str] = []

    @timed("steps")
    def steps() -> Any:
        try:
            yield 1
        finally:
            seen_close.append("closed")
        raise LookupError

    generator = steps()
    next(generator)
    generator.close()
    with record() as seen, pytest.raises(LookupError):
        list(steps())
    assert seen_close == ["closed", "closed"]
    assert blocks_of(seen)[-1][2] is LookupError


def test_async_generator(clock: FakeClock):
    """As a generator's, with ``asend``, ``athrow`` and ``aclose``."""
    closed: list[str] = []

    @timed("steps")
    async def steps() -> Any:
        try:
            clock.advance(1)
            got = yield "first"
            try:
                yield got
            except LookupError:
                yield "caught"
        finally:
            closed.append("closed")

    async def main() -> None:
        generator = steps()
        assert await anext(generator) == "first"
        clock.advance(100)
        assert await generator.asend("sent") == "sent"
        assert await generator.athrow(LookupError()) == "caught"
        with pytest.raises(StopAsyncIteration):
            await anext(generator)
        other = steps()
        await anext(other)
        await other.aclose()

    with record() as seen, request_record():
        asyncio.run(main())
    assert closed == ["closed", "closed"]
    assert sum(duration for _, duration, _ in blocks_of(seen)) == 2_000_000_000


def test_async_generator_that_breaks():
    """The exception comes out, and is on the block."""

    @timed("steps")
    async def steps() -> Any:
        yield 1
        raise LookupError

    async def main() -> None:
        async for _ in steps():
            pass

    with record() as seen, pytest.raises(LookupError):
        asyncio.run(main())
    assert [error for _, _, error in blocks_of(seen)] == [None, LookupError]


def test_names_are_bounded(monkeypatch):
    """In length and in number, and whatever they are."""
    monkeypatch.setattr(blocks, "_CEILING", 3)
    with record() as seen, request_record():
        for number in range(10):
            with timed(f"{number:03}" + "x" * 200):
                pass
        with timed(5):  # type: ignore[arg-type]
            pass
    names = [name for name, _, _ in blocks_of(seen)]
    assert names[0] == "000" + "x" * 97
    assert names[-1] == "int"
    assert len(blocks._subjects) <= 3


def test_generator_that_another_request_lets_go_of(clock: FakeClock):
    """A block that was left half-way ends wherever its generator is collected, and takes nothing away from there."""

    def half_way() -> Iterator[int]:
        with timed("left"):
            yield 1

    with record() as seen:
        with request_record():
            left = half_way()
            next(left)
        with request_record() as second:
            left.close()
            assert recorder.current_record() is second
            with timed("after"):
                clock.advance(1)
    assert ("after", 1_000_000_000, None) in blocks_of(seen)


def test_one_object_in_two_generators(clock: FakeClock):
    """Each generator ends the block that it began, also where the other's is the latest."""
    block = timed("block")

    def work(seconds: float) -> Iterator[int]:
        with block:
            yield 1
            clock.advance(seconds)

    with record() as seen, request_record():
        first = work(1)
        next(first)
        with request_record():
            second = work(2)
            next(second)
            assert list(second) == []
        assert list(first) == []
    assert [[each.duration / 1e9 for each in done.operations] for done in seen.records] == [[2], [3]]


def test_an_object_with_an_async_call(clock: FakeClock):
    """What it returns is awaited before the block is over."""

    class Sender:
        async def __call__(self, seconds: float) -> float:
            await asyncio.sleep(0)
            clock.advance(seconds)
            return seconds

    with record() as seen, request_record():
        assert asyncio.run(timed("send")(Sender())(2)) == 2
    assert blocks_of(seen) == [("send", 2_000_000_000, None)]


def test_kinds_of_methods(clock: FakeClock):
    """A static method, one of the class, a property: each works as before, and each call is a block."""

    class Shop:
        @timed("static")
        @staticmethod
        def static(value: int) -> int:
            return value

        @timed("class")
        @classmethod
        def of_class(cls, value: int) -> tuple[str, int]:
            return cls.__name__, value

        @timed("property")
        @property
        def price(self) -> int:
            """What it costs."""
            return self._price

        @price.setter
        def price(self, value: int) -> None:
            self._price = value

    with record() as seen, request_record():
        shop = Shop()
        shop.price = 3
        assert (shop.static(1), Shop.static(2)) == (1, 2)
        assert (shop.of_class(1), Shop.of_class(2)) == (("Shop", 1), ("Shop", 2))
        assert (shop.price, Shop.price.__doc__) == (3, "What it costs.")
    assert [name for name, _, _ in blocks_of(seen)] == ["static"] * 2 + ["class"] * 2 + ["property"]


@pytest.mark.parametrize("what", [Exception, 5, functools.cached_property(len)])
def test_what_is_no_function(what: Any):
    """A class decorated as a function would be no class any more: that is said at once."""
    with pytest.raises(TypeError, match="times functions and methods"):
        timed("work")(what)


def test_generator_based_coroutine(clock: FakeClock):
    """It can be awaited as before."""

    @timed("work")
    @types.coroutine
    def work() -> Any:
        yield from asyncio.sleep(0).__await__()
        clock.advance(1)
        return 5

    async def main() -> int:
        return await work()

    with record() as seen, request_record():
        assert asyncio.run(main()) == 5
    assert sum(took for _, took, _ in blocks_of(seen)) == 1_000_000_000


def test_closed_generator():
    """Whoever closes a generator is given what it then returns, where Python gives it."""

    def closed() -> Any:
        try:
            yield 1
        except GeneratorExit:
            return "closed"

    plain, measured = closed(), timed("work")(closed)()
    next(plain), next(measured)
    with request_record():
        assert measured.close() == plain.close()


@pytest.mark.parametrize("is_timed", [False, True], ids=["plain", "timed"])
@pytest.mark.parametrize("is_caught", [False, True], ids=["leaves", "caught"])
def test_async_generator_keeps_no_exception(is_timed: bool, is_caught: bool):
    """An exception that is thrown in is gone when both sides are done with it, without the collector."""

    class Thrown(Exception):
        pass

    async def parts() -> Any:
        while True:
            try:
                yield 1
            except Thrown:
                if not is_caught:
                    raise

    async def throw() -> Any:
        generator = (timed("parts")(parts) if is_timed else parts)()
        await anext(generator)
        error = Thrown()
        gone = weakref.ref(error)
        try:
            await generator.athrow(error)
        except Thrown:
            assert not is_caught
        del error
        kept = gone()
        await generator.aclose()
        return kept

    gc.disable()
    try:
        assert asyncio.run(throw()) is None
    finally:
        gc.enable()
