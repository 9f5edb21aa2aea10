"""Run Django's own test suite plain and with djmetrics on, and say what differs.

The exit status is 0 when nothing does, 1 when something does, 2 when the suite could not be run.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.components.process import Missing

from . import servers
from .compare import differences
from .environment import EnvironmentProblem, interpreter
from .packages import PACKAGES, PART
from .report import Comparison
from .run import Suite
from .source import SourceError, cache_folder, tests_folder


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.django_suite",
        description=__doc__,
    )
    parser.add_argument("labels", nargs="*", help="packages or tests of Django's suite")
    parser.add_argument("--django", metavar="VERSION", help="such as 5.2 or 6.0.10; else the installed one")
    parser.add_argument("--part", action="store_true", help="the packages that fit into a CI run")
    parser.add_argument("--all", action="store_true", help="every package of Django's suite")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    cores = os.cpu_count() or 1
    parser.add_argument("--parallel", type=int, default=cores, metavar="N", help="test processes")
    return parser.parse_args(arguments)


def compare(options: argparse.Namespace) -> Comparison:
    """Run what the options ask for in both modes.

    Raises EnvironmentProblem, SourceError, Missing or subprocess.TimeoutExpired.
    """
    python, version = interpreter(options.django)
    tests = tests_folder(version)
    labels = options.labels or ([] if options.all else PART if options.part else PACKAGES)
    logs = cache_folder() / "logs"
    logs.mkdir(exist_ok=True)
    results = Path(tempfile.mkdtemp(prefix=f"{version}-", dir=logs))
    with servers.running(options.database) as (site, absent):
        print(f"Django {version}, {options.database}; logs: {results}", *absent, sep="\n", flush=True)
        suite = Suite(tests, results, python, options.parallel, site)
        plain = suite.run("plain", labels)
        with_djmetrics = suite.run("djmetrics", labels)
        return Comparison(plain, with_djmetrics, differences(suite, plain, with_djmetrics))


def main() -> int:
    """Run, print, and return the exit status."""
    # As an exception, so that the suite's processes and the servers are ended too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        comparison = compare(parse())
    except (EnvironmentProblem, SourceError, Missing) as error:
        print(error, file=sys.stderr)
        return 2
    print(*comparison.lines(), sep="\n")
    return 1 if comparison.problems() else 0


if __name__ == "__main__":
    sys.exit(main())
