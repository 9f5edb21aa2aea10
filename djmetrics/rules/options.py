"""What a site may choose about its rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Severity = Literal["critical", "warning", "info"]

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class Burn:
    """One speed at which a budget burns, and how it is told from a passing moment.

    ``factor`` is in budgets per period; it must be exceeded over the window ``long`` and still over ``short``, without
    a break for as long as ``hold``. Windows are Prometheus's durations.
    """

    factor: float
    long: str
    short: str
    hold: str
    severity: Severity


# https://sre.google/workbook/alerting-on-slos/, table 5-8; the third speed is there for what a weekend would hide.
BURNS = (
    Burn(14.4, "1h", "5m", "2m", "critical"),
    Burn(6, "6h", "30m", "15m", "critical"),
    Burn(3, "1d", "2h", "1h", "warning"),
    Burn(1, "3d", "6h", "3h", "warning"),
)


@dataclass(frozen=True, slots=True)
class Windows:
    """The spans of time of the objectives' rules.

    ``base`` is the window of the recorded rates, from which the windows in ``summed`` are added up, since reading all
    samples of three days for each evaluation would be dear. ``interval`` is that of the rules that look back over days.
    ``fewest`` is how many requests must have been bad in a long window: on a quiet night one is a large share.
    """

    base: str = "5m"
    fewest: int = 10
    burns: tuple[Burn, ...] = BURNS
    summed: frozenset[str] = frozenset(("1d", "3d"))
    period: str = "30d"
    interval: str = "1m"

    @property
    def all(self) -> tuple[str, ...]:
        """Each window of which a ratio is recorded, once."""
        return tuple(
            dict.fromkeys([self.base, *(each for burn in self.burns for each in (burn.short, burn.long))])
        )


@dataclass(frozen=True, slots=True)
class Options:
    """The choices; the defaults suit a Prometheus that calls a site by its job.

    ``job`` and ``namespace`` are the labels' names, no namespace where it is empty; ``site`` is the job that the rules
    are held to, empty for all; ``grafana_url`` is where the boards are; in ``runbooks`` stands ``{}`` for a page's
    name; ``severities`` says what the label ``severity`` holds, ``labels`` what each alert carries besides; ``without``
    are names of alerts.
    """

    job: str = "job"
    namespace: str = "namespace"
    site: str = ""
    grafana_url: str = "http://localhost:3000"
    runbooks: str = "docs/runbooks/{}.md"
    severities: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    without: tuple[str, ...] = ()
    windows: Windows = Windows()
