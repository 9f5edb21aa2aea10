"""Hooks: each wraps one Django component and tells the recorder when work on it began and ended.

A hook names no exporter and reads no clock (the databases' has the recorder's steps written out). ``install`` and
``uninstall`` may be called any number of times; after ``uninstall`` the component is what it was before. A third
party's hook is a subclass of ``Hook`` named by its dotted path in ``DJMETRICS["EXTRA_HOOKS"]``.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from ..patching import Patches


class Hook(ABC):
    """One Django component's instrumentation."""

    name: ClassVar[str]
    """What it is called in ``DJMETRICS["HOOKS"]`` and in the documentation."""

    def __init__(self) -> None:
        self.patches = Patches(f"hook {self.name}")

    def install(self) -> None:
        """Start to observe the component."""
        self.patch()

    def uninstall(self) -> None:
        """Stop to observe it, and undo whatever ``install`` did."""
        self.patches.restore()

    @abstractmethod
    def patch(self) -> None:
        """Put the hook in place with ``self.patches``."""
