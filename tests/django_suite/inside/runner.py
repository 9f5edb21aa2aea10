"""Django's test runner, writing one line of JSON per test from whatever process the test ran in."""

import json
import os
import time
from pathlib import Path
from typing import Any
from unittest import TestResult, TextTestResult

from django.test.runner import DiscoverRunner, ParallelTestSuite, RemoteTestResult, RemoteTestRunner

ON = os.environ["DJMETRICS_SUITE_MODE"] == "djmetrics"
RESULTS = Path(os.environ["DJMETRICS_SUITE_RESULTS"])

if ON:
    from .activation import activate, watch

# The worse outcome is the test's, where it has several: subtests, or an error in tearDown.
RANK = ("passed", "skipped", "expected failure", "unexpected success", "failed", "error")


def _text(result: Any, err: Any, test: Any) -> str:
    # Django's result for worker processes switches its own method off.
    return TestResult._exc_info_to_string(result, err, test)


class Recording:
    """A unittest result that writes each test's outcome, time, error and what djmetrics saw of it."""

    _running: Any = None

    def startTest(self, test: Any) -> None:
        super().startTest(test)  # type: ignore[misc]
        self._running = test
        self._outcomes: list[tuple[str, str]] = []
        if ON:
            watch.started()
        self._began = time.perf_counter()

    def stopTest(self, test: Any) -> None:
        # Python 3.12.1 stops skipped tests that it did not start.
        if self._running is not None:
            seconds = time.perf_counter() - self._began
            outcomes = self._outcomes or [("error", "It ended without an outcome.")]
            outcome, detail = max(outcomes, key=lambda one: RANK.index(one[0]))
            self._running = None
            self._write(test, outcome, detail, seconds, watch.stopped() if ON else {})
        super().stopTest(test)  # type: ignore[misc]

    def addSuccess(self, test: Any) -> None:
        self._note(test, "passed")
        super().addSuccess(test)  # type: ignore[misc]

    def addSkip(self, test: Any, reason: str) -> None:
        self._note(test, "skipped", reason)
        super().addSkip(test, reason)  # type: ignore[misc]

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self._note(test, "expected failure")
        super().addExpectedFailure(test, err)  # type: ignore[misc]

    def addUnexpectedSuccess(self, test: Any) -> None:
        self._note(test, "unexpected success")
        super().addUnexpectedSuccess(test)  # type: ignore[misc]

    def addFailure(self, test: Any, err: Any) -> None:
        self._note(test, "failed", _text(self, err, test))
        super().addFailure(test, err)  # type: ignore[misc]

    def addError(self, test: Any, err: Any) -> None:
        self._note(test, "error", _text(self, err, test))
        super().addError(test, err)  # type: ignore[misc]

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            outcome = "failed" if issubclass(err[0], test.failureException) else "error"
            self._note(test, outcome, f"{subtest.id()}\n{_text(self, err, test)}")
        else:
            self._note(test, "passed")
        super().addSubTest(test, subtest, err)  # type: ignore[misc]

    def _note(self, test: Any, outcome: str, detail: str = "") -> None:
        if self._running is None:
            # A class or a module whose setUp failed or was skipped: no test of it ever starts.
            self._write(test, outcome, detail, 0.0, {})
        else:
            self._outcomes.append((outcome, detail))

    def _write(self, test: Any, outcome: str, detail: str, seconds: float, watched: dict[str, Any]) -> None:
        line = {"id": test.id(), "outcome": outcome, "detail": detail, "seconds": seconds, **watched}
        with open(RESULTS / f"{os.getpid()}.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")


class RecordingTextResult(Recording, TextTestResult):
    """For tests that run in the main process."""


class RecordingRemoteResult(Recording, RemoteTestResult):
    """For tests that run in one of several worker processes."""


class RecordingRemoteRunner(RemoteTestRunner):
    """Runs the tests of one worker process."""

    resultclass = RecordingRemoteResult

    def run(self, test: Any) -> Any:
        if ON:
            # Inherited from the main process where workers are forked, new where they are spawned.
            activate()
        return super().run(test)


class RecordingParallelSuite(ParallelTestSuite):
    """Several worker processes."""

    runner_class = RecordingRemoteRunner


class RecordingRunner(DiscoverRunner):
    """Switches djmetrics on, in the mode that has it, before the databases are made."""

    parallel_test_suite = RecordingParallelSuite
    _here = True

    def run_tests(self, *args: Any, **kwargs: Any) -> int:
        if ON:
            activate()
        return super().run_tests(*args, **kwargs)

    def run_suite(self, suite: Any, **kwargs: Any) -> Any:
        self._here = not isinstance(suite, ParallelTestSuite)
        return super().run_suite(suite, **kwargs)

    def get_resultclass(self) -> Any:
        return RecordingTextResult if self._here else None
