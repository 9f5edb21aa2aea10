"""Operations by hand: trees of them that hypothesis makes, played on a clock that stands still until told."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hypothesis import strategies as st

from djmetrics import recorder, units
from djmetrics.record import Record, Subject
from djmetrics.testing import FakeClock

KINDS = ("view", "db", "template", "cache", "mail")
SUBJECTS = {kind: Subject(kind, kind) for kind in KINDS}


@dataclass
class Node:
    """An operation: ``before`` and ``after`` are nanoseconds of its own around its children's."""

    kind: str
    before: int
    after: int
    children: list["Node"] = field(default_factory=list)


nanoseconds = st.integers(min_value=0, max_value=1000)
nodes = st.recursive(
    st.builds(Node, st.sampled_from(KINDS), nanoseconds, nanoseconds),
    lambda children: st.builds(
        Node, st.sampled_from(KINDS), nanoseconds, nanoseconds, st.lists(children, max_size=4)
    ),
    max_leaves=20,
)
forests = st.lists(nodes, max_size=4)


@contextmanager
def unit() -> Iterator[Record]:
    """A request's record, open and current inside the block."""
    record = units.open(Subject("request", "request"), "home")
    outer = recorder.make_current(record.root)
    try:
        yield record
    finally:
        recorder.make_current(outer)
        units.close(record)


def play(node: Node, clock: FakeClock) -> None:
    """One after another."""
    operation = recorder.begin(SUBJECTS[node.kind])
    clock.wall += node.before
    for child in node.children:
        play(child, clock)
    clock.wall += node.after
    recorder.end(operation)


async def play_together(node: Node, clock: FakeClock) -> None:
    """Its children side by side, each in a task of its own; the clock moves whenever one of them runs."""
    operation = recorder.begin(SUBJECTS[node.kind])
    clock.wall += node.before
    await asyncio.sleep(0)
    await asyncio.gather(*(play_together(child, clock) for child in node.children))
    clock.wall += node.after
    await asyncio.sleep(0)
    recorder.end(operation)


def own_times(forest: list[Node]) -> dict[str, int]:
    """By kind, counted by hand."""
    times = dict.fromkeys(KINDS, 0)
    for node in forest:
        times[node.kind] += node.before + node.after
        for kind, time in own_times(node.children).items():
            times[kind] += time
    return times
