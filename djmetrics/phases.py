"""Exclusive time: where a record's time went, by phase, so that the phases sum to the whole.

One after another, an operation's own time is its duration less its children's; the recorder adds it to its record
when the operation ends. Side by side (``asyncio.gather``, threads) these overlap, and the phases would sum to more
than the record took. Then each instant is shared equally among the operations that were running at it and had no
child running; what no operation covered is "other".
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .record import Operation, Record

PHASES = ("middleware", "url", "view", "template", "db", "cache", "other")
"""Where a record's time can go."""


def exclusive_phases(record: "Record") -> dict[str, int]:
    """The exclusive nanoseconds of each phase of a closed record; they sum to its duration.

    Of a record whose operations overlapped, spilled ones and steps of resumed ones have no interval of their own, and
    are scaled.
    """
    phases = record.own_ns.copy()
    rest = record.duration - sum(phases.values())
    # Below zero: an operation went on after the one that it belongs to.
    if record.root.concurrent or rest < 0 or min(phases.values()) < 0:
        phases = _concurrent(record)
        rest = record.duration - sum(phases.values())
    phases["other"] += rest
    return phases


def _concurrent(record: "Record") -> dict[str, int]:
    phases = record.own_ns.copy() if record.spilled else _shared(record)
    # A layer below zero, whose inside ran side by side, took nothing. The own times have the layers' already.
    for subject, _, _, own, _ in record.layers:
        if not record.spilled:
            phases[subject.phase] += max(0, own)
        elif own < 0:
            phases[subject.phase] -= own
    return _scaled(phases, record.duration)


def _shared(record: "Record") -> dict[str, int]:
    phases = dict.fromkeys(PHASES, 0)
    for operation, share in _shares(record.operations, record.start, record.end).items():
        phases[operation.subject.phase] += share
    for operation in record.operations:
        # Fetches: their time lies in the parent's interval, and goes to their own phase.
        parent = operation.parent.subject.phase
        moved = min(operation.resumed_ns, phases[parent])
        phases[parent] -= moved
        phases[operation.subject.phase] += moved
    return phases


def _shares(operations: Iterable["Operation"], start: int, end: int) -> dict["Operation", int]:
    """Sweep over time; give each operation its share of the instants at which it was a running leaf."""
    edges: list[tuple[int, int, Operation]] = []
    for operation in operations:
        begin, finish = max(operation.start, start), min(operation.end, end)
        if begin < finish:
            edges.append((begin, 1, operation))
            edges.append((finish, 0, operation))
    edges.sort(key=lambda edge: edge[:2])
    shares: dict[Operation, Fraction] = {}
    running: set[Operation] = set()
    for (at, begins, operation), (until, _, _) in pairwise([*edges, *edges[-1:]]):
        if begins:
            running.add(operation)
        else:
            running.discard(operation)
        if until > at and running:
            leaves = running - {child.parent for child in running}
            for leaf in leaves:
                shares[leaf] = shares.get(leaf, Fraction(0)) + Fraction(until - at, len(leaves))
    return {operation: int(share) for operation, share in shares.items()}


def _scaled(phases: dict[str, int], duration: int) -> dict[str, int]:
    own = {phase: max(0, ns) for phase, ns in phases.items()}
    total = sum(own.values())
    return {phase: ns * duration // total for phase, ns in own.items()} if total > duration else own
