"""What a long record let go of before its end, as its trace will show it: some by themselves, the rest counted."""

from collections.abc import Container, Sequence

from ...errors import error_name
from ...record import Operation, Subject


class Group:
    """Operations alike, of which ``first`` stands for all.

    ``count`` is how many, ``duration`` their time in all and ``end`` the end of the last, in nanoseconds.
    """

    __slots__ = ("count", "duration", "end", "first")

    def __init__(self, first: Operation) -> None:
        self.first = first
        self.count = 0
        self.duration = 0
        self.end = 0

    def take(self, operation: Operation) -> None:
        """Stand for one more."""
        self.count += 1
        self.duration += operation.duration + operation.resumed_ns
        self.end = max(self.end, operation.end)


class Spilled:
    """Takes what is spilled part by part, and holds little of it.

    Each of ``alone`` has a span of its own in the end, each of ``groups``, by their first operations, shares one.
    ``shown`` is how many operations that are. ``instead`` tells of a parent in a group which one stands for it.
    ``most`` bounds all of it, ``fold_after`` is how many alike are kept by themselves.
    """

    def __init__(self, most: int, fold_after: int) -> None:
        self.alone: list[Operation] = []
        self.groups: dict[Operation, Group] = {}
        self.instead: dict[Operation, Operation] = {}
        self.shown = 0
        self._parents: set[Operation] = set()
        self._most = most
        self._fold_after = fold_after
        self._counts: dict[tuple[Operation, Subject, str], int] = {}
        self._shared: dict[tuple[Operation, Subject, str], Group] = {}

    @property
    def operations(self) -> list[Operation]:
        """Those that stand for all that is shown."""
        return [*self.alone, *self.groups]

    def add(self, operations: Sequence[Operation], known: Container[Operation]) -> None:
        """Take one part. Spans of other libraries hang on those in ``known``: they stay by themselves."""
        stands: dict[Operation, Operation] = {}
        for each in parents_first(operations):
            above = each.parent
            parent = stands.get(above, above)
            key = parent, each.subject, error_name(each.error)
            if each in known or self._may_be_alone(key):
                self.alone.append(each)
                self._keep_parent(above, parent)
                self.shown += 1
                continue
            group = self._shared.get(key)
            if group is None:
                if len(self.groups) >= self._most:
                    continue
                group = self._shared[key] = self.groups[each] = Group(each)
                self._keep_parent(above, parent)
            group.take(each)
            self.shown += 1
            stands[each] = group.first
            if each in self._parents:  # of one that was let go of before it ended itself
                self.instead[each] = group.first

    def _keep_parent(self, above: Operation, parent: Operation) -> None:
        self._parents.add(above)
        if parent is not above:
            self.instead[above] = parent

    def _may_be_alone(self, key: tuple[Operation, Subject, str]) -> bool:
        count = self._counts.get(key, 0)
        if count >= self._fold_after or len(self.alone) >= self._most:
            return False
        self._counts[key] = count + 1
        return True


def parents_first(operations: Sequence[Operation]) -> list[Operation]:
    """By their starts; of those that start together the longer ones first, as children end before their parents."""
    return [each for _, each in sorted(enumerate(operations), key=lambda pair: (pair[1].start, -pair[0]))]
