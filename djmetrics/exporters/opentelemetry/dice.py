"""Exporters that we make throw dice of their own: when to try a collector again is no matter of ``random``'s state.

A site may seed ``random`` and count on what it gives then, whether a collector is away or not. OpenTelemetry has no
setting for where its exporters' chance comes from, so that their modules are given another source of the same methods.
"""

import random
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from .failures import PREFIX

_own = random.SystemRandom()


def take() -> None:
    """Give the exporters that are imported by now dice of their own."""
    _replace(random, _own)


def give_back() -> None:
    """Leave their modules as they were."""
    _replace(_own, random)


def _replace(old: Any, new: Any) -> None:
    for module in _modules():
        if vars(module).get("random") is old:
            vars(module)["random"] = new


def _modules() -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        if name.startswith(PREFIX) and isinstance(module, ModuleType):
            yield module
