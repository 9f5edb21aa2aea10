"""All rules, with objectives of either kind, and the series that they record."""

from functools import cache
from typing import Any

from djmetrics.objectives import Objective
from djmetrics.rules.document import groups
from djmetrics.rules.options import Options

from ..components.fixtures import need

Recorded = dict[str, set[str]]

SLOS = {
    "availability": Objective(objective=0.999),
    "latency": Objective(objective=0.9, latency=0.5, views=("a", "b")),
}


def rules(options: Options | None = None) -> list[dict[str, Any]]:
    """All rules."""
    return [rule for group in groups(SLOS, options or Options()) for rule in group["rules"]]


@cache
def recorded_series() -> Recorded:
    """What the rules record, with its labels: those that its query groups by, and its own."""
    need("promql_parser", "test")
    import promql_parser

    from ..grafana import promql

    found: Recorded = {}
    for rule in rules():
        if "record" in rule:
            labels = promql.labels_of_modifiers(promql_parser.parse(rule["expr"])) | set(
                rule.get("labels", ())
            )
            found.setdefault(rule["record"], set()).update(labels | {"job", "namespace"})
    return found
