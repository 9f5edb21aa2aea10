"""The operations of a record as the tree that a trace shows: what lies inside what, and what is counted together."""

from collections.abc import Iterable, Sequence
from typing import Any

from opentelemetry.trace import SpanContext

from ...errors import error_name
from ...record import Operation, Record, Root, Subject, layer_operations
from .spilled import Group, Spilled, parents_first


class Node:
    """One span to be: an operation, or several alike of which ``operation`` is the first.

    ``parent`` is the node above, None for what lies right below the server span; ``around`` the span of another
    library that lies between. ``count`` is how many operations it stands for, ``duration`` and ``end`` their time in
    all and the end of the last, in nanoseconds. ``is_cut`` says that the operation outlived its record,
    ``is_layer`` that it is a middleware or the like, which is never current.
    """

    __slots__ = ("around", "context", "count", "duration", "end", "is_cut", "is_layer", "operation", "parent")

    def __init__(self, operation: Operation, parent: "Node | None", is_cut: bool, until: int) -> None:
        self.operation = operation
        self.parent = parent
        self.around = _around(operation)
        self.count = 1
        self.is_cut = is_cut
        self.is_layer = False
        self.end = until if is_cut else operation.end
        self.duration = self.end - operation.start + operation.resumed_ns
        self.context: SpanContext | None = None

    def take(self, operation: Operation) -> None:
        """Stand for one more."""
        self.count += 1
        self.duration += operation.duration + operation.resumed_ns
        self.end = max(self.end, operation.end)

    def take_all(self, group: Group, is_new: bool) -> None:
        """Stand for a group as well, of whose first operation ``is_new`` says that it stands already."""
        self.count = group.count if is_new else self.count + group.count
        self.duration = group.duration if is_new else self.duration + group.duration
        self.end = max(self.end, group.end)


def _around(operation: Operation) -> Any:
    """The other library's span that lies between an operation and the one around it, if any."""
    found = getattr(operation, "around", None)
    # What was current already when the outer one began lies around both.
    return None if found is getattr(operation.parent, "around", None) else found


Alike = tuple[Node | None, Subject, str]
"""What operations have in common that may share a span."""


class Tree:
    """What of a record becomes spans: ``nodes``, parents first; ``dropped`` operations found no place.

    ``most`` is how many nodes there may be, but for the ``known`` operations: spans of other libraries hang on those,
    so that each has one of its own. Layers whose own time is below ``shortest`` nanoseconds get none, unless they
    failed: a site has ten of them, and most do nothing. ``omitted`` says how many. ``spilled`` is what the record let
    go of before its end.
    """

    def __init__(
        self,
        record: Record,
        operations: Sequence[Operation],
        known: Iterable[Operation],
        most: int,
        fold_after: int,
        shortest: int = 0,
        spilled: Spilled | None = None,
    ) -> None:
        self.omitted = 0
        self._groups = {} if spilled is None else spilled.groups
        self._instead = {} if spilled is None else spilled.instead
        self.nodes: list[Node] = []
        self.dropped = 0
        self._most = most
        self._most_alone = most - most // 4  # what is left is for those that stand for many
        self._fold_after = fold_after
        self._known = frozenset(known)
        self._cut = self._known.difference(operations)
        self._until = record.end
        self._root: Root = record.root
        self._made: dict[Operation, Node | None] = {}
        self._alone: dict[Alike, int] = {}
        self._shared: dict[Alike, Node] = {}
        layers = sorted(layer_operations(record), key=lambda each: (each.start, -each.end))
        self._layers: list[Node] = []
        for layer in layers:
            if layer.exclusive < shortest and layer.error is None:
                self.omitted += 1
                continue
            made = self._add(layer, self._layer_around(layer))
            if made is not None and made.operation is layer:
                made.is_layer = True
                self._layers.append(made)
        for operation in parents_first([*operations, *self._cut]):
            if operation.subject.kind != "handler":
                self._add(operation, self._parent(operation))

    def _layer_around(self, operation: Operation) -> Node | None:
        """The innermost layer during which an operation began: layers do not know what ran inside them."""
        for layer in reversed(self._layers):
            if layer.operation.start <= operation.start < layer.operation.end:
                return layer
        return None

    def _parent(self, operation: Operation) -> Node | None:
        above = operation.parent
        while above is not self._root and above.parent is not above:
            above = self._instead.get(above, above)
            if above in self._made:
                return self._made[above]
            above = above.parent  # it was counted before the end, or is no span
        return self._layer_around(operation)

    def _add(self, operation: Operation, parent: Node | None) -> Node | None:
        """Give an operation its node; return the one that its children lie under."""
        # By the error's name: its metaclass may have made the class unhashable.
        key = parent, operation.subject, error_name(operation.error)
        alone = self._alone.get(key, 0)
        group = self._groups.get(operation)
        may_be_alone = alone < self._fold_after and len(self.nodes) < self._most_alone
        if group is None and (operation in self._known or may_be_alone):
            self._alone[key] = alone + 1
            made = self._made[operation] = self._node(operation, parent)
            return made
        shared = self._shared.get(key)
        is_new = shared is None and len(self.nodes) < self._most
        if is_new:
            shared = self._shared[key] = self._node(operation, parent)
        if shared is None:
            self.dropped += 1 if group is None else group.count
            shared = parent
        elif group is not None:
            shared.take_all(group, is_new)
        elif not is_new:
            shared.take(operation)
        self._made[operation] = shared
        return shared

    def _node(self, operation: Operation, parent: Node | None) -> Node:
        node = Node(operation, parent, operation in self._cut, self._until)
        self.nodes.append(node)
        return node
