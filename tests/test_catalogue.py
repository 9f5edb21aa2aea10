"""The catalogue: every metric declared once, by the rules for names, units and buckets."""

import re

import pytest

from djmetrics import semconv
from djmetrics.catalogue import Metric, metrics
from djmetrics.exporters.prometheus import prometheus_name

every_metric = pytest.mark.parametrize("metric", list(metrics()), ids=lambda metric: metric.name)
NAMES = {value for name, value in vars(semconv).items() if name.isupper()}


def test_names_are_unique():
    """No two metrics share a name, dotted or in Prometheus."""
    names = [metric.name for metric in metrics()]
    assert len(names) == len(set(names)) == len(set(map(prometheus_name, metrics()))) > 20


@every_metric
def test_name(metric):
    """Dotted lower-case words without a unit, under a name of ours, Django's or the conventions'."""
    assert re.fullmatch(r"[a-z][a-z_0-9]*(\.[a-z][a-z_0-9]*)+", metric.name)
    assert metric.name.partition(".")[0] in ("http", "db", "django", "djmetrics")
    assert not re.search(r"seconds|bytes|_total|_ms\b", metric.name)


@every_metric
def test_help_and_labels(metric):
    """A sentence of help; labels that semconv spells, none that could hold a path, a user or a text."""
    assert metric.help.endswith(".")
    assert set(metric.labels) <= NAMES
    assert len(set(metric.labels)) == len(metric.labels)
    assert not {"path", "user", "url", "sql", "query", "key", "message"} & set(metric.labels)


@every_metric
def test_django_s_series_carry_the_view(metric):
    """So do the request's and the cache's counters; those of the database stay few instead.

    Commands and tasks are no part of a view: they carry their own names.
    """
    if metric.name in ("django.command.duration", "django.task.duration"):
        assert metric.labels[0] == metric.name.split(".")[1]
    elif metric.name.startswith("django.") and (metric.kind == "histogram" or ".cache." in metric.name):
        assert metric.labels[0] == semconv.VIEW


@every_metric
def test_buckets(metric):
    """Histograms have ascending bounds without infinity; others have none."""
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert float("inf") not in metric.buckets


@every_metric
def test_kind_and_unit(metric):
    """Seconds are recorded in nanoseconds, all else as it is shown."""
    assert metric.kind in ("counter", "gauge", "histogram")
    assert metric.scale == (1_000_000_000 if metric.unit == "s" else 1)


def test_order_is_that_of_declaration():
    """The reference table lists requests first, ourselves last."""
    names = [metric.name for metric in metrics()]
    assert names[0] == "http.server.request.duration"
    assert names[-1].startswith("djmetrics.")


def test_metrics_are_told_by_identity():
    """Two that are declared alike are two: exporters key by the object."""
    one, other = (Metric("django.a.b", "counter", "1", (), "Help.") for _ in range(2))
    assert one != other
