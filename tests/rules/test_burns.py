"""Error budgets: what is recorded, and when the alerts fire, with the words that they say."""

from pathlib import Path

import pytest

from djmetrics.objectives import Objective
from djmetrics.rules.document import groups
from djmetrics.rules.options import Options

from .burns import COUNT, GOOD, burn, errors, slow, two_percent
from .cases import History, Promtool, series, tried

pytestmark = pytest.mark.once


def test_errors_burn_the_budget(promtool: Promtool, tmp_path: Path) -> None:
    """Each alert by its own text; the slowest waits for three hours."""
    tried(promtool, tmp_path, two_percent())


def test_all_speeds(promtool: Promtool, tmp_path: Path) -> None:
    """After half a day of it the fourth fires too."""
    told = "2% of the requests in the last {} ended with an error"
    expected = [burn("availability", long, told, "0.1%") for long in ("1h", "6h", "1d", "3d")]
    tried(promtool, tmp_path, errors("0+2x720", "0+98x720").expects("12h", "ErrorBudgetBurn", *expected))


@pytest.mark.parametrize(
    "rate, longs",
    [(3.5, ("1d", "3d")), (1.5, ("3d",)), (0.9, ())],
)
def test_slower_burns_are_told_by_slower_alerts(
    promtool: Promtool, tmp_path: Path, rate: float, longs: tuple[str, ...]
) -> None:
    """Three and a half budgets: the two that warn. One and a half: the last. Less than one: nothing."""
    told = f"{rate / 10:g}% of the requests in the last {{}} ended with an error"
    history = errors(f"0+{rate}x720", f"0+{1000 - rate}x720")
    expected = [burn("availability", long, told, "0.1%") for long in longs]
    tried(promtool, tmp_path, history.expects("12h", "ErrorBudgetBurn", *expected))


def test_an_end_is_seen_soon(promtool: Promtool, tmp_path: Path) -> None:
    """Ten minutes after the last error the fast alert is gone, though its long window still holds the errors."""
    fast = 'count(ALERTS{alertname="DjmetricsErrorBudgetBurn", alertstate="firing", long="1h"})'
    history = errors("0+10x60 600+0x60", "0+90x120").records("59m", fast, ("{}", 1)).records("1h10m", fast)
    history.records("1h10m", "count(djmetrics:slo_errors:ratio_rate1h > 0.05)", ("{}", 1))
    tried(promtool, tmp_path, history)


def test_a_blip_is_not_told(promtool: Promtool, tmp_path: Path) -> None:
    """One minute in which all fails, after a clean day: nobody is woken."""
    history = errors("0x1440 100x60", "0+100x1440 144000x0 144000+100x59")
    history.silent("1d2m", "ErrorBudgetBurn").silent("1d30m", "ErrorBudgetBurn")
    tried(promtool, tmp_path, history)


FAST = 'count(ALERTS{alertname="DjmetricsErrorBudgetBurn", alertstate="firing", long="1h"})'


def test_one_error_in_a_quiet_night_is_not_told(promtool: Promtool, tmp_path: Path) -> None:
    """Of one request a minute one fails: a large share, and nobody is woken for it."""
    history = errors("0x120 1x120", "0+1x240")
    history.records("2h10m", "count(djmetrics:slo_errors:ratio_rate1h > 0.0144)", ("{}", 1))
    tried(promtool, tmp_path, history.silent("2h4m", "ErrorBudgetBurn").silent("2h10m", "ErrorBudgetBurn"))


def test_a_quiet_site_that_is_down_is_told(promtool: Promtool, tmp_path: Path) -> None:
    """Once ten requests have failed."""
    history = errors("0x120 0+1x60", "0+1x120 120x60").records("2h5m", FAST).records("2h20m", FAST, ("{}", 1))
    tried(promtool, tmp_path, history)


def test_without_errors_the_ratio_is_zero(promtool: Promtool, tmp_path: Path) -> None:
    """A site whose errors have no series yet is at 0, not at nothing; so is its budget whole."""
    history = History(dict([series(COUNT, "0+60x60", **GOOD)]))
    labels = '{{__name__="djmetrics:slo_{}", job="shop", slo="availability"}}'
    for name, value in (
        ("errors:rate5m", 0),
        ("requests:rate5m", 1),
        ("errors:ratio_rate5m", 0),
        ("errors:ratio_rate1d", 0),
        ("objective:ratio", 0.999),
        ("error_budget_remaining:ratio", 1),
    ):
        history.records("1h", f"djmetrics:slo_{name}", (labels.format(name), value))
    tried(promtool, tmp_path, history.silent("1h", "ErrorBudgetBurn"))


def test_without_requests_there_is_no_ratio(promtool: Promtool, tmp_path: Path) -> None:
    """Where nobody asks for anything nothing is good or bad: 0 / 0 would be an alert that never ends."""
    history = errors("5x120", "100x120")
    history.records("1h", "djmetrics:slo_errors:ratio_rate5m").silent("1h", "ErrorBudgetBurn")
    tried(promtool, tmp_path, history)


def test_budget_is_what_is_left_of_it(promtool: Promtool, tmp_path: Path) -> None:
    """Half of what may fail has failed: half is left."""
    # 1000 requests a minute, for an hour with 1 error in 1000, for an hour without: 0.0005 of all. Rates lag.
    history = errors("0+1x60 60+0x60", "0+999x60 59940+1000x60")
    history.records(
        "2h",
        "round(djmetrics:slo_error_budget_remaining:ratio, 0.05)",
        ('{job="shop", slo="availability"}', 0.5),
    )
    tried(promtool, tmp_path, history)


def test_slow_requests_burn_the_budget_of_their_view(promtool: Promtool, tmp_path: Path) -> None:
    """Of its view alone, and without those that failed."""
    told = "90% of the requests without an error to shop:checkout in the last {} took longer than 0.5 s"
    expected = [burn("checkout", long, told, "5%") for long in ("1h", "6h", "1d")]
    history = slow()
    slos = {"checkout": Objective(objective=0.95, latency=0.5, views=("shop:checkout",))}
    tried(promtool, tmp_path, history.expects("2h", "ErrorBudgetBurn", *expected), slos=slos)


def test_views_together(promtool: Promtool, tmp_path: Path) -> None:
    """An objective of several views holds for their requests together; names are no regular expressions."""
    slos = {"both": Objective(objective=0.9, views=("a.b", "c|d"))}
    rows = [("a.b", "0+6x60", "0+10x60"), ("c|d", "0+6x60", "0+10x60"), ("axb", "0+50x60", "0+1x60")]
    found = [series(COUNT, bad, view=view, error_type="E") for view, bad, _ in rows]
    found += [series(COUNT, good, view=view, error_type="") for view, _, good in rows]
    history = History(dict(found)).records(
        "1h",
        "djmetrics:slo_errors:ratio_rate1h",
        ('{__name__="djmetrics:slo_errors:ratio_rate1h", job="shop", slo="both"}', 12 / 32),
    )
    tried(promtool, tmp_path, history, slos=slos)


def test_overflowing_metric_is_no_error(promtool: Promtool, tmp_path: Path) -> None:
    """What went to the overflow series may have failed or not: nobody is woken for it."""
    full = {"view": "(overflow)", "error_type": "(overflow)"}
    history = History(dict([series(COUNT, "0+50x120", **GOOD), series(COUNT, "0+50x120", **full)]))
    tried(promtool, tmp_path, history.silent("2h", "ErrorBudgetBurn"))


def test_sites_do_not_mix(promtool: Promtool, tmp_path: Path) -> None:
    """Rules that are held to one job say nothing of another's errors; those of all jobs tell them apart."""
    history = two_percent()
    other = {
        name.replace('"shop"', '"blog"'): values
        for name, values in errors("0+0x180", "0+98x180").series.items()
    }
    both = History({**history.series, **other}, history.alerts)
    tried(promtool, tmp_path, both)
    tried(promtool, tmp_path, History(both.series).silent("2h", "ErrorBudgetBurn"), Options(site="blog"))
    tried(promtool, tmp_path, both, Options(site="shop"))


def test_speeds_that_cannot_be_are_left_out() -> None:
    """Of an objective of 90 % a tenth may fail: it can burn ten times as fast as allowed, not 14.4 times."""
    rules = [
        rule for group in groups({"low": Objective(objective=0.9)}, Options()) for rule in group["rules"]
    ]
    found = [rule["labels"]["long"] for rule in rules if rule.get("alert") == "DjmetricsErrorBudgetBurn"]
    assert found == ["6h", "1d", "3d"]
