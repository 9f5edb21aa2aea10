"""Feature flags: which a request asked for, of django-waffle and django-flags, and what it was given."""

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from django.apps import apps

from .. import guard
from ..flags import flag_evaluated
from . import Hook

_WAFFLE = {"flag": "", "switch": "switch.", "sample": "sample."}
"""What django-waffle has, and what sets names apart: a switch may be called as a flag is."""


class FlagsHook(Hook):
    """Learns of each evaluation from what evaluates it; no flag is ever asked for by us.

    django-waffle: ``is_active`` of the site's models of flags, switches and samples, by which its functions,
    decorators, middleware and template tags go. django-flags: the function behind ``flag_enabled`` and its like.
    """

    name = "flags"

    def patch(self) -> None:
        if apps.is_installed("waffle"):
            self._patch_waffle()
        if apps.is_installed("flags"):
            self._patch_django_flags()

    def _patch_waffle(self) -> None:
        waffle = importlib.import_module("waffle")
        if not hasattr(waffle, "get_waffle_flag_model"):
            return  # the site's own app of that name
        try:
            for kind, prefix in _WAFFLE.items():
                model = getattr(waffle, f"get_waffle_{kind}_model")()
                # Where it is defined, so that no class gets an attribute that it has not got.
                [owner, *_] = (klass for klass in model.__mro__ if "is_active" in vars(klass))
                self.patches.replace(owner, "is_active", _telling(prefix))
        except Exception:  # settings that name no model: waffle itself says so where it is used
            guard.failed("hooks.flags.patch")

    def _patch_django_flags(self) -> None:
        if not all(find_spec(f"flags.{module}") for module in ("sources", "state")):
            return  # the site's own app of that name, of which nothing is imported
        state = importlib.import_module("flags.state")
        if hasattr(state, "_get_flag_state"):
            self.patches.replace(state, "_get_flag_state", _told)


def _telling(prefix: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def is_active(self: Any, *args: Any, **kwargs: Any) -> Any:
            __traceback_hide__ = True  # Django's error pages leave out such frames
            value = original(self, *args, **kwargs)
            _tell_of(self, prefix, value)
            return value

        return is_active

    return make


def _tell_of(model: Any, prefix: str, value: Any) -> None:
    try:
        # Past the model's descriptors: a name that was not loaded would be fetched.
        _tell(prefix, vars(model).get("name"), value)
    except Exception:
        guard.failed("hooks.flags.is_active")


def _told(original: Callable[..., Any]) -> Callable[..., Any]:
    def _get_flag_state(flag_name: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True
        value = original(flag_name, *args, **kwargs)
        _tell("", flag_name, value)
        return value

    return _get_flag_state


def _tell(prefix: str, name: Any, value: Any) -> None:
    # Templates give names that are marked as safe, and sites members of enumerations.
    if issubclass(type(name), str) and (value is None or type(value) is bool):
        flag_evaluated(prefix + str.__str__(name), value is True)  # None is what is not on
