"""Metrics of the tests' own, and short ways to count, read and fork."""

import os
import sys
import traceback
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from djmetrics.catalogue import BUILD_INFO, SECONDS, SERIES, SERIES_OVERFLOWS, WORKERS, Metric
from djmetrics.exporters.prometheus import Collector, Store

MS = 1_000_000
LATENCY = Metric(
    "test.latency", "histogram", SECONDS, ("view", "error.type"), "Latency.", (0.1, 0.5, 1.0), exemplars=True
)
SIZE = Metric("test.size", "histogram", "By", ("view",), "Size.", (0.0, 100.0, 1e6))
HITS = Metric("test.hits", "counter", "1", ("view",), "Hits.")
TIME = Metric("test.time", "counter", SECONDS, (), "Time.")
ACTIVE = Metric("test.active", "gauge", "{request}", ("method",), "Active.")
METRICS = (LATENCY, SIZE, HITS, TIME, ACTIVE, SERIES_OVERFLOWS, SERIES, WORKERS, BUILD_INFO)


def attached(folder: Path, **options: object) -> Store:
    """A new store of the tests' metrics that shares ``folder``."""
    store = Store(METRICS, **options)
    store.attach(folder)
    return store


def observe(
    store: Store, value: int, view: str = "home", error: str = "", trace_id: int = 0, at: int = 1
) -> None:
    """Observe one latency, as the exporter does."""
    store.refresh_process()
    with store.lock:
        series = store.series(LATENCY, (view, error))
        bucket = bisect_left(series.bounds, value)
        store.words[series.offset + bucket] += 1
        store.words[series.offset + len(series.bounds) + 1] += value
        if trace_id:
            store.exemplar(series, bucket, value, trace_id, 7, at)


def add(store: Store, metric: Metric, values: tuple[str, ...] = ("home",), amount: int = 1) -> None:
    """Add to a counter or gauge."""
    store.refresh_process()
    with store.lock:
        store.words[store.series(metric, values).offset] += amount


def page(store: Store) -> str:
    """The text page."""
    return generate_latest(registry(store)).decode()


def openmetrics(store: Store) -> str:
    """The page in the OpenMetrics format."""
    return generate_openmetrics(registry(store)).decode()


def registry(store: Store) -> CollectorRegistry:
    """A registry with nothing but the store."""
    made = CollectorRegistry()
    made.register(Collector(store))
    return made


def values(store: Store) -> dict[str, float]:
    """Every sample's value by its name and labels, as the page spells them."""
    lines = [line for line in page(store).splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def observations(store: Store) -> int:
    """How many latencies all series of all slots hold."""
    return int(
        sum(value for name, value in values(store).items() if name.startswith("test_latency_seconds_count"))
    )


def slot_files(folder: Path) -> list[str]:
    """The names of the slots' files, without those of exemplars."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("slot-"))


def fork(work: Callable[[], None]) -> int:
    """Run ``work`` in a forked child; the child's pid. It ends with code 1 if ``work`` raises."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def join(child: int) -> int:
    """Wait for a child; its exit code, or its signal's number below zero."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Held:
    """A forked child that has done its ``work`` and stays until it is released or killed."""

    def __init__(self, work: Callable[[], None]) -> None:
        ready, self._go = os.pipe(), os.pipe()
        self.pid = fork(lambda: self._run(work, ready[1]))
        os.close(ready[1])
        os.close(self._go[0])
        done = os.read(ready[0], 1)
        os.close(ready[0])
        assert done, "the child failed"

    def _run(self, work: Callable[[], None], ready: int) -> None:
        os.close(self._go[1])
        work()
        os.write(ready, b".")
        os.read(self._go[0], 1)

    def release(self) -> int:
        """Let it end; its exit code."""
        os.close(self._go[1])
        return join(self.pid)

    def kill(self) -> None:
        """End it with SIGKILL."""
        os.kill(self.pid, 9)
        os.close(self._go[1])
        join(self.pid)
