"""Where in the site's own code, or in its templates, something is asked for."""

import re
from types import FrameType
from typing import Any

# Whose frames are not the site's: those of Django and Jinja2, and those of tools that stand around its cursors.
_FOREIGN = (
    "django.",
    "djmetrics.",
    "asgiref.",
    "jinja2.",
    "sentry_sdk.",
    "opentelemetry.",
    "ddtrace.",
    "debug_toolbar.",
    "silk.",
    "wrapt.",
    "contextlib",
    "functools",
    "concurrent.",
    "threading",
    "asyncio.",
)
# What runs a view, a middleware, a command, a body or work from another thread: whatever stands around it, a server or
# a middleware that passes the request on, did not ask for the statement.
_AROUND = (
    "django.core.handlers.",
    "django.core.management.",
    "djmetrics.streaming.",
    "asgiref.current_thread_executor.",
)
_TEMPLATES = "django.template.base."
_JINJA = "__jinja_template__"
_INSTALLED = re.compile(r"[/\\](?:site|dist)-packages[/\\]")


def code_place(frame: FrameType | None) -> str:
    """``file:line in function`` of the innermost frame of the site's own code, from ``frame`` outwards.

    A line of a template counts as such, with the template's name for the function. Without any it is the place in a
    package that the site uses, or is; "" if all frames are Django's, or stand around what runs.
    """
    found = ""
    while frame is not None:
        module = f"{frame.f_globals.get('__name__', '')}."
        if module.startswith(_AROUND):
            break
        place = _place(frame, module)
        if place and not _INSTALLED.search(place):
            return place
        found = found or place  # the site may be installed as a package itself
        frame = frame.f_back
    return found


def _place(frame: FrameType, module: str) -> str:
    """The place of one frame; "" of one that is not the site's."""
    template = frame.f_globals.get(_JINJA)
    if template is not None:
        line = template.get_corresponding_lineno(frame.f_lineno)
        return f"{template.filename}:{line} in {template.name}" if template.name else ""
    if module == _TEMPLATES and frame.f_code.co_name == "render_annotated":
        return _of_node(frame.f_locals.get("self"))
    if module.startswith(_FOREIGN):
        return ""
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"


def _of_node(node: Any) -> str:
    """The line of a template that a node of Django's stands for; "" where the template came from a string."""
    known = getattr(node, "__dict__", {})
    origin, token = known.get("origin"), known.get("token")
    if origin is None or token is None or not origin.template_name:
        return ""
    return f"{origin.name}:{token.lineno} in {origin.template_name}"
