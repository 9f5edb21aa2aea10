"""Management commands: each a unit of work of its own; one that other work calls is an operation of that."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from .. import work
from ..errors import is_normal_exit
from . import Hook

# They run other people's work for as long as they live: servers, shells, tests.
HOSTS = frozenset(
    {"runserver", "runserver_plus", "testserver", "shell", "shell_plus", "dbshell", "test", "djmetrics_top"}
)


class CommandHook(Hook):
    """Wraps ``BaseCommand.execute``, which every command goes through, from the shell and from ``call_command``.

    Django sends no signal here.
    """

    name = "command"

    def patch(self) -> None:
        self.patches.replace(BaseCommand, "execute", _timed)


def _timed(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(self: BaseCommand, *args: Any, **options: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        name = _name(self)
        if name in HOSTS:
            return original(self, *args, **options)
        running = work.begin("command", name)
        try:
            return original(self, *args, **options)
        except BaseException as error:
            if not is_normal_exit(error):
                # What it means to say to whoever called it; Django prints that and no traceback.
                work.failed(
                    running, error, is_reported=not issubclass(type(error), (CommandError, SystemExit))
                )
            raise
        finally:
            work.end(running)

    return execute


def _name(command: BaseCommand) -> str:
    """As one types it: the name of its module."""
    return str(type(command).__module__).rpartition(".")[2][:100]
