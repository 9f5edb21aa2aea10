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
from ..tracebacks import passed
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
        current = recorder.current.get()
        operation = None
        if current is None or current.subject is not FORM:
            operation = recorder.begin(template_subject("template", getattr(self, "name", None), "django"))
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            kind = passed(error)
            if operation is not None:
                operation.error = kind
            del self, args, kwargs
            raise
        finally:
            if operation is not None:
                recorder.end(operation)

    return render


def _timed_compile(original: Callable[..., Any]) -> Callable[..., Any]:
    def compile_nodelist(self: Template) -> Any:
        operation = recorder.begin(template_subject("compile", self.name, "django"))
        try:
            return original(self)
        except BaseException as error:
            operation.error = passed(error)
            del self
            raise
        finally:
            recorder.end(operation)

    return compile_nodelist


def _timed_extends(original: Callable[..., Any]) -> Callable[..., Any]:
    def render(self: ExtendsNode, context: Any) -> Any:
        operation = recorder.begin(template_subject("template", "(parent)", "django"))
        try:
            return original(self, context)
        except BaseException as error:
            operation.error = passed(error)
            del self, context
            raise
        finally:
            recorder.end(operation)

    return render


def _naming_parent(original: Callable[..., Any]) -> Callable[..., Any]:
    """The parent's name is only known here, inside ``ExtendsNode.render``."""

    def get_parent(self: ExtendsNode, context: Any) -> Any:
        operation = recorder.current_operation()
        try:
            parent = original(self, context)
        except BaseException as error:
            passed(error)
            del self, context
            raise
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
        operation = recorder.begin(FORM)
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            operation.error = passed(error)
            del self, args, kwargs
            raise
        finally:
            recorder.end(operation)

    def render(self: BaseRenderer, *args: Any, **kwargs: Any) -> Any:
        current = recorder.current.get()
        is_inside = current is not None and current.subject is FORM
        operation = None if is_inside else recorder.folded(FORM)
        resumed = None if operation is None else recorder.resume(operation)
        try:
            if is_inside or operation is not None:
                return original(self, *args, **kwargs)
            return timed(self, *args, **kwargs)
        except BaseException as error:
            passed(error)
            del self, args, kwargs
            raise
        finally:
            if operation is not None and resumed is not None:
                recorder.pause(operation, resumed)

    return render
