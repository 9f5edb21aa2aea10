"""What Prometheus calls a metric: underscores for dots, the unit appended, ``_total`` at the end of counters."""

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
    """The name to query by; a histogram's still lacks ``_bucket``, ``_count`` or ``_sum``."""
    return family_name(metric) + ("_total" if metric.kind == "counter" else "")


def label_name(attribute: str) -> str:
    """An attribute's name as a label."""
    return attribute.replace(".", "_")
