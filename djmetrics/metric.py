"""What a metric is: its kind, its unit, and how one is declared."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]
Unit = Literal["s", "By", "{query}", "{request}", "{key}", "1"]

SECONDS: Unit = "s"
BYTES: Unit = "By"
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, eq=False, slots=True)
class Metric:
    """One metric.

    ``labels`` are attribute names in the order in which exporters give their values; ``buckets`` are upper
    bounds in ``unit``, ascending, without infinity; ``exemplars`` says whether trace ids are kept beside its
    buckets.
    """

    name: str
    kind: Kind
    unit: Unit
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()
    exemplars: bool = False

    @property
    def scale(self) -> int:
        """How many recorded integer units one shown unit has: nanoseconds per second, else 1."""
        return NANOSECONDS if self.unit == SECONDS else 1


def histogram(
    name: str,
    unit: Unit,
    labels: tuple[str, ...],
    buckets: tuple[float, ...],
    help: str,
    exemplars: bool = False,
) -> Metric:
    """A distribution: counts of observations by bucket, and their sum."""
    return Metric(name, "histogram", unit, labels, help, buckets, exemplars)


def counter(name: str, unit: Unit, labels: tuple[str, ...], help: str) -> Metric:
    """A sum that never goes down."""
    return Metric(name, "counter", unit, labels, help)


def gauge(name: str, unit: Unit, labels: tuple[str, ...], help: str) -> Metric:
    """A figure as it is now."""
    return Metric(name, "gauge", unit, labels, help)
