"""djmetrics on, in a process of Django's test suite, whatever MIDDLEWARE a test chooses."""

import os
from collections import Counter
from typing import Any

from django.core.handlers import base

from djmetrics import guard, recorder, runtime, units

from . import counting

MIDDLEWARE = "djmetrics.middleware.DjmetricsMiddleware"


class OutermostSettings:
    """Django's settings as the handlers' module reads them: with djmetrics' middleware first.

    ``django.conf.settings`` itself, which the tests read and override, stays as it is.
    """

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._settings, name)
        if name == "MIDDLEWARE" and MIDDLEWARE not in value:
            return [MIDDLEWARE, *value]
        return value


def activate() -> None:
    """Start djmetrics and make its middleware the outermost of every handler that this process makes.

    Raises RuntimeError when a built-in hook is not installed: the run would prove nothing.
    """
    if isinstance(base.settings, OutermostSettings):
        return
    runtime.start()
    installed = {type(hook) for hook in runtime.hooks()}
    if guard.counts or not installed.issuperset(runtime.HOOKS):
        raise RuntimeError(f"djmetrics did not start: {installed} installed, failures: {dict(guard.counts)}")
    base.settings = OutermostSettings(base.settings)


class Watch:
    """What djmetrics sees and does wrong, test by test and between tests."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._between: Counter[str] = Counter()
        self._failed_between: Counter[str] = Counter()
        self._open = recorder.current_operation()

    def started(self) -> None:
        """A test begins: what was seen since the last one is not of it."""
        self._between, self._failed_between = self._lap()
        self._open = recorder.current_operation()

    def stopped(self) -> dict[str, Any]:
        """The test is over: the fields of its outcome."""
        seen, failed = self._lap()
        left = recorder.current_operation()
        return {
            "seen": dict(seen),
            "between": dict(self._between),
            "failed_inside": dict(failed + self._failed_between),
            # What an earlier test left open is that test's.
            "left_open": "" if left is None or left is self._open else repr(left),
        }

    def _lap(self) -> tuple[Counter[str], Counter[str]]:
        units.flush()
        seen, failed = counting.snapshot(), guard.counts.copy()
        lap = seen - self._seen, failed - self._failed
        self._seen, self._failed = seen, failed
        return lap


watch = Watch()
"""This process's: a worker process makes a result object for each class of tests, and it outlives them."""

# A forked test worker counts from nought.
os.register_at_fork(after_in_child=watch.__init__)
