"""Units of work: requests and, one for all the rest, the process.

They are opened, counted in part where they grow too long, and closed; then their records are handed to the
exporters.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from . import ambient, clock, guard, semconv, tally, telling
from .record import Operation, Record, Root, Statement, Subject
from .telling import tell


class Exporter(Protocol):
    """One destination. Each is given every record once, and never calls back."""

    def opened(self, record: Record) -> None:
        """A unit of work began."""

    def spill(self, record: Record, operations: Sequence[Operation]) -> None:
        """Operations of a record that is still open and holds too many: count them now."""

    def export(self, record: Record) -> None:
        """A unit of work is over; ``record.operations`` holds what was not spilled."""

    def dropped(self, record: Record) -> None:
        """A unit of work is over that shall not be counted."""


REQUEST = Subject("request", "request")
PROCESS = Subject("process", "process")

OUTSIDE_LIMIT = 100
"""How many operations outside any request wait to be counted."""

shared = False
"""Whether other processes show what this one counts, so that nothing may wait here for a scrape."""

keeps_exceptions = False
"""Whether a destination wants the exceptions themselves, and not just their classes."""

decide: Callable[[Record], None] | None = None
"""Says of a finished record whether its trace is kept, where anything keeps traces."""

_exporters: tuple[Exporter, ...] = ()
_excluded: frozenset[str] = frozenset()
_spilling = threading.Lock()
_abandoned: deque[Record] = deque()

_EARLIER = 10
_broken: dict[int, Record] = {}
"""Open records by the identities of the exceptions that they hold."""


def _new_process_record() -> Record:
    record = Record(PROCESS, semconv.OUTSIDE)
    record.started_at, record.start = clock.unix(), clock.now()
    record.root.start = record.start
    record.root.limit = OUTSIDE_LIMIT
    return record


outside: Root = _new_process_record().root
outside.resumable = False
"""The parent of all that happens outside any request. It is always the same object, in forked children too."""


def configure(exporters: Sequence[Exporter], most: int, excluded_views: frozenset[str] = frozenset()) -> None:
    """Say where records go, how many operations one may hold, and which views are left out of all data."""
    global _exporters, _excluded
    _exporters, _excluded = tuple(exporters), excluded_views
    Record.limit = most


@contextmanager
def also(exporter: Exporter) -> Iterator[None]:
    """Give ``exporter`` all that the others are given, inside the block."""
    global _exporters
    _exporters = (*_exporters, exporter)
    try:
        yield
    finally:
        _exporters = tuple(each for each in _exporters if each is not exporter)


def open(subject: Subject = REQUEST, view: str = semconv.NO_VIEW) -> Record:
    """A unit of work begins."""
    record = Record(subject, view)
    record.started_at = clock.unix()
    record.start = record.root.start = clock.now()
    return record


def announce(record: Record) -> None:
    """Tell the exporters that ``record`` is open, now that it is known what it is about."""
    if ambient.contexts:
        ambient.begin(record)
    record.carrier = None
    record.announced = _exporters
    tell(_announce, record)


def _announce(record: Record) -> None:
    for exporter in record.announced:
        try:
            exporter.opened(record)
        except Exception:
            guard.failed(f"exporter {type(exporter).__name__}.opened")


def broke(record: Record, error: BaseException) -> None:
    """An exception that nothing handled ended the unit of work, or is about to."""
    record.error = type(error)
    if keeps_exceptions:
        if record.exception is not None and record.exception is not error:
            if len(record.earlier_exceptions) >= _EARLIER:
                _forget(record.earlier_exceptions[0], record)
            record.earlier_exceptions = (*record.earlier_exceptions, record.exception)[-_EARLIER:]
        record.exception = error
        _broken[id(error)] = record


def broke_inside(record: Record, error: BaseException) -> None:
    """An exception that was kept from the unit of work, though nothing handled it: a task's that was run at once."""
    if keeps_exceptions:
        record.inner_exceptions = (*record.inner_exceptions, error)[-_EARLIER:]


def record_of(error: BaseException) -> Record | None:
    """The record that ``error`` broke and that is not closed yet, where exceptions are kept."""
    return _broken.get(id(error))


def first_byte(record: Record) -> None:
    """The first byte of the response is there."""
    record.first_byte_ns = clock.now() - record.start


def single(subject: Subject, record: Record) -> Operation:
    """An operation of no duration right below the record's root, for what goes on in steps after it."""
    operation = Operation(subject, record.root, record.root)
    operation.start = operation.end = clock.now()
    record.operations.append(operation)
    return operation


def close(record: Record) -> None:
    """The unit of work is over: hand its record to the exporters. Only the first call counts."""
    _close(record)
    while _abandoned:
        _close(_abandoned.popleft())
    if shared and outside.operations:
        spill(outside)


def _close(record: Record) -> None:
    root = record.root
    if root.record is None:
        return
    record.end = root.end = now = clock.now()
    root.record = None
    # No cycle is left for the collector to find: sites switch it off.
    root.parent = root.root = outside
    # What a task that outlives its request still does is counted outside.
    root.operations = outside.operations
    root.own_ns = outside.own_ns
    root.layers = []
    root.resumable = root.plain = False
    record.duration = now - record.start
    tell(_hand_over, record)


def _hand_over(record: Record) -> None:
    if record.announced is not _exporters:
        _drop_from([each for each in record.announced if each not in _exporters], record)
    if record.view in _excluded and not record.discarded:
        record.discarded = True
        _drop(record)
    if not record.discarded:
        if decide is not None:
            _decide(record)
        for exporter in _exporters:
            try:
                exporter.export(record)
            except Exception:
                guard.failed(f"exporter {type(exporter).__name__}.export")
    if record.exception is not None or record.inner_exceptions:
        _let_go(record)


def _let_go(record: Record) -> None:
    """Forget a record's exceptions: their tracebacks would keep alive what the site is done with."""
    for error in (*record.earlier_exceptions, record.exception):
        _forget(error, record)
    record.exception, record.earlier_exceptions, record.inner_exceptions = None, (), ()


def _forget(error: BaseException | None, record: Record) -> None:
    if _broken.get(id(error)) is record:
        del _broken[id(error)]


def _decide(record: Record) -> None:
    try:
        if decide is not None:
            decide(record)
    except Exception:
        guard.failed("units.decide")


def drop(record: Record) -> None:
    """Leave ``record`` out of all data, from now on: it is not counted as open either."""
    if record.discarded:
        return
    record.discarded = True
    tell(_drop, record)


def _drop(record: Record) -> None:
    _drop_from(_exporters, record)


def _drop_from(exporters: Iterable[Exporter], record: Record) -> None:
    for exporter in exporters:
        try:
            exporter.dropped(record)
        except Exception:
            guard.failed(f"exporter {type(exporter).__name__}.dropped")


abandon = _abandoned.append
"""Close a record when that is safe; for finalisers, which may run in the middle of anything, and at the very end."""


def spill(root: Root) -> None:
    """Count the operations that a record holds and let go of them: it is bounded, and the outside one never ends."""
    if not _spilling.acquire(blocking=False):
        return  # the next operation tries again; and this may be in the middle of the one that has it
    try:
        # Others may append meanwhile, always at the end.
        operations = root.operations[:]
        del root.operations[: len(operations)]
    finally:
        _spilling.release()
    record = root.record or outside.record
    if record is None or not operations:
        return
    record.spilled += len(operations)
    if record is not outside.record:
        _keep_totals(record, operations)
    record.folds = None  # what is counted can't go on
    tell(_spill, (record, operations))


def _spill(spilled: tuple[Record, Sequence[Operation]]) -> None:
    record, operations = spilled
    for exporter in _exporters:
        try:
            exporter.spill(record, operations)
        except Exception:
            guard.failed(f"exporter {type(exporter).__name__}.spill")


def _keep_totals(record: Record, operations: Iterable[Operation]) -> None:
    """Keep of operations that are let go what the record's totals need."""
    for operation in operations:
        detail = operation.detail
        if type(detail) is Statement:
            detail.spilled_ns += operation.duration + operation.resumed_ns
        elif operation.subject.kind == "cache" and type(detail) is tuple:
            record.spilled_hits += detail[0]
            record.spilled_misses += detail[1]


def flush() -> None:
    """Count what was recorded outside any unit of work, and what was abandoned."""
    while _abandoned:
        _close(_abandoned.popleft())
    spill(outside)


def reset() -> None:
    """Forget what was recorded outside any unit of work: in a forked child, where it is the parent's, and in tests."""
    global _spilling
    _spilling = threading.Lock()
    telling.reset()
    tally.reset()
    _abandoned.clear()
    record = _new_process_record()
    record.root = outside
    outside.record, outside.operations, outside.own_ns = record, record.operations, record.own_ns
    outside.start, outside.children_ns, outside.last_end = record.start, 0, 0
