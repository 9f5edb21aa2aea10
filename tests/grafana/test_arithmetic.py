"""What panels say of a made-up history: two releases, one dearer than the other, and a week before them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ..components import process
from ..components.fixtures import program
from ..components.prometheus import Prometheus
from .boards import BOARDS, queries

STEP = 15
HOUR, WEEK = 3600, 7 * 24 * 3600
VALUES = {"job": "shop", "release": "r2", "baseline": "r1", "__rate_interval": "1m", "__range": "1h"}

CPU = "django_request_cpu_time_seconds"
DURATION = "http_server_request_duration_seconds"
EXCEPTIONS = "django_request_exceptions"
HISTOGRAMS = (CPU, DURATION)


@dataclass
class History:
    """Samples, as OpenMetrics: by family, by series, in the order of time."""

    series: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    totals: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, name: str, labels: str, amount: float, at: float) -> None:
        """Count on, and write down what the counter says."""
        key = name, labels
        self.totals[key] = self.totals.get(key, 0.0) + amount
        self.put(name, labels, self.totals[key], at)

    def put(self, name: str, labels: str, value: float, at: float) -> None:
        """One sample."""
        labels = f'{{job="shop",instance="one:80"{"," if labels else ""}{labels}}}'
        self.series.setdefault((name, labels), []).append(f"{name}{labels} {value:g} {at:.0f}")

    def request(self, at: float, cpu: float, duration: float) -> None:
        """A request to the view "buy", good for everyone."""
        for name, took in ((CPU, cpu), (DURATION, duration)):
            for bound in ("0.5", "1.0", "2.5", "+Inf"):
                inside = 1.0 if bound == "+Inf" or took <= float(bound) else 0.0
                self.add(f"{name}_bucket", f'view="buy",le="{bound}"', inside, at)
            self.add(f"{name}_count", 'view="buy"', 1, at)
            self.add(f"{name}_sum", 'view="buy"', took, at)

    def error(self, at: float, name: str, count: float) -> None:
        """What an exception's counter says after ``count`` more of them."""
        self.add(f"{EXCEPTIONS}_total", f'view="buy",error_type="{name}"', count, at)

    def text(self) -> str:
        """All of it."""
        lines = ["# TYPE djmetrics_build_info gauge"]
        lines += [line for (name, _), found in self.series.items() if "build_info" in name for line in found]
        for family, kind in (*((each, "histogram") for each in HISTOGRAMS), (EXCEPTIONS, "counter")):
            lines.append(f"# TYPE {family} {kind}")
            lines += [
                line for (name, _), found in self.series.items() if name.startswith(family) for line in found
            ]
        return "\n".join([*lines, "# EOF", ""])


def history(end: int) -> str:
    """An hour a week ago; an hour now, in whose middle the dearer release comes."""
    made = History()
    for at in range(end - WEEK - HOUR, end - WEEK + 1, STEP):
        made.request(at, 0.1, 0.4)
        made.error(at, "OldError", 1)
    for at in range(end - HOUR - 300, end + 1, STEP):
        new = at > end - HOUR // 2
        made.put("djmetrics_build_info", f'release="{"r2" if new else "r1"}"', 1, at)
        made.request(at, *((0.2, 0.9) if new else (0.1, 0.45)))
        made.error(at, "OldError", 1)
        made.error(at, "NewError", 1 if new else 0)
    return made.text()


@pytest.fixture(scope="module")
def told(promtool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A function that asks a query of a panel at the end of the history: values by labels."""
    home, end = tmp_path_factory.mktemp("history"), int(time.time()) // 60 * 60
    (home / "history.txt").write_text(history(end))
    promtool("tsdb", "create-blocks-from", "openmetrics", str(home / "history.txt"), str(home / "data"))
    (home / "prometheus.yml").write_text("{}")
    server = Prometheus(process.free_port(), Path())
    command = [
        program("prometheus"),
        f"--config.file={home}/prometheus.yml",
        f"--storage.tsdb.path={home}/data",
    ]
    # What is written like this has no mark at its end: a series would live on for five minutes. A scraped one does not.
    command += [f"--web.listen-address=127.0.0.1:{server.port}", "--query.lookback-delta=20s"]

    def ask(board: str, where: str, **between: str) -> Any:
        [query] = [each for each in queries(BOARDS[board]) if each.where == f"{board}: {where}"]
        if between:
            span = {"start": f"{end - HOUR}", "end": f"{end}", **between}
            return server.api("query_range", query=query.asked(**VALUES), **span)["result"]
        found = server.api("query", query=query.asked(**VALUES), time=f"{end}")["result"]
        return {
            " ".join(value for name, value in sorted(each["metric"].items()) if name != "__name__"): float(
                each["value"][1]
            )
            for each in found
        }

    with process.running(command, ready=lambda: process.answers(f"{server.url}/-/ready"), cwd=home):
        yield ask


def about(value: float) -> Any:
    """As near as windows of a minute are to a change within one of them."""
    return pytest.approx(value, rel=0.05)


def test_releases_are_compared_over_the_time_at_which_they_ran(told: Any) -> None:
    """The old release is gone by the end of the range, and compared all the same."""
    where = "Views that cost more or less"
    assert told("djmetrics-efficiency", f"{where}: A") == {"buy": about(0.2)}
    assert told("djmetrics-efficiency", f"{where}: B") == {"buy": about(1.0)}
    assert told("djmetrics-efficiency", f"{where}: C") == {"buy": about(0.1 / STEP)}
    where = "Views that got slower or faster"
    assert told("djmetrics-releases", f"{where}: A") == {"buy": about(0.9)}
    assert told("djmetrics-releases", f"{where}: B") == {"buy": about(0.45)}
    assert told("djmetrics-releases", f"{where}: C") == {"buy": about(1.0)}


def test_exceptions_are_those_of_the_release_that_raised_them(told: Any) -> None:
    """An exception of the new release is none of the old one's."""
    found = told("djmetrics-errors", "Exceptions, by release: A")
    half = HOUR / 2 / STEP
    assert found == {
        "OldError r1 buy": pytest.approx(half, rel=0.1),
        "OldError r2 buy": pytest.approx(half, rel=0.1),
        "NewError r2 buy": pytest.approx(half, rel=0.1),
    }


def test_new_exceptions_are_those_that_were_not_there_a_week_ago(told: Any) -> None:
    """One that was there a week ago is not new."""
    assert list(told("djmetrics-errors", "New exceptions: A")) == ["NewError buy"]


def test_change_against_a_week_ago(told: Any) -> None:
    """A p95 that went from 0.475, far up in the first bucket, to 0.95 in the second: as much again."""
    [change] = told("djmetrics-overview", "Views, by the time that they take: F").values()
    assert change == about(1.0)


def test_errors_are_zero_where_there_are_none(told: Any) -> None:
    """No request failed: the share is 0, not nothing."""
    assert told("djmetrics-overview", "Errors: A") == {"": 0}
    assert told("djmetrics-overview", "Views, by the time that they take: B") == {"buy": 0}
    assert told("djmetrics-overview", "Requests without an error: A") == {"": 1}


def test_deploy_is_marked_once(told: Any) -> None:
    """The mark is at the moment at which the new release came, and five minutes wide."""
    [mark] = told("djmetrics-overview", "Deploys", step="15")
    moments = [at for at, _ in mark["values"]]
    assert mark["metric"] == {"job": "shop", "release": "r2"}
    assert moments[-1] - moments[0] == pytest.approx(300, abs=30)
