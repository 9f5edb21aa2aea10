"""Which metric an operation belongs to, and with which label values."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ... import catalogue as c
from ... import semconv as s
from ...catalogue import Metric
from ...errors import error_name
from ...record import Operation, Subject
from .regions import Words
from .series import Series
from .totals import Place, observe, place

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


Claim = Callable[[Metric, tuple[str, ...]], Series]
Count = tuple[int, str]
"""Where a counter is, and its metric's name if it is the overflow series."""


class Keys:
    """Adds up what a cache's operations say of their keys; a series begins with its first observation."""

    __slots__ = ("_claim", "_hit", "_io", "_miss", "_overflowed", "_values", "_words")

    def __init__(self, counting: "Counting", values: tuple[str, str, str]) -> None:
        self._words, self._claim, self._overflowed = counting
        self._values = values
        self._hit: Count | None = None
        self._miss: Count | None = None
        self._io: Count | None = None

    def add(self, hits: int, misses: int, size: int) -> None:
        """Keys that were found, keys that were not, and bytes."""
        if hits:
            if self._hit is None:
                self._hit = self._count(c.CACHE_KEYS, "hit")
            self._add(self._hit, hits)
        if misses:
            if self._miss is None:
                self._miss = self._count(c.CACHE_KEYS, "miss")
            self._add(self._miss, misses)
        if size:
            if self._io is None:
                self._io = self._count(c.CACHE_IO)
            self._add(self._io, size)

    def _count(self, metric: Metric, *result: str) -> Count:
        series = self._claim(metric, (*self._values, *result))
        return series.offset, metric.name if series.overflow else ""

    def _add(self, count: Count, amount: int) -> None:
        offset, full = count
        self._words[offset] += amount
        if full:
            self._overflowed(full)


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


Add = Callable[[Operation], None]

Plan = tuple[
    int, tuple[int, ...], int, int, tuple[int, tuple[int, ...], int, int] | None, Keys | None, Add | None
]
"""A histogram's first bound, its bounds, where its buckets and its sum are; the same of where fetches go; what counts a
cache's keys; and what adds an operation in the place of all that, where there is more to it."""

Key = Subject | tuple[Subject, str]
Route = tuple[str, str]
"""A view, and the route that led to it: one view may have many."""


class Counting(NamedTuple):
    """What plans are made with; void once the store has moved."""

    words: Words
    claim: Claim
    overflowed: Callable[[str], None]


def make_plan(operation: Operation, route: Route, counting: Counting) -> Plan:
    """Find out where operations like this one go."""
    subject = operation.subject
    metric, duration = DESTINATIONS.get(subject.kind, OTHER_KINDS)
    if metric is None:
        return 0, (), 0, 0, None, None, _nothing
    claim = counting.claim
    here = place(metric, claim(metric, label_values(metric, *route, subject, operation.error)))
    view, alias = route[0], subject.attributes.get("alias", "")
    fetches = keys = None
    if subject.kind == "db":
        fetches = place(c.DB_FETCH, claim(c.DB_FETCH, (view, alias)))
    elif subject.kind == "cache":
        keys = Keys(counting, (view, alias, subject.name))
    add: Add | None = None
    if duration is not whole or here[3] or (fetches is not None and fetches[3]):
        add = partial(_add_fully, counting, here, duration, fetches, keys)
    bounds, offset, total, _ = here
    more = None if fetches is None else (fetches[0][0], *fetches[:3])
    return bounds[0], bounds, offset, total, more, keys, add


def _nothing(operation: Operation) -> None:
    """What counts in the totals of its record only."""


def _add_fully(
    counting: Counting,
    here: Place,
    duration: Duration,
    fetches: Place | None,
    keys: Keys | None,
    operation: Operation,
) -> None:
    """Add an operation about which there is more to say than its time."""
    observe(counting.words, here, duration(operation), counting.overflowed)
    if fetches is not None and operation.resumed_ns:
        observe(counting.words, fetches, operation.resumed_ns, counting.overflowed)
    if keys is not None and operation.detail is not None:
        keys.add(*operation.detail)
