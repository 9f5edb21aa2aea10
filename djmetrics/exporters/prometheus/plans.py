"""Which metric an operation belongs to, and with which label values."""

from collections.abc import Callable
from typing import NamedTuple

from ... import catalogue as c
from ... import semconv as s
from ...catalogue import Metric
from ...errors import error_name
from ...record import Operation, Subject
from .totals import Place

Duration = Callable[[Operation], int]


def whole(operation: Operation) -> int:
    """From its start to its end."""
    return operation.end - operation.start


def folded(operation: Operation) -> int:
    """All steps of an operation that stands for many."""
    return operation.end - operation.start + operation.resumed_ns


class Destination(NamedTuple):
    """Where operations of a kind go; without a metric they count in the totals of their record only."""

    metric: Metric | None
    duration: Duration = whole


DESTINATIONS = {
    "middleware": Destination(c.MIDDLEWARE_DURATION),
    "url": Destination(c.URL_RESOLVE),
    "view": Destination(c.VIEW_DURATION),
    "db": Destination(c.DB_OPERATION),
    "fetch": Destination(c.DB_FETCH),
    "template": Destination(c.TEMPLATE_RENDER),
    "form": Destination(c.TEMPLATE_RENDER, folded),
    "compile": Destination(c.TEMPLATE_COMPILE),
    "cache": Destination(c.CACHE_OPERATION),
    "fragment": Destination(c.CACHE_FRAGMENT),
    "command": Destination(c.COMMAND_DURATION),
    "task": Destination(c.TASK_DURATION),
    "handler": Destination(None),
    "stream": Destination(None),
}
OTHER_KINDS = Destination(c.OPERATION)


class Keys:
    """Adds up what a cache's operations say of their keys; a series begins with its first observation."""

    __slots__ = ("_adder", "_hit", "_io", "_miss", "_values")

    def __init__(
        self, adder: Callable[[Metric, tuple[str, ...]], Callable[[int], None]], values: tuple[str, str, str]
    ) -> None:
        self._adder = adder
        self._values = values
        self._hit: Callable[[int], None] | None = None
        self._miss: Callable[[int], None] | None = None
        self._io: Callable[[int], None] | None = None

    def add(self, hits: int, misses: int, size: int) -> None:
        """Keys that were found, keys that were not, and bytes."""
        if hits:
            if self._hit is None:
                self._hit = self._adder(c.CACHE_KEYS, (*self._values, "hit"))
            self._hit(hits)
        if misses:
            if self._miss is None:
                self._miss = self._adder(c.CACHE_KEYS, (*self._values, "miss"))
            self._miss(misses)
        if size:
            if self._io is None:
                self._io = self._adder(c.CACHE_IO, self._values)
            self._io(size)


def label_values(
    metric: Metric, view: str, route: str, subject: Subject, error: type[BaseException] | None
) -> tuple[str, ...]:
    """The values of the metric's labels, in its order."""
    known = {
        s.VIEW: view,
        s.HTTP_ROUTE: route,
        s.ERROR_TYPE: error_name(error),
        s.KIND: subject.kind,
        s.OPERATION: subject.name,
    }
    known.update(subject.attributes)
    return tuple(str(known.get(label, "")) for label in metric.labels)


Plan = tuple[tuple[int, ...], int, int, str, Duration | None, Place | None, Keys | None]
"""A place (a sum at 0: nowhere), how to tell the duration if not from its ends, where fetches and keys go."""

Key = Subject | tuple[Subject, str]
Route = tuple[str, str]
"""A view, and the route that led to it: one view may have many."""
