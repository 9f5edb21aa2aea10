"""Time a scrape of the store beside prometheus_client's, in one run. ``python tests/benchmarks/scrape.py``

CPU time of the whole page, by prometheus_client's own encoder: 1,500 histograms of 15 buckets in one process, over the
files of 32 workers, and after 1,000 further workers have come and gone. The workers are real processes; each contender
runs in processes of its own, in turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

VIEWS = 100
METHODS = ("GET", "POST", "PUT")
STATUSES = ("200", "302", "400", "404", "500")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
LABELS = [
    (f"app:view_{view}", method, status) for view in range(VIEWS) for method in METHODS for status in STATUSES
]
REPEAT = 5


def run_prometheus_client(workers: int, recycled: int, folder: Path) -> dict[str, float]:
    from prometheus_client import CollectorRegistry, Histogram, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    names = ("view", "method", "status")
    latency = Histogram("django_request_seconds", "Latency.", names, buckets=BUCKETS, registry=registry)

    def observe(series: list[tuple[str, str, str]]) -> None:
        for number, values in enumerate(series):
            latency.labels(*values).observe(number % 100 / 100)

    def scrape() -> bytes:
        if not workers:
            return generate_latest(registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)
        return generate_latest(shared)

    return _fill_and_time(observe, scrape, workers, recycled, folder)


def run_store(workers: int, recycled: int, folder: Path, exemplars: bool = False) -> dict[str, float]:
    from prometheus_client import CollectorRegistry, generate_latest

    from djmetrics.catalogue import SECONDS, Metric
    from djmetrics.exporters.prometheus import Collector, Store

    names = ("view", "method", "status")
    latency = Metric("django.request", "histogram", SECONDS, names, "Latency.", BUCKETS, exemplars)
    store = Store([latency])
    registry = CollectorRegistry()
    registry.register(Collector(store))
    if workers:
        store.attach(folder)

    def observe(series: list[tuple[str, str, str]]) -> None:
        store.refresh_process()
        with store.lock:
            for number, values in enumerate(series):
                one = store.series(latency, values)
                value = number % 100 * 10_000_000
                bucket = bisect_left(one.bounds, value)
                store.words[one.offset + bucket] += 1
                store.words[one.offset + len(one.bounds) + 1] += value
                store.exemplar(one, bucket, value, number << 64 | 1, 1, time.time_ns())

    return _fill_and_time(observe, lambda: generate_latest(registry), workers, recycled, folder)


def run_store_with_exemplars(workers: int, recycled: int, folder: Path) -> dict[str, float]:
    return run_store(workers, recycled, folder, exemplars=True)


def _fill_and_time(
    observe: Callable[[list[tuple[str, str, str]]], None],
    scrape: Callable[[], bytes],
    workers: int,
    recycled: int,
    folder: Path,
) -> dict[str, float]:
    if not workers:
        observe(LABELS)
    _fork_together(workers, lambda: observe(LABELS))
    for number in range(recycled):
        _fork_together(1, lambda number=number: observe(LABELS[number % 100 :: 100]))
    cpu = []
    for _ in range(REPEAT):
        started = time.process_time()
        text = scrape()
        cpu.append(time.process_time() - started)
    files = list(folder.iterdir())
    return {
        "cpu_ms": statistics.median(cpu) * 1000,
        "lines": text.count(b"_bucket{"),
        "observations": sum(float(line.split()[-1]) for line in text.splitlines() if b"_count{" in line),
        "files": len(files),
        "files_kb": sum(file.stat().st_blocks for file in files) / 2,
    }


def _fork_together(number: int, work: Callable[[], None]) -> None:
    """Run ``work`` in so many processes that are all alive at the same time."""
    ready, go = os.pipe(), os.pipe()
    children = []
    for _ in range(number):
        if (child := os.fork()) == 0:
            os.close(go[1])
            work()
            os.write(ready[1], b".")
            os.read(go[0], 1)
            os._exit(0)
        children.append(child)
    for _ in children:
        os.read(ready[0], 1)
    for end in (*ready, *go):
        os.close(end)
    for child in children:
        os.waitpid(child, 0)


RUNS = {
    "prometheus_client": run_prometheus_client,
    "djmetrics": run_store,
    "djmetrics, an exemplar per bucket": run_store_with_exemplars,
}
# Name of the case, contender, workers, workers recycled after them.
CASES = [
    ("one process", "prometheus_client", 0, 0),
    ("one process", "djmetrics", 0, 0),
    ("32 workers", "prometheus_client", 32, 0),
    ("32 workers", "djmetrics", 32, 0),
    ("32 workers", "djmetrics, an exemplar per bucket", 32, 0),
    ("32 workers, then 1,000 recycled", "djmetrics", 32, 1000),
]


def measure(rounds: int) -> list[list[dict[str, float]]]:
    """Each case in a process of its own, all of them in turns."""
    found: list[list[dict[str, float]]] = [[] for _ in CASES]
    for _ in range(rounds):
        for results, (_, contender, workers, recycled) in zip(found, CASES, strict=True):
            with tempfile.TemporaryDirectory() as folder:
                env = dict(os.environ)
                if workers and contender == "prometheus_client":
                    env["PROMETHEUS_MULTIPROC_DIR"] = folder
                command = [sys.executable, __file__, "--one", contender, str(workers), str(recycled), folder]
                done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
                results.append(json.loads(done.stdout))
    return found


def print_table(found: list[list[dict[str, float]]]) -> None:
    rows = [
        ["case", "contender", "CPU ms", "of prometheus_client", "bucket lines", "observations", "files", "kB"]
    ]
    base: dict[str, float] = {}
    for (case, contender, *_), results in zip(CASES, found, strict=True):
        cpu = statistics.median(result["cpu_ms"] for result in results)
        base.setdefault(case.split(",")[0], cpu)
        last = results[-1]
        ratio = cpu / base[case.split(",")[0]]
        counts = [f"{last[key]:,.0f}" for key in ("lines", "observations", "files", "files_kb")]
        rows.append([case, contender, f"{cpu:,.0f}", f"{ratio:.2f}", *counts])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each case runs")
    parser.add_argument(
        "--one", nargs=4, metavar=("CONTENDER", "WORKERS", "RECYCLED", "FOLDER"), help="for itself"
    )
    arguments = parser.parse_args()
    if arguments.one:
        contender, workers, recycled, folder = arguments.one
        print(json.dumps(RUNS[contender](int(workers), int(recycled), Path(folder))))
        sys.stdout.flush()
        os._exit(0)
    print_table(measure(arguments.rounds))
