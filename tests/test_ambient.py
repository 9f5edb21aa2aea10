"""What other libraries see while a record's work runs: each context is told, and none can break another's."""

import pytest

from djmetrics import ambient, guard, units


class Noting:
    """A context that notes what it is asked."""

    def __init__(self, name, happened, broken=()):
        self.name, self.happened, self.broken = name, happened, broken

    def __getattr__(self, what):
        def asked(*args):
            if what in self.broken:
                raise ValueError
            self.happened.append((self.name, what, args[-1] if what in ("leave", "restore") else None))
            return f"{self.name} {what}"

        return asked


STEPS = ("begin", "enter", "keep", "restore", "leave")


@pytest.fixture
def contexts(monkeypatch):
    """A function that puts two contexts in use, the first of which may be broken."""
    happened = []

    def use(*broken):
        monkeypatch.setattr(ambient, "contexts", (Noting("a", happened, broken), Noting("b", happened)))
        return happened

    return use


def all_steps():
    record = units.open()
    ambient.begin(record)
    before = ambient.enter(record)
    ambient.restore(ambient.keep())
    ambient.leave(before)


def test_order(contexts):
    """What is entered last is left first; each gets back what it returned."""
    happened = contexts()
    all_steps()
    assert happened == [
        *(("a", "begin", None), ("b", "begin", None), ("a", "enter", None), ("b", "enter", None)),
        *(("a", "keep", None), ("b", "keep", None), ("a", "restore", "a keep"), ("b", "restore", "b keep")),
        *(("b", "leave", "b enter"), ("a", "leave", "a enter")),
    ]


@pytest.mark.parametrize("step", STEPS)
def test_broken(contexts, step, monkeypatch):
    """A context that fails is reported, and left out of the way back; the other one is told all."""
    monkeypatch.setattr(guard, "strict", False)
    before = guard.counts["context Noting." + step]
    happened = contexts(step)
    all_steps()
    assert [what for name, what, _ in happened if name == "b"] == list(STEPS)
    assert guard.counts["context Noting." + step] == before + 1
    if step == "enter":
        assert ("a", "leave", "a enter") not in happened


def test_none():
    """Without contexts there is nothing to do."""
    all_steps()
