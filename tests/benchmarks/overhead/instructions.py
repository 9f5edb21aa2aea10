"""Instructions instead of time: valgrind counts them, and no other program on the machine changes the count.

A processor takes unequal time for equal numbers of them: code that is cold, or that asks the kernel for something,
costs more than its instructions say. So these figures stand beside the times, and not in their place.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .contenders import BARE, CONTENDERS, missing
from .duet import ROOT
from .endpoints import ENDPOINTS

ONCE, WARM_UP, MORE = 100, 40, 400
"""Requests, times an endpoint's share: fewest, to warm up, and how many more the second process makes."""

Counts = dict[tuple[str, str], float]


def count(names: Sequence[str] | None = None) -> Counts:
    """Instructions per request, by contender (the bare application's first) and endpoint.

    Raises RuntimeError where valgrind is missing or a worker fails.
    """
    chosen = [name for name in names or CONTENDERS if name != BARE and not missing(name)]
    jobs = [(name, endpoint) for endpoint in ENDPOINTS for name in (BARE, *chosen)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(jobs, pool.map(lambda job: _per_request(*job), jobs), strict=True))


def _per_request(name: str, endpoint: str) -> float:
    share = ENDPOINTS[endpoint].share
    warm_up = max(4, round(WARM_UP * share))
    fewer = max(2, round(ONCE * share))
    more = max(5, round(MORE * share))
    few, many = (_in_all(name, endpoint, warm_up, number) for number in (fewer, fewer + more))
    print(f"counted: {name}, {endpoint}", file=sys.stderr, flush=True)
    return (many - few) / more


def _in_all(name: str, endpoint: str, warm_up: int, requests: int) -> int:
    """The instructions of a process that makes so many requests after some to warm up."""
    with tempfile.TemporaryDirectory() as scratch:
        files, log = Path(scratch, "files"), Path(scratch, "log")
        files.mkdir()
        worker = [sys.executable, "-m", f"{__package__}.worker", name, str(files), endpoint]
        try:
            done = subprocess.run(
                ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={log}", *worker],
                input=f"make {endpoint} {warm_up}\nmake {endpoint} {requests}\n",
                capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"},
            )  # fmt: skip
        except FileNotFoundError:
            raise RuntimeError("valgrind is not installed: nothing counts instructions") from None
        found = re.search(r"Collected : (\d+)", log.read_text())
    if done.returncode or found is None:
        raise RuntimeError(f"a worker under valgrind ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return int(found[1])
