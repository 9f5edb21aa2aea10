"""Boards and catalogue agree: each name in a query exists, each metric is on a board."""

import re
from typing import Any

import pytest

from djmetrics import catalogue
from djmetrics.exporters.prometheus import label_name, prometheus_name

from ..components.fixtures import need
from ..docs_pages import names_of_metrics
from ..rules.recorded import recorded_series
from .boards import BOARDS, label_queries, queries

pytestmark = pytest.mark.once

SAMPLES = re.compile(r"_(bucket|count|sum)$")
SCRAPED = {"job", "namespace", "instance", "le"}
"""Labels that Prometheus and its histograms add."""

FOREIGN: dict[str, set[str]] = {
    "ALERTS": {"alertname", "alertstate", "severity", "slo", "long", "short"},
    "up": set(),
    "scrape_duration_seconds": set(),
    "scrape_samples_scraped": set(),
}
"""Series of Prometheus's own, which are there for whatever is scraped."""

ON_NO_BOARD: set[str] = set()
"""Metrics that no board shows."""


def labels_of(series: str) -> set[str]:
    """The labels of a series that may stand in a query."""
    if series in FOREIGN:
        return FOREIGN[series] | SCRAPED
    if series in recorded_series():
        return recorded_series()[series]
    names = {series, SAMPLES.sub("", series)}
    [metric] = [each for each in catalogue.metrics() if prometheus_name(each) in names]
    return set(map(label_name, metric.labels)) | SCRAPED


def parsed(text: str) -> Any:
    """A query's tree."""
    need("promql_parser", "test")
    import promql_parser

    return promql_parser.parse(text)


@pytest.mark.parametrize("uid", BOARDS)
def test_queries_name_what_exists(uid: str) -> None:
    """Each series is the catalogue's or Prometheus's own, and each label is one that its series have."""
    from . import promql

    for query in queries(BOARDS[uid]):
        tree = parsed(query.asked())
        found = promql.selectors(tree)
        known_names = names_of_metrics() | set(FOREIGN) | set(recorded_series())
        assert {each.name for each in found} <= known_names, query.where
        for selector in found:
            asked = {matcher.name for matcher in selector.matchers.matchers}
            assert asked <= labels_of(selector.name), query.where
        known = set[str]().union(*(labels_of(each.name) for each in found)) | promql.made_labels(tree)
        assert promql.labels_of_modifiers(tree) <= known, query.where
        legend = query.target.get("legendFormat") or query.target.get("titleFormat", "")
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= known, query.where


@pytest.mark.parametrize("uid", BOARDS)
def test_variables_list_labels_that_exist(uid: str) -> None:
    """A variable's values are those of a label that its series have."""
    from . import promql

    for selector, label in label_queries(BOARDS[uid]):
        [series] = promql.selectors(parsed(re.sub(r"\$\w+", ".*", selector)))
        assert series.name in names_of_metrics() | set(recorded_series())
        assert {label, *(each.name for each in series.matchers.matchers)} <= labels_of(series.name)


def test_every_metric_is_on_a_board() -> None:
    """What is exported can be seen."""
    text = "\n".join(query.text for board in BOARDS.values() for query in queries(board))
    shown = set(re.findall(r"[a-z_]{3,}", text))
    shown |= {SAMPLES.sub("", name) for name in shown}
    missing = {metric.name for metric in catalogue.metrics() if prometheus_name(metric) not in shown}
    assert missing == ON_NO_BOARD
