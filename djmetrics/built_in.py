"""The built-in hooks."""

from .hooks import Hook
from .hooks.cache import CacheHook
from .hooks.command import CommandHook
from .hooks.database import DatabaseHook
from .hooks.flags import FlagsHook
from .hooks.jinja2 import Jinja2Hook
from .hooks.middleware import MiddlewareHook
from .hooks.request import RequestHook
from .hooks.tasks import TasksHook
from .hooks.template import TemplateHook
from .hooks.threads import ThreadsHook
from .hooks.url import UrlHook
from .hooks.view import ViewHook

HOOKS: tuple[type[Hook], ...] = (
    RequestHook, MiddlewareHook, UrlHook, ViewHook, DatabaseHook, TemplateHook, Jinja2Hook, CacheHook, ThreadsHook,
    CommandHook, TasksHook, FlagsHook,
)  # fmt: skip
"""The built-in hooks, in the order in which they are installed."""
