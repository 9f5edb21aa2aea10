"""Django's tasks (from Django 6.0 on): each a unit of work; one that is run at once is an operation of its caller."""

import importlib
from collections.abc import Callable
from typing import Any

from .. import lanes, work
from . import Hook


class TasksHook(Hook):
    """Wraps ``Task.call`` and ``Task.acall``, by which every backend runs a task.

    The signals ``task_started`` and ``task_finished`` are not sent by every backend, and the exception of a task
    reaches no receiver.
    """

    name = "tasks"

    def patch(self) -> None:
        try:
            base = importlib.import_module("django.tasks.base")
        except ImportError:
            return  # an older Django
        self.patches.replace(base.Task, "call", _timed)
        self.patches.replace(base.Task, "acall", _timed_async)


def _timed(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        running = work.begin("task", _name(self))
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            work.failed(running, error)
            raise
        finally:
            work.end(running)

    return call


def _timed_async(original: Callable[..., Any]) -> Callable[..., Any]:
    async def acall(self: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        running = work.begin("task", _name(self), in_task=True)
        try:
            if running is None or running.record is None:
                return await original(self, *args, **kwargs)
            return await lanes.stepped(original(self, *args, **kwargs), running.record)
        except BaseException as error:
            work.failed(running, error)
            raise
        finally:
            work.end(running)

    return acall


def _name(task: Any) -> str:
    """The dotted path of its function; a backend may allow callables that have none."""
    return str(getattr(task, "module_path", "_OTHER"))[:200]
