"""Replace, remember, restore.

A patch is undone only where it is still in place: if somebody else has patched over it since, theirs stays, and
ours lies inert below it (``Patches.active`` is then false, and what we put there looks at it).
"""

import functools
import weakref
from collections.abc import Callable
from typing import Any

_MISSING = object()


_all: "weakref.WeakSet[Patches]" = weakref.WeakSet()


def in_place() -> list[str]:
    """Whose patches are in place now."""
    return sorted(patches.name for patches in _all if patches.owners())


class Patches:
    """The patches of one hook. ``replace`` and ``restore`` may be called any number of times."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.active = False
        self._patches: dict[tuple[int, str], tuple[Any, str, Any, Any]] = {}
        _all.add(self)

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Set ``owner.name`` to ``make(original)``, unless our patch is there already.

        ``original`` is what ``owner`` itself holds (a plain function of a class), or what it inherits.
        """
        self.active = True
        key = (id(owner), name)
        own = vars(owner).get(name, _MISSING)
        if key in self._patches and own is not self._patches[key][2]:
            return  # in place, or below somebody else's patch
        original = getattr(owner, name) if own is _MISSING else own
        ours = make(original)
        if hasattr(original, "__code__") and ours is not original:
            functools.update_wrapper(ours, original)  # name, docstring and signature stay what they were
        setattr(owner, name, ours)
        self._patches[key] = (owner, name, own, ours)

    def add(self, owner: Any, name: str, value: Any) -> None:
        """Give ``owner`` an attribute that it does not have itself; ``restore`` takes it away again."""
        self.replace(owner, name, lambda _: value) if hasattr(owner, name) else self._add(owner, name, value)

    def _add(self, owner: Any, name: str, value: Any) -> None:
        self.active = True
        setattr(owner, name, value)
        self._patches[id(owner), name] = (owner, name, _MISSING, value)

    def restore(self) -> None:
        """Put back every original that we replaced and that nobody has replaced since."""
        self.active = False
        for key, (owner, name, own, ours) in reversed(list(self._patches.items())):
            if vars(owner).get(name) is not ours:
                continue  # patched over: a later install finds ours still below it
            if own is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, own)
            del self._patches[key]

    def owners(self) -> list[str]:
        """What is patched now, as dotted names, for tests and error messages."""
        return [f"{getattr(owner, '__name__', owner)}.{name}" for owner, name, _, _ in self._patches.values()]
