"""What of the site's settings matters here."""

from collections.abc import Callable
from typing import Any, Protocol

Event = dict[str, Any]
Hint = dict[str, Any]
Hook = Callable[[Event, Hint], Event | None]
"""A site's scrubbing hook: it returns the event as it may leave, or None."""


class Choices(Protocol):
    """See ``destinations.Sentry``. Durations are seconds."""

    @property
    def dsn(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def local_variables(self) -> bool: ...
    @property
    def slow_threshold(self) -> float | None: ...
    @property
    def slow_budget(self) -> float | None: ...
    @property
    def max_queries(self) -> int | None: ...
    @property
    def n_plus_one(self) -> int | None: ...
    @property
    def alert_period(self) -> float: ...
    @property
    def shutdown_timeout(self) -> float: ...
