"""Replace, remember, restore.

A patch is undone only where it is still in place. If somebody else has patched over it since, theirs stays, and
ours, which lies below it, is made to do nothing but call the original.
"""

import functools
import weakref
from collections.abc import Callable
from inspect import CO_COROUTINE, CO_GENERATOR
from types import CodeType, FunctionType
from typing import Any

_MISSING = object()

_all: "weakref.WeakSet[Patches]" = weakref.WeakSet()


def in_place() -> list[str]:
    """Whose patches are in place now."""
    return sorted(patches.name for patches in _all if patches.active and patches.owners())


class Patch:
    """One attribute that was replaced."""

    def __init__(self, owner: Any, name: str, own: Any, ours: Any) -> None:
        self.owner = owner
        self.name = name
        self.own = own
        self.ours = ours
        self._code: CodeType | None = None

    def is_on_top(self) -> bool:
        """Whether the attribute is ours now."""
        return vars(self.owner).get(self.name) is self.ours

    def is_undone(self) -> bool:
        """Whether the attribute is what it was before us, or gone."""
        return vars(self.owner).get(self.name, _MISSING) is self.own

    def undo(self) -> None:
        """Put back what was there; whoever still holds ours (a bound method, another class) has the original in it."""
        self.bypass()
        if self.own is _MISSING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.own)

    def bypass(self) -> None:
        """Make what somebody else holds of us call the original at once."""
        if self._code is None and isinstance(self.ours, FunctionType):
            code = self.ours.__code__
            if "original" in code.co_freevars:
                self._code = code
                self.ours.__code__ = _bypass(code.co_freevars, code.co_flags & (CO_COROUTINE | CO_GENERATOR))

    def resume(self) -> None:
        """Undo ``bypass``."""
        if self._code is not None:
            self.ours.__code__, self._code = self._code, None


class Patches:
    """The patches of one hook. ``replace`` and ``restore`` may be called any number of times."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.active = False
        self._patches: dict[tuple[int, str], Patch] = {}
        _all.add(self)

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Set ``owner.name`` to ``make(original)``, unless our patch is there already.

        ``original`` is what ``owner`` itself holds (a plain function of a class), or what it inherits. What ``make``
        returns must, if it is a function, call it by that name.
        """
        own = vars(owner).get(name, _MISSING)
        original = getattr(owner, name) if own is _MISSING else own
        self._put(owner, name, own, original, make)

    def add(self, owner: Any, name: str, value: Any) -> None:
        """Give ``owner`` an attribute that it has not got, unless somebody else has given it one.

        A function that may be called when it is gone (a bound method lives on) must call what would be without it by
        the name ``original``.
        """
        if name not in vars(owner) or (id(owner), name) in self._patches:
            self._put(owner, name, _MISSING, _MISSING, lambda _: value)

    def _put(self, owner: Any, name: str, own: Any, original: Any, make: Callable[[Any], Any]) -> None:
        self.active = True
        key = (id(owner), name)
        patch = self._patches.get(key)
        if patch is not None and not patch.is_undone():
            patch.resume()  # in place, or below somebody else's patch
            return
        ours = make(original)
        if ours is original:
            return
        if isinstance(original, FunctionType) and isinstance(ours, FunctionType):
            functools.update_wrapper(ours, original)  # name, docstring and signature stay what they were
        setattr(owner, name, ours)
        self._patches[key] = Patch(owner, name, own, ours)

    def restore(self) -> None:
        """Put back every original that we replaced, or step aside where somebody else has patched over us."""
        self.active = False
        for key, patch in reversed(list(self._patches.items())):
            if patch.is_on_top():
                patch.undo()
                del self._patches[key]
            else:
                patch.bypass()

    def owners(self) -> list[str]:
        """What is patched now, as dotted names."""
        return [
            f"{getattr(patch.owner, '__name__', patch.owner)}.{patch.name}"
            for patch in self._patches.values()
        ]


@functools.cache
def _bypass(names: tuple[str, ...], flags: int) -> CodeType:
    """Code that calls ``original`` with all arguments, to be put into a function of this kind and these variables.

    A function's code can be exchanged, whoever holds the function, if both have the same free variables. They
    stand in the code in alphabetical order, so that naming them all is enough.
    """
    asynchronous = "async " if flags & CO_COROUTINE else ""
    hand_on = "return await" if asynchronous else "yield from" if flags & CO_GENERATOR else "return"
    source = (
        f"def outer({', '.join(names)}):\n"
        f"    {asynchronous}def bypass(*args, **kwargs):\n"
        f"        __traceback_hide__ = True\n"
        f"        {'; '.join(names)}\n"
        f"        {hand_on} original(*args, **kwargs)\n"
        f"    return bypass\n"
    )
    made: dict[str, Any] = {}
    exec(source, made)  # noqa: S102 - of nothing but the names of our own variables
    code: CodeType = made["outer"](*names).__code__
    return code
