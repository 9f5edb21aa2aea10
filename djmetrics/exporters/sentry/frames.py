"""The frames of a stack trace: whether they show their local variables, and how."""

from collections.abc import Callable
from typing import Any

from sentry_sdk.client import BaseClient

from ...errors import mro
from .clients import allows_personal_data

_LAZY = frozenset(
    {
        ("django.db.models.query", "QuerySet"),
        ("django.db.models.base", "Model"),
        ("django.utils.functional", "LazyObject"),  # ``request.user``
    }
)
"""Classes whose text and repr run statements, or code of the site's that may."""


Show = Callable[[Any], str | None]


def frame_options(client: BaseClient, local_variables: bool) -> dict[str, Any]:
    """The client's options for an exception that we report.

    Local variables hold anything: parameters of statements, headers, cookies. They are shown where the client shows
    them and either it may send personal data or the site asked for them.
    """
    chosen = client.options
    return {
        **chosen,
        "include_local_variables": bool(chosen.get("include_local_variables"))
        and (local_variables or allows_personal_data(client)),
        "custom_repr": _show(chosen.get("custom_repr")),
    }


def lazy_name(value: Any) -> str:
    """What stands for ``value`` where its text or repr would run statements; "" for any other."""
    kind = type(value)
    for base in mro(kind):
        if (base.__module__, base.__qualname__) in _LAZY:
            return f"<{kind.__module__}.{kind.__qualname__}>"
    return ""


def _show(site: Show | None) -> Show:
    def show(value: Any) -> str | None:
        return lazy_name(value) or (None if site is None else site(value))

    return show
