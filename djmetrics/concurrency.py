"""Exclusive time where operations ran side by side.

One after another, an operation's own time is its duration less its children's. Side by side (``asyncio.gather``, threads)
these overlap, and the phases would sum to more than the record took. Then each instant is shared equally among the operations
that were running at it and had no child running; what no operation covered is "other".
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from .record import Operation, Record


def share_phases(record: Record) -> None:
    """Set ``record.phases`` of a record whose operations overlapped so that they sum to its duration.

    Exact when all its operations are still there. Of a record that was spilled, or whose operations were resumed (fetched
    rows), the parts that have no interval of their own are scaled.
    """
    if record.spilled:
        _scale(record)
        return
    phases = dict.fromkeys(record.phases, 0)
    shares = _shares(record.operations, record.start, record.end)
    for operation, share in shares.items():
        phases[operation.subject.phase] += share
    for operation in record.operations:
        # Fetches: their time lies in the parent's interval, and goes to their own phase.
        parent = operation.parent.subject.phase
        moved = min(operation.resumed_ns, phases[parent])
        phases[parent] -= moved
        phases[operation.subject.phase] += moved
    record.phases = phases
    phases["other"] += record.duration - sum(phases.values())


def _shares(operations: Sequence[Operation], start: int, end: int) -> dict[Operation, int]:
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


def _scale(record: Record) -> None:
    phases = {phase: max(0, ns) for phase, ns in record.phases.items()}
    total = sum(phases.values())
    if total > record.duration:
        phases = {phase: ns * record.duration // total for phase, ns in phases.items()}
    record.phases = phases
    phases["other"] += record.duration - sum(phases.values())
