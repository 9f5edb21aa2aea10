"""Streamed bodies: bytes, time to the first one, and how they ended; and the end of every response.

A stream is wrapped by an iterator of the same kind, sync or async. File responses are left as they are, so that
a server's ``wsgi.file_wrapper`` still gets the file.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from . import ambient, lanes, recorder, units
from .record import Operation, Record, Subject

STREAM = Subject("stream", "stream")

Resumed = tuple[Operation | None, int, int]


class End:
    """Closes a record when its response is closed, or, should nobody close it, when it is forgotten."""

    __slots__ = ("body", "is_cut", "record")

    def __init__(self, record: Record, body: "Body | None" = None) -> None:
        self.record = record
        self.body = body
        self.is_cut = False

    def __call__(self) -> None:
        if self.body is not None or self.is_cut:
            self.judge()
        units.close(self.record)

    def judge(self) -> None:
        """Tell how the response ended: if its body has not come to its end, the server stopped to ask for more."""
        body = self.body
        if body is not None and not body.finished and not body.is_unwanted:
            self.record.outcome = "failed" if body.failed else "disconnected"
        elif self.is_cut:
            self.record.outcome = "disconnected"

    # Bound now: at the interpreter's end this module's names may be gone before the last response.
    def __del__(self, abandon: Callable[[Record], None] = units.abandon) -> None:
        if self.record.root.record is not None:
            self.judge()
            abandon(self.record)


class Body:
    """What is known of a streamed body while it is sent."""

    __slots__ = ("charset", "failed", "finished", "inner", "is_unwanted", "kept", "operation", "record")

    def __init__(
        self, record: Record, operation: Operation, charset: str, is_unwanted: bool, kept: ambient.Kept
    ) -> None:
        self.charset = charset
        self.is_unwanted = is_unwanted  # the answer to a HEAD: a server may run it, but sends none of it
        self.record = record
        self.operation = operation
        self.kept = kept
        self.inner: Operation | None = None
        self.finished = False
        self.failed = False

    def go_on(self) -> Resumed:
        """A step begins: what was current at the last one's end, such as a block around a ``yield``, is so again."""
        resumed = recorder.resume(self.operation)
        if self.inner is not None:
            recorder.make_current(self.inner)
        ambient.restore(self.kept)
        return resumed

    def stand_still(self, resumed: Resumed) -> None:
        """A step is over; ``resumed`` is what ``go_on`` returned."""
        if ambient.contexts:
            self.kept = ambient.keep()
        inner = recorder.current_operation()
        is_open = inner is not None and inner.root is self.record.root and inner is not self.operation
        self.inner = inner if is_open else None
        recorder.pause(self.operation, resumed)

    def count(self, part: Any) -> None:
        """One part of the body is there."""
        record = self.record
        if self.is_unwanted:
            return
        if record.first_byte_ns is None:
            units.first_byte(record)
        if type(part) is bytes:
            size = len(part)
        elif type(part) is str:
            size = len(part) if part.isascii() else len(part.encode(self.charset, "replace"))
        elif type(part) is memoryview:
            size = part.nbytes
        else:  # to turn anything but Python's own types into text is the site's code
            size = len(str(part)) if type(part) in (int, float) else 0
        record.response_size = (record.response_size or 0) + size

    def broke(self, error: BaseException) -> None:
        """An exception left the body."""
        kind = type(error)
        if issubclass(kind, (StopIteration, StopAsyncIteration)):
            self.finished = True
        elif not issubclass(kind, (GeneratorExit, asyncio.CancelledError)):
            self.failed = True
            units.broke(self.record, error)


class CountedStream:
    """A sync streamed body, as before, with its record current in each step."""

    __slots__ = ("_body", "_parts")

    def __init__(self, parts: Iterator[Any], body: Body) -> None:
        self._parts = parts
        self._body = body

    def __getattr__(self, name: str) -> Any:
        """Whatever else the site's own response asks of its stream."""
        return getattr(self._parts, name)

    def __iter__(self) -> "CountedStream":
        __traceback_hide__ = True  # Django's error pages leave out such frames
        self._parts = iter(self._parts)  # as Django asks the site's iterator once more when it streams
        return self

    def __next__(self) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        body = self._body
        stay = lanes.enter(body.record)
        resumed = body.go_on()
        try:
            part = next(self._parts)
        except BaseException as error:
            body.broke(error)
            raise
        finally:
            body.stand_still(resumed)
            lanes.leave(body.record, stay)
        body.count(part)
        return part


class CountedAsyncStream:
    """An async streamed body, as before, with its record current in each step."""

    __slots__ = ("_body", "_parts")

    def __init__(self, parts: AsyncIterator[Any], body: Body) -> None:
        self._parts = parts
        self._body = body

    def __getattr__(self, name: str) -> Any:
        """Whatever else the site's own response asks of its stream."""
        return getattr(self._parts, name)

    def __aiter__(self) -> "CountedAsyncStream":
        self._parts = aiter(self._parts)
        return self

    async def __anext__(self) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        body = self._body
        stay = lanes.enter_task(body.record)
        resumed = body.go_on()
        try:
            part = await lanes.stepped(self._parts.__anext__(), body.record)
        except BaseException as error:
            body.broke(error)
            raise
        finally:
            body.stand_still(resumed)
            lanes.leave_task(stay)
        body.count(part)
        return part


def kept_for(response: Any) -> ambient.Kept:
    """What is current where the response came back, for the steps of its body, if it has any."""
    try:
        return ambient.keep() if ambient.contexts and getattr(response, "streaming", False) else []
    except Exception:  # what a view returns may be anything
        return []


def watch(record: Record, request: Any, response: Any, kept: ambient.Kept) -> None:
    """See to it that ``record`` is closed when ``response`` is: after its last byte, or when the client is gone.

    ``kept`` is what ``kept_for`` gave.
    """
    body = None
    parts = getattr(response, "_iterator", None) if response.streaming else None
    is_file = getattr(response, "file_to_stream", None) is not None
    if parts is None or is_file:
        units.first_byte(record)
    else:
        is_unwanted = request.method == "HEAD"
        if is_unwanted:
            units.first_byte(record)
        body = Body(record, units.single(STREAM, record), response.charset, is_unwanted, kept)
        record.response_size = None
        # Not by the setter of streaming_content, which would register the iterator's ``close`` once more.
        response._iterator = (
            CountedAsyncStream(parts, body) if response.is_async else CountedStream(parts, body)
        )
    # First in line: what else is closed with the response is not the request's time.
    response._resource_closers.insert(0, End(record, body))


def cut_off(response: Any) -> None:
    """The server could not send the response to its end: the client is gone."""
    for closer in getattr(response, "_resource_closers", ()):
        if type(closer) is End:
            closer.is_cut = True


def broken_off(response: Any) -> None:
    """The response broke while it was sent, and the server will not close it: its record is over."""
    for closer in getattr(response, "_resource_closers", ()):
        if type(closer) is End:
            closer()
