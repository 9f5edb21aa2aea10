"""Worker processes, and the duet of one with the bare application: in turns, block by block."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .contenders import BARE
from .endpoints import ENDPOINTS

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Effort:
    """How much is measured: repetitions, requests per repetition (times an endpoint's share), blocks of them."""

    repetitions: int
    requests: int
    blocks: int = 20

    def block(self, endpoint: str) -> int:
        """How many requests one block has."""
        return max(1, round(self.requests * ENDPOINTS[endpoint].share) // self.blocks)


@dataclass(frozen=True)
class Figures:
    """Of one endpoint in one duet: CPU microseconds per request, and what was recorded per request."""

    bare: float
    added: float
    recorded: dict[str, float]


class Worker:
    """A running worker; ``ask`` raises RuntimeError with its last words when it is gone."""

    def __init__(self, process: "subprocess.Popen[str]", errors: Path) -> None:
        self._process = process
        self._errors = errors

    def ask(self, *words: object) -> Any:
        """Send a command, and return the answer."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # then there is no answer either
            print(*words, file=self._process.stdin, flush=True)
        return self.answer()

    def answer(self) -> Any:
        """The next answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a worker ended:\n" + self._errors.read_text()[-2000:])
        return json.loads(line)

    def make(self, endpoint: str, times: int) -> float:
        """Make so many requests; return the CPU microseconds of each."""
        return float(self.ask("make", endpoint, times)) / 1000


@contextmanager
def worker(name: str, endpoints: list[str], seed: int) -> Iterator[Worker]:
    """A worker process with a contender, ready to make requests; it ends with the block."""
    with tempfile.TemporaryDirectory() as scratch:
        files, errors = Path(scratch, "files"), Path(scratch, "errors")
        files.mkdir()
        command = [sys.executable, "-m", f"{__package__}.worker", name, str(files), *endpoints]
        env = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"}
        with (
            errors.open("w") as log,
            subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            try:
                found = Worker(process, errors)
                found.answer()
                yield found
            finally:
                assert process.stdin is not None
                process.stdin.close()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


def typical(values: list[float]) -> float:
    """The mean without the highest and the lowest tenth."""
    cut = len(values) // 10
    return statistics.mean(sorted(values)[cut : len(values) - cut])


def play(name: str, endpoints: list[str], seed: int, effort: Effort) -> dict[str, Figures]:
    """Measure a contender against the bare application, on endpoints that one handler serves."""
    with worker(BARE, endpoints, seed) as bare, worker(name, endpoints, seed) as other:
        return {endpoint: _measure(bare, other, endpoint, effort) for endpoint in endpoints}


def _measure(bare: Worker, other: Worker, endpoint: str, effort: Effort) -> Figures:
    block = effort.block(endpoint)
    again = max(1, block // 10)
    for each in (bare, other):
        each.make(endpoint, max(10, block * effort.blocks // 10))
    before = other.ask("recorded")
    spent: dict[Worker, list[float]] = {bare: [], other: []}
    for number in range(effort.blocks):
        for each in (bare, other) if number % 2 else (other, bare):
            each.make(endpoint, again)  # back into the processor's caches
            spent[each].append(each.make(endpoint, block))
    after = other.ask("recorded")
    requests = effort.blocks * (block + again)
    return Figures(
        bare=typical(spent[bare]),
        added=typical([one - two for one, two in zip(spent[other], spent[bare], strict=True)]),
        recorded={word: (total - before.get(word, 0)) / requests for word, total in after.items()},
    )
