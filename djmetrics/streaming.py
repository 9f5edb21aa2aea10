"""Streamed bodies: bytes, time to the first one, and how they ended; and the end of every response.

A stream is wrapped by an iterator of the same kind, sync or async. File responses are left as they are, so that
a server's ``wsgi.file_wrapper`` still gets the file.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from . import lanes, recorder, units
from .record import Operation, Record, Subject

STREAM = Subject("stream", "stream")


class End:
    """Closes a record when its response is closed, or, should nobody close it, when it is forgotten."""

    __slots__ = ("body", "record")

    def __init__(self, record: Record, body: "Body | None" = None) -> None:
        self.record = record
        self.body = body

    def __call__(self) -> None:
        record, body = self.record, self.body
        if body is not None and not body.finished:
            # The server stopped to ask for more. Of a body it never asked for (HEAD), that is the end.
            record.outcome = "failed" if body.failed else "disconnected"
        units.close(record)

    def __del__(self) -> None:
        if self.record.root.record is not None:
            units.abandon(self.record)


class Body:
    """What is known of a streamed body while it is sent."""

    __slots__ = ("failed", "finished", "operation", "record")

    def __init__(self, record: Record, operation: Operation) -> None:
        self.record = record
        self.operation = operation
        self.finished = False
        self.failed = False

    def count(self, part: Any) -> None:
        """One part of the body is there."""
        record = self.record
        if record.first_byte_ns is None:
            units.first_byte(record)
        if isinstance(part, (bytes, memoryview)):
            record.response_size = (record.response_size or 0) + len(part)
        else:
            record.response_size = (record.response_size or 0) + len(str(part).encode("utf-8", "replace"))

    def broke(self, error: BaseException) -> None:
        """An exception left the body."""
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            self.finished = True
        elif not isinstance(error, (GeneratorExit, asyncio.CancelledError)):
            self.failed = True
            self.record.error = error.__class__


class CountedStream:
    """A sync streamed body, as before, with its record current in each step."""

    __slots__ = ("_body", "_parts")

    def __init__(self, parts: Iterator[Any], body: Body) -> None:
        self._parts = parts
        self._body = body

    def __iter__(self) -> "CountedStream":
        return self

    def __next__(self) -> Any:
        body = self._body
        stay = lanes.enter(body.record)
        resumed = recorder.resume(body.operation)
        try:
            part = next(self._parts)
        except BaseException as error:
            body.broke(error)
            raise
        finally:
            recorder.pause(body.operation, resumed)
            lanes.leave(body.record, stay)
        body.count(part)
        return part


class CountedAsyncStream:
    """An async streamed body, as before, with its record current in each step."""

    __slots__ = ("_body", "_parts")

    def __init__(self, parts: AsyncIterator[Any], body: Body) -> None:
        self._parts = parts
        self._body = body

    def __aiter__(self) -> "CountedAsyncStream":
        return self

    async def __anext__(self) -> Any:
        body = self._body
        outer = recorder.make_current(body.record.root)
        resumed = recorder.resume(body.operation)
        try:
            part = await lanes.stepped(self._parts.__anext__(), body.record)
        except BaseException as error:
            body.broke(error)
            raise
        finally:
            recorder.pause(body.operation, resumed)
            recorder.make_current(outer)
        body.count(part)
        return part


def watch(record: Record, request: Any, response: Any) -> None:
    """See to it that ``record`` is closed when ``response`` is: after its last byte, or when the client is gone."""
    body = None
    if response.streaming and getattr(response, "file_to_stream", None) is None and request.method != "HEAD":
        body = Body(record, units.single(STREAM, record))
        record.response_size = None
        if response.is_async:
            response._iterator = CountedAsyncStream(response._iterator, body)
        else:
            # The setter would register the iterator's ``close`` once more, and the getter convert each part
            # twice.
            response._iterator = CountedStream(response._iterator, body)
    else:
        units.first_byte(record)
    # First in line: what else is closed with the response is not the request's time.
    response._resource_closers.insert(0, End(record, body))
