"""Lets go, in a forked child, of what is its parent's."""

import os
import weakref
from typing import Protocol


class Abandonable(Protocol):
    """Something with descriptors that a child must close."""

    def abandon(self) -> None:
        """Close them."""


_all: "weakref.WeakSet[Abandonable]" = weakref.WeakSet()


def abandon_in_children(thing: Abandonable) -> None:
    """Call ``thing.abandon()`` at the start of every child that Python forks, as long as ``thing`` exists.

    At once, not when the child first counts something: an inherited descriptor keeps a dead parent's slot taken.
    """
    _all.add(thing)


def _abandon_all() -> None:
    for thing in list(_all):
        thing.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
