"""Layers: the middlewares, the handler and the resolver, which lie one inside the other on a request's way in and out.

A request goes through some ten, so they are kept cheap: none becomes current. Whatever ends inside one adds its time to
the root, so that the root's growth tells what was not the layer's own.
"""

from collections.abc import Callable
from typing import Any, Protocol

from . import clock, guard, recorder
from .record import Root, Subject

MAX_LAYERS = 1000
"""How many layers a record keeps: a view may resolve any number of paths, a command send any number of requests."""

_get = recorder.current.get
Call = Callable[[Any], Any]


class Switch(Protocol):
    """Says whether a wrapper that is still in place shall do anything."""

    active: bool


def timed_layer(call: Call, subject: Subject, switch: Switch) -> Call:
    """``call`` as a layer of its request; just called where ``switch`` is off or no request is open.

    A layer of the kind "handler" is not kept, but takes its time out of the layer around it.
    """
    kept, phase = subject.kind != "handler", subject.phase

    def timed(request: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = _get()
        if operation is None or not switch.active or not (root := operation.root).resumable:
            return call(request)
        before = root.children_ns
        error = None
        start = clock.now()
        try:
            return call(request)
        except BaseException as raised:
            error = type(raised)
            raise
        finally:
            end = clock.now()
            took = end - start
            own = took - root.children_ns + before
            root.children_ns = before + took
            if kept:
                if root.laps is not None:
                    own += root.laps.pop(subject, 0)
                root.own_ns[phase] += own
                if len(layers := root.layers) < MAX_LAYERS:
                    layers.append((subject, start, end, own, error))  # type: ignore[arg-type] # a plain tuple is faster
                else:
                    _leave_out()

    return timed


def timed_async_layer(call: Call, subject: Subject, switch: Switch) -> Call:
    """``timed_layer`` for a coroutine function."""
    kept, phase = subject.kind != "handler", subject.phase

    async def timed(request: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = _get()
        if operation is None or not switch.active or not (root := operation.root).resumable:
            return await call(request)
        before = root.children_ns
        error = None
        start = clock.now()
        try:
            return await call(request)
        except BaseException as raised:
            error = type(raised)
            raise
        finally:
            end = clock.now()
            took = end - start
            own = took - root.children_ns + before
            root.children_ns = before + took
            if kept:
                if root.laps is not None:
                    own += root.laps.pop(subject, 0)
                root.own_ns[phase] += own
                if len(layers := root.layers) < MAX_LAYERS:
                    layers.append((subject, start, end, own, error))  # type: ignore[arg-type] # a plain tuple is faster
                else:
                    _leave_out()

    return timed


def begin_layer() -> tuple[Root, int, int] | None:
    """A layer begins that no wrapper times; give ``end_layer`` what this returns. None outside any request."""
    operation = _get()
    if operation is None or not (root := operation.root).resumable:
        return None
    return root, root.children_ns, clock.now()


def end_layer(
    subject: Subject, begun: tuple[Root, int, int], error: type[BaseException] | None = None
) -> None:
    """The layer ``subject`` is over."""
    end = clock.now()
    root, before, start = begun
    took = end - start
    own = took - root.children_ns + before
    root.children_ns = before + took
    root.own_ns[subject.phase] += own
    if len(layers := root.layers) < MAX_LAYERS:
        layers.append((subject, start, end, own, error))  # type: ignore[arg-type] # as above
    else:
        _leave_out()


def _leave_out() -> None:
    """Count a layer that its record has no room for. Its time is in the record's phases."""
    guard.counts["layers"] += 1
    guard.pending["layers"] += 1


def timed_lap(call: Callable[..., Any], subject: Subject, switch: Switch) -> Callable[..., Any]:
    """``call`` as a part of the layer ``subject`` that runs inside the innermost: ``process_view`` and its like."""

    def timed(*args: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = _get()
        if operation is None or not switch.active or not (root := operation.root).resumable:
            return call(*args)
        before = root.children_ns
        start = clock.now()
        try:
            return call(*args)
        finally:
            _end_lap(root, subject, before, clock.now() - start)

    return timed


def timed_async_lap(call: Callable[..., Any], subject: Subject, switch: Switch) -> Callable[..., Any]:
    """``timed_lap`` for a coroutine function."""

    async def timed(*args: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = _get()
        if operation is None or not switch.active or not (root := operation.root).resumable:
            return await call(*args)
        before = root.children_ns
        start = clock.now()
        try:
            return await call(*args)
        finally:
            _end_lap(root, subject, before, clock.now() - start)

    return timed


def _end_lap(root: Root, subject: Subject, before: int, took: int) -> None:
    if root.laps is None:
        root.laps = {}
    root.laps[subject] = root.laps.get(subject, 0) + took - root.children_ns + before
    root.children_ns = before + took
