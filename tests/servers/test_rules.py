"""The generated rules in a real Prometheus that reads the site under a real server, and an alert that goes all the way.

The windows are seconds instead of hours; all else is what a site gets.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from djmetrics.objectives import Objective
from djmetrics.rules import document
from djmetrics.rules.options import Burn, Options, Windows
from tests.components.alertmanager import Alertmanager
from tests.components.prometheus import Prometheus
from tests.components.webhook import webhook

from .client import fetch, fetch_all
from .configurations import CONFIGURATIONS
from .drivers import Server

GUNICORN = [each for each in CONFIGURATIONS if each.name == "gunicorn sync"]
JOB = "rules"
COUNT = "http_server_request_duration_seconds_count"
BUCKET = "http_server_request_duration_seconds_bucket"

SLOS = {
    "availability": Objective(objective=0.99),
    "fast": Objective(objective=0.9, latency=0.1, views=("sleep",)),
}
WINDOWS = Windows(
    base="5s",
    fewest=1,
    burns=(Burn(14.4, "15s", "5s", "1s", "critical"), Burn(3, "20s", "10s", "2s", "warning")),
    summed=frozenset(("20s",)),
    period="30s",
    interval="1s",
)
OPTIONS = Options(site=JOB, windows=WINDOWS, severities={"critical": "page"}, labels={"team": "web"})

# What every round asks for: one in ten fails, one in five of those that sleep is slow.
ROUND = ["/hello/"] * 4 + ["/sleep/1/"] * 4 + ["/sleep/150/", "/error/"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("server", GUNICORN, ids=["gunicorn-sync"], indirect=True),
]


@contextmanager
def loaded(port: int) -> Iterator[None]:
    """Ask for the round again and again."""
    stopped = threading.Event()

    def ask() -> None:
        while not stopped.is_set():
            fetch_all(port, ROUND, threads=3)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@contextmanager
def ruled(prometheus: Prometheus, folder: Path, text: str) -> Iterator[None]:
    """Prometheus with these rules."""
    (folder / "djmetrics.rules.yml").write_text(text)
    prometheus.rules.append(str(folder / "djmetrics.rules.yml"))
    prometheus.reload()
    try:
        yield
    finally:
        prometheus.rules.clear()
        prometheus.alertmanagers.clear()
        prometheus.reload()


def newest(prometheus: Prometheus, series: str) -> tuple[float, float]:
    """The time and the value of a recorded sample, the last one that is there."""
    [found] = prometheus.query(f"{series}[5s]")
    at, value = found["values"][-1]
    return at, float(value)


def growth(prometheus: Prometheus, selector: str, window: str, at: float) -> float:
    """How far counters have risen over a window, reckoned from its raw samples; no counter was reset."""
    found = prometheus.api("query", query=f"{selector}[{window}]", time=f"{at:.3f}")["result"]
    return sum(float(each["values"][-1][1]) - float(each["values"][0][1]) for each in found)


def test_recorded_values_are_those_of_the_raw_samples(
    server: Server, prometheus: Prometheus, tmp_path: Path
) -> None:
    """Ratios and what is left of the budget, against sums over raw samples, for errors and for slowness."""
    site = f'job="{JOB}"'
    total, failed = f"{COUNT}{{{site}}}", f'{COUNT}{{{site}, error_type!=""}}'
    view = f'{site}, view="sleep", error_type=""'
    asked, quick = f"{COUNT}{{{view}}}", f'{BUCKET}{{{view}, le="0.1"}}'
    fetch_all(server.port, ROUND)
    with (
        prometheus.scraping(JOB, f"127.0.0.1:{server.port}"),
        ruled(prometheus, tmp_path, document.text(SLOS, OPTIONS)),
    ):
        prometheus.wait_for("djmetrics:slo_errors:rate5s", seconds=20)
        # Every series is there for longer than the longest window before the load: none is cut at its beginning.
        time.sleep(22)
        with loaded(server.port):
            time.sleep(7)
        # Whatever scrape was under way is in: the last samples of the window say the same as the ones before.
        time.sleep(1.5)

        for window in ("15s", "10s"):
            at, recorded = newest(
                prometheus, f'djmetrics:slo_errors:ratio_rate{window}{{slo="availability"}}'
            )
            errors, requests = (growth(prometheus, each, window, at) for each in (failed, total))
            assert errors > 0
            assert recorded == pytest.approx(errors / requests, rel=1e-6)
            at, recorded = newest(prometheus, f'djmetrics:slo_errors:ratio_rate{window}{{slo="fast"}}')
            within, requests = (growth(prometheus, each, window, at) for each in (quick, asked))
            assert 0 < within < requests
            assert recorded == pytest.approx(1 - within / requests, rel=1e-6)

        # Over days it is added up from what was recorded: each of these samples weighs as much as it had requests.
        at, left = newest(prometheus, 'djmetrics:slo_error_budget_remaining:ratio{slo="availability"}')
        spent = added_up(prometheus, "djmetrics:slo_errors:rate5s", "30s", at)
        spent /= added_up(prometheus, "djmetrics:slo_requests:rate5s", "30s", at)
        assert left == pytest.approx(1 - spent / 0.01, rel=0.02)
        at, ratio = newest(prometheus, 'djmetrics:slo_errors:ratio_rate20s{slo="availability"}')
        assert ratio == pytest.approx(
            growth(prometheus, failed, "25s", at) / growth(prometheus, total, "25s", at), rel=0.1
        )
        assert newest(prometheus, 'djmetrics:slo_objective:ratio{slo="fast"}')[1] == 0.9


def added_up(prometheus: Prometheus, series: str, window: str, at: float) -> float:
    """The sum of the recorded samples of a window."""
    query = f'{series}{{slo="availability"}}[{window}]'
    [found] = prometheus.api("query", query=query, time=f"{at:.3f}")["result"]
    return sum(float(value) for _, value in found["values"])


def test_burn_reaches_the_webhook(
    server: Server,
    prometheus: Prometheus,
    alertmanager: Callable[[str], Alertmanager],
    tmp_path: Path,
) -> None:
    """The page that fails is asked for until Alertmanager calls; nothing is heard before, and its end is told."""
    with webhook() as (url, calls), prometheus.scraping(JOB, f"127.0.0.1:{server.port}"):
        manager = alertmanager(url)
        prometheus.alertmanagers.append(f"127.0.0.1:{manager.port}")
        with ruled(prometheus, tmp_path, document.text(SLOS, OPTIONS)):
            end = time.monotonic() + 8
            while time.monotonic() < end:
                fetch(server.port, "/hello/")
            assert burns(calls.seen()) == []
            deadline = time.monotonic() + 40
            while not (found := burns(calls.seen(), "15s")) and time.monotonic() < deadline:
                fetch_all(server.port, ["/error/"] * 3 + ["/hello/"] * 3)
            assert found, "no alert came"
            alert = found[0]
            assert alert["status"] == "firing"
            assert alert["labels"] == {
                "alertname": "DjmetricsErrorBudgetBurn",
                "job": JOB,
                "slo": "availability",
                "severity": "page",
                "long": "15s",
                "short": "5s",
                "team": "web",
            }
            texts = alert["annotations"]
            assert texts["summary"] == (
                f"{JOB}: the error budget of availability burns more than 14.4 times as fast as allowed"
            )
            assert (
                "% of the requests in the last 15 seconds ended with an error; the objective allows 1%."
                in (texts["description"])
            )
            assert texts["dashboard_url"].endswith(
                f"/d/djmetrics-slo?var-job={JOB}&var-namespace=&var-slo=availability"
            )
            assert texts["runbook_url"] == "docs/runbooks/error-budget-burn.md"
            # It ends soon after its cause: the short window forgets.
            prometheus.wait_for(
                'count(ALERTS{alertname="DjmetricsErrorBudgetBurn", long="15s", alertstate="firing"}) or vector(0)',
                lambda result: float(result[0]["value"][1]) == 0,
                seconds=20,
            )


def burns(notices: list[dict[str, Any]], long: str | None = None) -> list[dict[str, Any]]:
    """The burn alerts of the site's availability that Alertmanager told of."""
    alerts = [alert for notice in notices for alert in notice["alerts"]]
    return [
        each
        for each in alerts
        if each["labels"]["alertname"] == "DjmetricsErrorBudgetBurn"
        and each["labels"]["slo"] == "availability"
        and long in (None, each["labels"]["long"])
    ]


def test_other_rules_are_evaluated_without_a_mistake(
    server: Server, prometheus: Prometheus, tmp_path: Path
) -> None:
    """Prometheus takes every rule as it ships, and none fails on the series of a real site; its gauges are right."""
    slos = {
        name: Objective(objective=0.99, latency=each.latency, views=each.views) for name, each in SLOS.items()
    }
    # But for the rules over days, for which it would take two minutes.
    options = Options(windows=Windows(interval="1s"))
    fetch_all(server.port, ROUND)
    with (
        prometheus.scraping(JOB, f"127.0.0.1:{server.port}"),
        ruled(prometheus, tmp_path, document.text(slos, options)),
    ):
        prometheus.wait_for("djmetrics:slo_errors:ratio_rate5m", seconds=20)
        prometheus.wait_for("djmetrics:request_cpu_seconds:mean10m", seconds=20)
        prometheus.wait_for(
            f'djmetrics_worker_capacity{{job="{JOB}"}} == {server.configuration.workers}', seconds=20
        )
        groups = prometheus.api("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) == sum(len(group["rules"]) for group in document.groups(slos, options))
        late = time.monotonic() + 20
        while any(rule["health"] == "unknown" for rule in rules) and time.monotonic() < late:
            time.sleep(0.5)
            rules = [rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]]
        assert [
            (rule["name"], rule["health"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"
        ] == []
