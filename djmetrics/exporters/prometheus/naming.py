"""What Prometheus calls a metric: dots become underscores, the unit is appended, counters end in ``_total``."""

from djmetrics.catalogue import BYTES, SECONDS, Metric

_UNITS = {SECONDS: "seconds", BYTES: "bytes"}


def unit_name(metric: Metric) -> str:
    """The base unit as it stands in the name; empty for plain numbers."""
    return _UNITS.get(metric.unit, "")


def family_name(metric: Metric) -> str:
    """The name of the family, as in ``# TYPE`` of OpenMetrics: with the unit, without ``_total``."""
    name = metric.name.replace(".", "_")
    unit = unit_name(metric)
    return f"{name}_{unit}" if unit else name


def prometheus_name(metric: Metric) -> str:
    """The name to query by: a counter's with ``_total``; a histogram's without ``_bucket``, ``_count``, ``_sum``."""
    return family_name(metric) + ("_total" if metric.kind == "counter" else "")


def label_name(attribute: str) -> str:
    """An attribute's name as a label."""
    return attribute.replace(".", "_")
