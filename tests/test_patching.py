"""Replace, remember, restore."""

from typing import Any

import pytest

from djmetrics import patching
from djmetrics.patching import Patches


class Base:
    """What others inherit from."""

    def inherited(self) -> str:
        """Says what it is."""
        return "inherited"


class Owner(Base):
    """Something to patch."""

    value = 5

    def method(self, number: int = 1) -> str:
        """Says what it is."""
        return f"method {number}"

    @staticmethod
    def static() -> str:
        return "static"


def louder(original: Any) -> Any:
    def ours(*args: Any, **kwargs: Any) -> str:
        return f"{original(*args, **kwargs)}!"

    return ours


@pytest.fixture
def patches() -> Any:
    made = Patches("a test")
    yield made
    made.restore()


def test_replace_and_restore(patches):
    """The identical object is back."""
    before = vars(Owner)["method"]
    patches.replace(Owner, "method", louder)
    assert Owner().method(2) == "method 2!"
    assert patches.active
    assert patches.owners() == ["Owner.method"]
    assert "a test" in patching.in_place()
    patches.restore()

    assert vars(Owner)["method"] is before
    assert not patches.active
    assert patches.owners() == []
    assert "a test" not in patching.in_place()


def test_looks_the_same(patches):
    """Name, docstring and what it wraps are the original's."""
    before = Owner.method
    patches.replace(Owner, "method", louder)

    assert (Owner.method.__name__, Owner.method.__qualname__, Owner.method.__doc__) == (
        "method", "Owner.method", "Says what it is.",
    )  # fmt: skip
    assert Owner.method.__wrapped__ is before


def test_twice(patches):
    """A second replace of the same attribute does nothing; so does a second restore."""
    patches.replace(Owner, "method", louder)
    patches.replace(Owner, "method", louder)
    assert Owner().method() == "method 1!"
    patches.restore()
    patches.restore()

    assert Owner().method() == "method 1"


def test_inherited(patches):
    """An attribute that was inherited is inherited again."""
    patches.replace(Owner, "inherited", louder)
    assert (Owner().inherited(), Base().inherited()) == ("inherited!", "inherited")
    patches.restore()

    assert "inherited" not in vars(Owner)


def test_something_without_code(patches):
    """Other objects can be replaced too."""
    patches.replace(Owner, "value", lambda original: original + 1)
    assert Owner.value == 6
    patches.restore()

    assert Owner.value == 5


def test_original_returned(patches):
    """To leave it as it is is no patch that changes anything."""
    before = vars(Owner)["method"]
    patches.replace(Owner, "method", lambda original: original)

    assert vars(Owner)["method"] is before


def test_add(patches):
    """An attribute that was not there is gone again; an inherited one is as before, and what was there stays."""

    def added(self: Any) -> str:
        return "added"

    for _ in range(2):
        for name in "new", "inherited", "method":
            patches.add(Owner, name, added)
    assert (Owner().new(), Owner().inherited(), Owner().method()) == ("added", "added", "method 1")
    patches.restore()

    assert not hasattr(Owner, "new")
    assert (Owner().inherited(), Owner().method()) == ("inherited", "method 1")


def test_what_lives_on(patches):
    """A bound method, and a method in another class, call the original when ours is gone."""
    patches.replace(Owner, "method", louder)
    bound = Owner().method
    other = type("Other", (Owner,), {"copied": Owner.method})()
    assert (bound(), other.copied()) == ("method 1!", "method 1!")
    patches.restore()
    assert (bound(), other.copied()) == ("method 1", "method 1")
    patches.replace(Owner, "method", louder)
    assert (bound(), Owner().method()) == ("method 1", "method 1!")


def test_patched_over(patches):
    """Somebody else's patch stays; ours is found below it when we come again, and goes when theirs has gone."""
    before = vars(Owner)["method"]
    patches.replace(Owner, "method", louder)
    ours = vars(Owner)["method"]
    theirs = louder(ours)
    Owner.method = theirs
    patches.restore()
    assert vars(Owner)["method"] is theirs
    patches.replace(Owner, "method", louder)
    assert Owner().method() == "method 1!!"
    Owner.method = ours
    patches.restore()

    assert vars(Owner)["method"] is before


def test_put_back_by_somebody_else(patches):
    """Where somebody put the original back over ours, the next replace is in place again."""
    before = vars(Owner)["method"]
    patches.replace(Owner, "method", louder)
    Owner.method = before
    patches.replace(Owner, "method", louder)
    assert Owner().method() == "method 1!"
    patches.restore()

    assert vars(Owner)["method"] is before


def test_two_hooks_on_one_attribute(patches):
    """Ours over ours: in whatever order they go, what is left is the original."""
    before = vars(Owner)["method"]
    others = Patches("another test")
    patches.replace(Owner, "method", louder)
    others.replace(Owner, "method", louder)
    assert Owner().method() == "method 1!!"
    others.restore()
    patches.restore()

    assert vars(Owner)["method"] is before


def test_module(patches):
    """Modules are patched as classes are."""
    import tests.test_patching as here

    patches.replace(here, "louder", lambda original: lambda value: "quiet")
    assert here.louder(None) == "quiet"
    patches.restore()

    assert here.louder is not None
    assert here.louder.__name__ == "louder"
