"""Jinja2 templates, where a site renders any with it."""

import sys
from collections.abc import Callable
from typing import Any

from .. import recorder
from ..templates import template_subject
from . import Hook


class Jinja2Hook(Hook):
    """Times ``jinja2.Template.render`` and ``jinja2.Environment.compile``, of every Jinja2 environment in the process.

    Jinja2 calls included and parent templates by compiled code, so that their time is their caller's. Nothing
    is imported that the site does not use: without Jinja2 in ``sys.modules`` or ``settings.TEMPLATES`` this
    does nothing.
    """

    name = "jinja2"

    def patch(self) -> None:
        if not _used():
            return
        try:
            import jinja2
        except ImportError:
            return  # Django itself says so when the engine is first needed
        self.patches.replace(jinja2.Template, "render", _timed_render)
        self.patches.replace(jinja2.Environment, "compile", _timed_compile)


def _used() -> bool:
    from django.conf import settings

    backends = (engine.get("BACKEND") for engine in settings.TEMPLATES)
    return "jinja2" in sys.modules or "django.template.backends.jinja2.Jinja2" in backends


def _timed_render(original: Callable[..., Any]) -> Callable[..., Any]:
    def render(self: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        current = recorder.current_operation()
        if current is not None and current.subject.kind == "form":
            return original(self, *args, **kwargs)
        operation = recorder.begin(template_subject("template", self.name, "jinja2"))
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            recorder.end(operation)

    return render


def _timed_compile(original: Callable[..., Any]) -> Callable[..., Any]:
    def compile(self: Any, source: Any, name: Any = None, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = recorder.begin(template_subject("compile", name, "jinja2"))
        try:
            return original(self, source, name, *args, **kwargs)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            recorder.end(operation)

    return compile
