"""Measure what djmetrics adds to a request, beside django-prometheus and hand-written timers."""

import argparse
import os
from pathlib import Path

from .contenders import BARE, CONTENDERS
from .duet import Effort
from .instructions import count
from .report import report, report_counts
from .run import measure

QUICK = Effort(repetitions=1, requests=200, blocks=4)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.overhead", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=9, metavar="N", help="default: 9, some 10 minutes")
    parser.add_argument(
        "--requests", type=int, default=2000, metavar="N", help="per repetition, times an endpoint's share"
    )
    parser.add_argument(
        "--quick", action="store_true", help="only try that it works: its figures mean nothing"
    )
    parser.add_argument(
        "--instructions",
        action="store_true",
        help="count instructions with valgrind, too; some 15 minutes more",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the tables to this file, too")
    parser.add_argument(
        "--only", action="append", metavar="NAME", choices=[name for name in CONTENDERS if name != BARE],
        help="measure this contender; may be given several times",
    )  # fmt: skip
    return parser.parse_args(arguments)


def stay_on_one_processor() -> None:
    """Give all processes of the run one processor, where the system can: moving between them costs time."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def free_all_processors() -> None:
    """Give the run all processors back: counting does not mind moving between them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


def main() -> None:
    """Measure, print, and write the file."""
    options = parse()
    stay_on_one_processor()
    effort = QUICK if options.quick else Effort(options.repetitions, options.requests)
    text = report(measure(effort, options.only))
    if options.instructions:
        free_all_processors()
        text += "\n" + report_counts(count(options.only))
    print(text, end="")
    if options.out is not None:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
