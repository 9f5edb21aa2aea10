"""One run of Django's ``runtests.py``, in one of the two modes, read back as results by test."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Mode = Literal["plain", "djmetrics"]

REPOSITORY = Path(__file__).resolve().parents[2]
LAST_LINES = 25
BAD = frozenset({"failed", "error", "unexpected success"})
# What a caller's pytest, coverage or Django must not bring into the suite.
NOT_INHERITED = ("DJANGO_SETTINGS_MODULE", "DJANGO_TEST_PROCESSES", "PYTHONWARNINGS")
NOT_INHERITED_PREFIXES = ("COVERAGE_", "DJMETRICS_", "PROMETHEUS_", "PYTEST_")


@dataclass(frozen=True)
class Outcome:
    """How one test ended.

    ``seen`` counts what djmetrics saw of it by kind, ``between`` what it saw since the test before, in the same
    process, ``failed_inside`` djmetrics' own failures by place in both, and ``left_open`` is the operation that
    was still open afterwards.
    """

    id: str
    outcome: str
    detail: str
    seconds: float
    seen: Mapping[str, int] = field(default_factory=dict)
    between: Mapping[str, int] = field(default_factory=dict)
    failed_inside: Mapping[str, int] = field(default_factory=dict)
    left_open: str = ""

    @property
    def bad(self) -> bool:
        return self.outcome in BAD

    @property
    def package(self) -> str:
        # "setUpClass (handlers.tests.Some)" stands for a class that could not be set up.
        return self.label.split(".")[0]

    @property
    def label(self) -> str:
        """What ``runtests.py`` calls it."""
        return self.id.split(" (")[1].rstrip(")") if " (" in self.id else self.id


@dataclass(frozen=True)
class Run:
    """All outcomes of one run by test id, how long it took in seconds, and the file with what it printed."""

    mode: Mode
    outcomes: dict[str, Outcome]
    exit_code: int
    seconds: float
    log: Path

    @property
    def aborted(self) -> bool:
        """Whether the run ended in a way that its tests' outcomes do not explain."""
        return bool(self.exit_code) != any(each.bad for each in self.outcomes.values()) or not self.outcomes

    def last_words(self) -> str:
        """The path of the log, and its end."""
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n  ".join([str(self.log), *lines])

    def seen(self) -> Counter[str]:
        """What djmetrics saw, by kind, in all tests together and between them."""
        seen: Counter[str] = Counter()
        for each in self.outcomes.values():
            seen.update(each.seen)
            seen.update(each.between)
        return seen

    def package_seconds(self) -> Counter[str]:
        seconds: Counter[str] = Counter()
        for each in self.outcomes.values():
            seconds[each.package] += each.seconds  # type: ignore[assignment]
        return seconds


@dataclass(frozen=True)
class Suite:
    """Django's suite, ready to run.

    ``tests`` is the folder of runtests.py, ``results`` a folder for what runs write, ``python`` the
    interpreter, ``parallel`` a number of test processes, ``site`` the settings that differ from Django's
    ``test_sqlite``, and ``timeout`` the seconds that one run may take.
    """

    tests: Path
    results: Path
    python: str = sys.executable
    parallel: int = 2
    site: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 3600

    def run(self, mode: Mode, labels: Sequence[str], name: str = "all") -> Run:
        """Run these labels in this mode; more than ``timeout`` seconds end it."""
        folder = self.results / f"{name}-{mode}"
        folder.mkdir(parents=True, exist_ok=False)
        command = [self.python, "runtests.py", "--settings=tests.django_suite.inside.settings", "--noinput"]
        began = time.monotonic()
        log = folder / "output.txt"
        with log.open("w") as output:
            process = subprocess.Popen(
                [*command, f"--parallel={self.parallel}", *labels],
                cwd=self.tests,
                env=self._environment(mode, folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            exit_code = _wait(process, self.timeout)
        return Run(mode, _read(folder.glob("*.jsonl")), exit_code, time.monotonic() - began, log)

    def _environment(self, mode: Mode, folder: Path) -> dict[str, str]:
        environment = {key: value for key, value in os.environ.items() if _inherited(key)}
        environment |= {
            "PYTHONPATH": str(REPOSITORY),
            "DJMETRICS_SUITE_MODE": mode,
            "DJMETRICS_SUITE_RESULTS": str(folder),
            "DJMETRICS_SUITE_SITE": json.dumps(self.site),
        }
        return environment


def _inherited(name: str) -> bool:
    return name not in NOT_INHERITED and not name.startswith(NOT_INHERITED_PREFIXES)


def _wait(process: "subprocess.Popen[bytes]", timeout: float) -> int:
    try:
        return process.wait(timeout)
    except BaseException:
        # The whole session: a hanging suite leaves test workers behind otherwise.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _read(files: Iterable[Path]) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for file in files:
        for line in file.read_text().splitlines():
            new = Outcome(**json.loads(line))
            known = outcomes.get(new.id)
            # A class that was set up but could not be torn down has two lines: keep the bad one.
            if known is None or not known.bad:
                outcomes[new.id] = new
    return outcomes
