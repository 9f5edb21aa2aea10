"""Django templates: rendering (includes, parents, inclusion tags) apart from compiling; form widgets as one figure."""

from collections.abc import Callable
from typing import Any

from django.forms.renderers import BaseRenderer
from django.template import base
from django.template.base import Template
from django.template.loader_tags import ExtendsNode

from .. import guard, recorder
from ..record import Subject
from ..templates import template_subject
from . import Hook

FORM = Subject("form", "(form widgets)", {"template": "(form widgets)", "engine": "django"})


class TemplateHook(Hook):
    """Times ``Template.render``, the parents that ``{% extends %}`` renders, and ``Template.compile_nodelist``.

    Not ``Template._render``, though all roads lead there: Django's test runner replaces it.
    """

    name = "template"

    def patch(self) -> None:
        self.patches.replace(Template, "render", _timed_render)
        if hasattr(base, "PartialTemplate"):  # since Django 6.0
            self.patches.replace(base.PartialTemplate, "render", _timed_render)
        self.patches.replace(Template, "compile_nodelist", _timed_compile)
        self.patches.replace(ExtendsNode, "render", _timed_extends)
        self.patches.replace(ExtendsNode, "get_parent", _naming_parent)
        self.patches.replace(BaseRenderer, "render", _folded_form)


def _timed_render(original: Callable[..., Any]) -> Callable[..., Any]:
    def render(self: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        current = recorder.current.get()
        if current is not None and current.subject is FORM:
            return original(self, *args, **kwargs)
        operation = recorder.begin(template_subject("template", getattr(self, "name", None), "django"))
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            recorder.end(operation)

    return render


def _timed_compile(original: Callable[..., Any]) -> Callable[..., Any]:
    def compile_nodelist(self: Template) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = recorder.begin(template_subject("compile", self.name, "django"))
        try:
            return original(self)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            recorder.end(operation)

    return compile_nodelist


def _timed_extends(original: Callable[..., Any]) -> Callable[..., Any]:
    def render(self: ExtendsNode, context: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = recorder.begin(template_subject("template", "(parent)", "django"))
        try:
            return original(self, context)
        except BaseException as error:
            operation.error = type(error)
            raise
        finally:
            recorder.end(operation)

    return render


def _naming_parent(original: Callable[..., Any]) -> Callable[..., Any]:
    """The parent's name is only known here, inside ``ExtendsNode.render``."""

    def get_parent(self: ExtendsNode, context: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = recorder.current_operation()
        parent = original(self, context)
        try:
            if operation is not None and operation.subject.name == "(parent)":
                operation.subject = template_subject("template", parent.name, "django")
        except Exception:
            guard.failed("hooks.template.get_parent")
        return parent

    return get_parent


def _folded_form(original: Callable[..., Any]) -> Callable[..., Any]:
    """A form of 40 fields renders some 400 templates; one figure says what it costs."""

    def timed(self: BaseRenderer, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        operation = recorder.begin(FORM)
        try:
            return original(self, *args, **kwargs)
        finally:
            recorder.end(operation)

    def render(self: BaseRenderer, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        current = recorder.current.get()
        if current is not None and current.subject is FORM:
            return original(self, *args, **kwargs)
        operation = recorder.folded(FORM)
        if operation is None:
            return timed(self, *args, **kwargs)
        resumed = recorder.resume(operation)
        try:
            return original(self, *args, **kwargs)
        finally:
            recorder.pause(operation, resumed)

    return render
