"""Performance alerts: a slow request, an N+1, too many queries, as events that a Sentry alert rule can notify of."""

import threading
from collections.abc import Iterator

from ... import semconv as s
from ...record import Record
from .choices import Choices, Event
from .summary import repeated_statements, text_of

TITLES = {
    s.ALERT_SLOW: "Slow",
    s.ALERT_N_PLUS_ONE: "N+1 queries",
    s.ALERT_QUERIES: "Too many queries",
}
"""What the issue of each kind is called, before the view's name."""

_KINDS = frozenset({"request", "task"})
_SECOND = 1_000_000_000
_VIEWS = 2_000
_ENOUGH = 100
"""How many requests of a view a budget counts at least: one slow request of three is no trend."""


class Budget:
    """How many of one view's requests were slow, in the period that began at ``start``."""

    __slots__ = ("slow", "start", "total")

    def __init__(self, start: int) -> None:
        self.start = start
        self.total = self.slow = 0


class Alerts:
    """Judges finished records. At most one event per view, kind, process and period."""

    def __init__(self, choices: Choices) -> None:
        threshold = choices.slow_threshold
        self._slow_ns = None if threshold is None else round(threshold * _SECOND)
        self._share = choices.slow_budget
        self._max_queries = choices.max_queries
        self._n_plus_one = choices.n_plus_one
        self._period = round(choices.alert_period * _SECOND)
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], int] = {}
        self._budgets: dict[str, Budget] = {}
        self.wanted = (self._slow_ns, self._max_queries, self._n_plus_one) != (None, None, None)
        """Whether the site asked for any."""

    def after_fork(self) -> None:
        """In a child: a thread that was here is no more."""
        self._lock = threading.Lock()

    def of(self, record: Record) -> Iterator[Event]:
        """The events that a record gives cause for, without what every event is given."""
        if record.kind not in _KINDS:
            return  # a command may take its time
        if record.kind == "request" and self._is_slow(record) and self._is_due(s.ALERT_SLOW, record):
            yield _event(s.ALERT_SLOW, record)
        if self._n_plus_one is not None and record.repeated_queries + 1 >= self._n_plus_one:
            worst = next(iter(repeated_statements(record)), None)
            if (
                worst is not None
                and worst.count >= self._n_plus_one
                and self._is_due(s.ALERT_N_PLUS_ONE, record)
            ):
                event = _event(s.ALERT_N_PLUS_ONE, record)
                event["extra"] = {
                    "statement": text_of(worst),
                    "runs": worst.count,
                    "location": worst.location,
                }
                yield event
        if (
            self._max_queries is not None
            and record.queries > self._max_queries
            and self._is_due(s.ALERT_QUERIES, record)
        ):
            yield _event(s.ALERT_QUERIES, record)

    def _is_slow(self, record: Record) -> bool:
        if self._slow_ns is None:
            return False
        slow = record.duration >= self._slow_ns
        return slow if self._share is None else self._is_spent(record, slow, self._share)

    def _is_spent(self, record: Record, slow: bool, share: float) -> bool:
        """Whether, with this record, more of its view's requests were slow in this period than the budget allows."""
        with self._lock:
            budget = self._budgets.get(record.view)
            if budget is None:
                if len(self._budgets) >= _VIEWS:
                    return False
                budget = self._budgets[record.view] = Budget(record.end)
            elif record.end - budget.start >= self._period:
                budget.start, budget.total, budget.slow = record.end, 0, 0
            budget.total += 1
            budget.slow += slow
            return slow and budget.slow > share * max(budget.total, _ENOUGH)

    def _is_due(self, kind: str, record: Record) -> bool:
        key = kind, record.view
        with self._lock:
            last = self._last.get(key)
            if last is None and len(self._last) >= _VIEWS * len(TITLES):
                return False
            if last is not None and record.end - last < self._period:
                return False
            self._last[key] = record.end
            return True


def _event(kind: str, record: Record) -> Event:
    return {
        "level": "warning",
        "logger": "djmetrics",
        "message": f"{TITLES[kind]}: {record.view}",
        "fingerprint": ["djmetrics", kind, record.view],
        "tags": {s.ALERT: kind},
    }
