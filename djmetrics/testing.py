"""Public helpers for tests: see what was recorded, replace the clocks, find what was left behind."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from . import clock, lanes, patching, recorder, units
from .exporters import Exporter
from .record import Operation, Record, layer_operations


class MemoryExporter(Exporter):
    """Keeps all that it is given: ``records`` as they were closed, ``operations`` as they ended."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.operations: list[Operation] = []

    def spill(self, record: Record, operations: Sequence[Operation]) -> None:
        """Keep operations whose record goes on."""
        self.operations += operations

    def export(self, record: Record) -> None:
        """Keep a record and its operations, its layers among them."""
        self.records.append(record)
        self.operations += sorted([*layer_operations(record), *record.operations], key=lambda each: each.end)


@contextmanager
def record() -> Iterator[MemoryExporter]:
    """A ``MemoryExporter`` beside the site's own exporters; once the block is left it holds all that ended inside."""
    units.flush()
    exporter = MemoryExporter()
    with units.also(exporter):
        yield exporter
        units.flush()


@contextmanager
def capture(*kinds: str) -> Iterator[list[Operation]]:
    """The operations (of these kinds, or all) that end inside the block; the list is filled when it is left."""
    operations: list[Operation] = []
    with record() as exporter:
        yield operations
    operations += [each for each in exporter.operations if not kinds or each.subject.kind in kinds]


class FakeClock:
    """Clocks that stand still until they are moved. Times are nanoseconds; ``tick`` is what each reading adds."""

    def __init__(self, now: int = 1_000_000_000, tick: int = 0) -> None:
        self.wall = now
        self.cpu_time = 0
        self.since_1970 = 1_700_000_000_000_000_000
        self.tick = tick

    def now(self) -> int:
        """The wall clock."""
        self.wall += self.tick
        return self.wall

    def cpu(self) -> int:
        """The CPU clock of the only thread there is."""
        return self.cpu_time

    def unix(self) -> int:
        """The time since 1970."""
        return self.since_1970

    def advance(self, seconds: float, cpu: float = 0.0) -> None:
        """Let ``seconds`` go by, during which the thread used ``cpu`` seconds."""
        self.wall += round(seconds * 1e9)
        self.since_1970 += round(seconds * 1e9)
        self.cpu_time += round(cpu * 1e9)


@contextmanager
def fake_clock(now: int = 1_000_000_000, tick: int = 0) -> Iterator[FakeClock]:
    """Replace all clocks of djmetrics inside the block."""
    fake = FakeClock(now, tick)
    real = clock.now, clock.cpu, clock.unix
    clock.now, clock.cpu, clock.unix = fake.now, fake.cpu, fake.unix
    try:
        yield fake
    finally:
        clock.now, clock.cpu, clock.unix = real


def leaks() -> list[str]:
    """What is in place or open now, one line each: hooks, a current operation, a thread that works for a record."""
    found = [f"patches of {name}" for name in patching.in_place()]
    operation = recorder.current_operation()
    if operation is not None:
        found.append(f"open operation {operation.subject!r}")
    if lanes.current() is not None:
        found.append("a thread that works for a record")
    return found
