"""Mistakes that a change of the rules could bring, planted one by one: the histories must catch each of them."""

from pathlib import Path

import pytest

from .cases import History, Promtool, tried
from .stories import STORIES, with_slow_ones

# What is planted, the alert whose histories must tell, and how the rules are changed.
MISTAKES: dict[str, tuple[str, str, str]] = {
    "failed requests count as slow ones": ("ErrorBudgetBurn", 'error_type="", ', ""),
    "the next bucket": ("ErrorBudgetBurn", 'le="0.5"', 'le="1.0"'),
    "the view is not looked at": ("ErrorBudgetBurn", ', view="shop:checkout"', ""),
    "a tenth of the speed": ("ErrorBudgetBurn", "> 14.4 * 0.001", "> 144 * 0.001"),
    "the slowest speed is too low": ("ErrorBudgetBurn", "> 1 * 0.001", "> 0.1 * 0.001"),
    "a rule's own label in $labels": (
        "ErrorBudgetBurn",
        "in the last 1 hour ended",
        "in the last {{ $labels.long }} ended",
    ),
    "no severity": ("ErrorBudgetBurn", "severity: critical", "severity: warning"),
    "too early": ("TargetDown", 'for: "5m"', 'for: "1m"'),
    "targets of others": (
        "TargetDown",
        "group by (job, namespace, instance) (last_over_time(djmetrics_build_info[7d]))",
        "up",
    ),
    "only while the site is up": (
        "TargetDown",
        "last_over_time(djmetrics_build_info[7d])",
        "djmetrics_build_info",
    ),
    "for ever": ("Absent", "djmetrics_build_info[6h]", "djmetrics_build_info[30d]"),
    "down is absent": ("Absent", "group by (job, namespace) (up)", "group by (job, namespace) (up == 1)"),
    "per site, not per instance": (
        "Saturated",
        "sum by (job, namespace, instance) (rate(",
        "sum by (job, namespace) (rate(",
    ),
    "a lower bound": ("Saturated", "> 0.9", "> 0.8"),
    "a mean of all": ("Queueing", "histogram_quantile(0.95", "histogram_quantile(0.99"),
    "buckets are lost": ("Queueing", "(job, namespace, le)", "(job, namespace)"),
    "a page that tells nothing ends it": (
        "UnappliedMigrations",
        "last_over_time(django_migrations_unapplied[10m])",
        "django_migrations_unapplied",
    ),
    "what is known is new": ("NewException", "[7d] offset 15m", "[1m] offset 15m"),
    "a new site is full of news": (
        "NewException",
        "last_over_time(djmetrics_build_info[1d] offset 1h)",
        "last_over_time(djmetrics_build_info[1d])",
    ),
    "a cheap view": ("CpuRegression", "> 0.1", "> 0.01"),
    "any release": ("CpuRegression", "unless on (job, namespace, release)", "and on (job, namespace)"),
    "one in ten is within bounds": ("CpuRegression", "> 1.15", "> 1.05"),
    "the other exporter's": ("SpansDropped", 'exporter="opentelemetry", ', ""),
    "failed is not lost": ("SpansDropped", "dropped|failed", "dropped"),
    "the site's own hook": ("SentryUndelivered", "failed|limited", "failed|limited|dropped"),
    "the first is not seen": (
        "SentryUndelivered",
        "unless last_over_time(djmetrics_exporter_items_total",
        "and last_over_time(djmetrics_exporter_items_total",
    ),
    "for as long as the process lives": (
        "LabelOverflow",
        "unless last_over_time(djmetrics_series_overflows_total",
        "or last_over_time(djmetrics_series_overflows_total",
    ),
    "a gap is news": (
        "InstrumentationErrors",
        "last_over_time(djmetrics_errors_total[1h] offset 15m)",
        "djmetrics_errors_total offset 15m",
    ),
    "a site that is not put right in a day": (
        "TargetDown",
        "last_over_time(djmetrics_build_info[7d])",
        "last_over_time(djmetrics_build_info[1d])",
    ),
    "growth is not seen": (
        "InstrumentationErrors",
        "increase(djmetrics_errors_total[15m])",
        "0 * increase(djmetrics_errors_total[15m])",
    ),
    "a comma in a text": ("InstrumentationErrors", "as ever; their", "as ever, their"),
    "the wrong runbook": ("Queueing", "runbooks/queueing.md", "runbooks/saturated.md"),
    "the wrong board": ("LabelOverflow", "d/djmetrics-self", "d/djmetrics-view"),
}


@pytest.mark.parametrize("mistake", with_slow_ones(MISTAKES, lambda name: MISTAKES[name][0]))
@pytest.mark.slow
def test_mistake_is_caught(promtool: Promtool, tmp_path: Path, mistake: str) -> None:
    """At least one history of the alert disagrees with the changed rules."""
    alert, right, wrong = MISTAKES[mistake]
    assert any(fails(promtool, tmp_path, history, right, wrong) for history in STORIES[alert]())


def fails(promtool: Promtool, folder: Path, history: History, right: str, wrong: str) -> bool:
    """Whether a history is told otherwise by the changed rules."""

    def change(text: str) -> str:
        assert right in text, "what is to be changed is not there"
        return text.replace(right, wrong)

    try:
        tried(promtool, folder, history, change=change)
    except AssertionError as error:
        if "is not there" in str(error):
            raise
        return "FAILED" in str(error)
    return False
