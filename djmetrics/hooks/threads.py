"""CPU time on other threads: sync code of async requests, and async code of sync ones.

asgiref carries a request's work from one thread to another (``sync_to_async``, ``async_to_sync``). The thread's
CPU clock knows nothing of that, so each stretch of work tells its record what it used.
"""

import functools
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync, markcoroutinefunction

from .. import lanes, recorder
from . import Hook


class ThreadsHook(Hook):
    """Wraps the two methods of asgiref in which work arrives on its new thread or loop; asgiref has no seam for it."""

    name = "threads"

    def patch(self) -> None:
        self.patches.replace(SyncToAsync, "thread_handler", _Handover)
        self.patches.replace(AsyncToSync, "main_wrap", _stepped)


class _Handover:
    """Stands for ``SyncToAsync.thread_handler``.

    asgiref looks it up where the work is handed over, and runs it where it arrives, before the context is
    there. So the record is taken when it is looked up.
    """

    def __init__(self, original: Callable[..., Any]) -> None:
        self._original = original

    def __get__(self, instance: Any, owner: type | None = None) -> Callable[..., Any]:
        if instance is None:
            return self._original  # no hand-over, and no patch to see
        handler = self._original.__get__(instance, owner)
        record = recorder.current_record()
        return handler if record is None else functools.partial(lanes.run_for, record, handler)


def _stepped(original: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
    # The record is looked up where the work is handed over: its new thread has no context yet. The work is the last
    # argument; asgiref's own coroutine stays the outermost one, which alone is told of some exceptions.
    def main_wrap(self: Any, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        record = recorder.current_record()
        if record is not None and args and type(args[-1]) is CoroutineType:
            args = *args[:-1], lanes.stepped(args[-1], record)
        return original(self, *args, **kwargs)

    return markcoroutinefunction(main_wrap)
