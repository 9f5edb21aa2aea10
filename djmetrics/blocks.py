"""``timed``: blocks of the site's own code, as operations."""

import functools
import types
from collections.abc import AsyncGenerator, Callable, Generator
from inspect import CO_ITERABLE_COROUTINE, isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, TypeVar

from . import recorder
from .record import Operation, Subject

F = TypeVar("F", bound=Callable[..., Any])

MAX_NAME = 100
"""Characters of a block's name."""

_NO_CODE = (lambda: None).__code__
_CEILING = 1000
_subjects: dict[str, Subject] = {}


class timed:
    """Time a block of the site's own code, or a function: one more operation in the record, with this ``name``.

    ``with timed("payment"): ...`` and ``async with`` time a block; ``@timed("payment")`` times a function, sync or
    async, and of a generator the steps that it is asked for. The name becomes a label, so it must be one of few: put
    no number, user or path into it.

    A method may be static, of the class, or a property. Decorating what is no function, such as a class, raises
    TypeError.
    """

    __slots__ = ("_open", "_subject")

    def __init__(self, name: str) -> None:
        self._subject = _subject_of(name)
        self._open: list[Operation] = []

    def __enter__(self) -> "timed":
        self._open.append(recorder.begin(self._subject))
        return self

    def __exit__(self, kind: type[BaseException] | None, *args: object) -> None:
        running = recorder.current.get()
        operation = self._opened_by(running)
        self._open.remove(operation)
        operation.error = kind
        recorder.end(operation)
        if running is not operation:
            # A generator's block that began in another step, maybe of another unit of work: this one goes on.
            recorder.make_current(running)

    def _opened_by(self, running: Operation | None) -> Operation:
        """The block that ends here: one object may be used by several tasks at once, and each ends what it began."""
        if running is None:
            return self._open[-1]
        if running in self._open:
            return running
        return next((each for each in reversed(self._open) if each.root is running.root), self._open[-1])

    async def __aenter__(self) -> "timed":
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, *args: object) -> None:
        self.__exit__(kind)

    def __call__(self, function: F) -> F:
        """The function, timed at each call."""
        given: Any = function
        if isinstance(given, staticmethod | classmethod):
            return type(given)(self(given.__func__))  # type: ignore[return-value]
        if isinstance(given, property) and given.fget is not None:
            return given.getter(self(given.fget))  # type: ignore[return-value]
        if isinstance(given, type) or not callable(given):
            raise TypeError(f"timed() times functions and methods, and {given!r} is neither.")
        if isasyncgenfunction(function):
            made: Any = self._steps_async(function)
        elif isgeneratorfunction(function):
            made = self._steps(function)
        elif iscoroutinefunction(function) or _calls_async(function):
            made = self._calls_async(function)
        else:
            made = self._calls(function)
        return functools.wraps(function)(made)  # type: ignore[return-value]

    def _calls(self, function: Callable[..., Any]) -> Callable[..., Any]:
        subject = self._subject

        def call(*args: Any, **kwargs: Any) -> Any:
            operation = recorder.begin(subject)
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                operation.error = type(error)
                raise
            finally:
                recorder.end(operation)

        return call

    def _calls_async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        subject = self._subject

        async def call(*args: Any, **kwargs: Any) -> Any:
            operation = recorder.begin(subject)
            try:
                return await function(*args, **kwargs)
            except BaseException as error:
                operation.error = type(error)
                raise
            finally:
                recorder.end(operation)

        return call

    def _steps(self, function: Callable[..., Any]) -> Callable[..., Any]:
        subject = self._subject

        def steps(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            made = _Steps(function(*args, **kwargs), subject)
            try:
                return (yield from made)
            except GeneratorExit:
                if made.last is None:
                    raise
                return made.last  # from Python 3.13 on whoever closes a generator is given this

        # What ``types.coroutine`` made of a generator function can be awaited.
        is_awaitable = getattr(function, "__code__", _NO_CODE).co_flags & CO_ITERABLE_COROUTINE
        return types.coroutine(steps) if is_awaitable else steps

    def _steps_async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        subject = self._subject

        async def steps(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            generator = function(*args, **kwargs)
            ask = generator.asend
            # Popped where they go on: nothing here keeps alive what one side gave and the other is done with.
            given: list[Any] = [None]
            try:
                while True:
                    operation = recorder.begin(subject)
                    try:
                        parts = [await ask(given.pop())]
                    except StopAsyncIteration:
                        return
                    except BaseException as error:
                        operation.error = type(error)
                        raise
                    finally:
                        recorder.end(operation)
                    try:
                        given.append((yield parts.pop()))
                        ask = generator.asend
                    except GeneratorExit:
                        raise
                    except BaseException as thrown:
                        ask = generator.athrow
                        given.append(thrown)
            finally:
                await generator.aclose()

        return steps


class _Steps(Generator[Any, Any, Any]):
    """A generator whose steps are operations, each of its own: what goes on between them is not the block's."""

    def __init__(self, generator: Generator[Any, Any, Any], subject: Subject) -> None:
        self._generator = generator
        self._subject = subject
        self.last: Any = None
        """What the generator returned when it was closed, if anything."""

    def send(self, value: Any) -> Any:
        return self._step(self._generator.send, value)

    def throw(self, *args: Any) -> Any:
        return self._step(self._generator.throw, *args)

    def close(self) -> None:
        self.last = self._step(self._generator.close)

    def _step(self, step: Callable[..., Any], *args: Any) -> Any:
        operation = recorder.begin(self._subject)
        try:
            return step(*args)
        except StopIteration:
            raise
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            recorder.end(operation)


def _calls_async(what: Any) -> bool:
    """Whether it is an object whose class makes its calls a coroutine's, as asgiref's ``SyncToAsync`` does."""
    return iscoroutinefunction(getattr(type(what), "__call__", None))  # noqa: B004 - not whether it has one


def _subject_of(name: Any) -> Subject:
    """The subject of a block's name, the same one each time."""
    text = (str.__str__(name) if isinstance(name, str) else type(name).__name__)[:MAX_NAME]
    subject = _subjects.get(text)
    if subject is None:
        if len(_subjects) >= _CEILING:
            _subjects.clear()
        subject = _subjects[text] = Subject("timed", text)
    return subject
