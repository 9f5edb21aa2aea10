"""The rules of a site as one document: a rule file of Prometheus, or an object of its operator."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from djmetrics.objectives import Objective

from . import objectives
from .alerts import ALERTS, CPU_MEAN, CPU_MEAN_EXPR
from .emitter import dumped
from .options import Options
from .template import PREFIX, Rule, alerting, recorded

Format = Literal["prometheus", "prometheus-operator"]

FORMATS: tuple[Format, ...] = ("prometheus", "prometheus-operator")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The name and the further labels of the operator's object."""

    name: str = "djmetrics"
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


METADATA = Metadata()

HEAD = "# Written by manage.py djmetrics_rules; write it anew rather than change it.\n"


def alert_names() -> tuple[str, ...]:
    """Every alert's name."""
    return (f"{PREFIX}ErrorBudgetBurn", *(PREFIX + alert.name for alert in ALERTS))


def groups(slos: Mapping[str, Objective], options: Options) -> list[dict[str, Any]]:
    """The groups of rules: those of the objectives, if there are any, and the others."""
    found = list(_of_objectives(slos, options)) if slos else []
    found.append(_group("djmetrics-efficiency", [recorded(CPU_MEAN, CPU_MEAN_EXPR, {}, options)]))
    found.append(_group("djmetrics-alerts", [alerting(alert, options) for alert in ALERTS]))
    chosen = ({**group, "rules": _without(group["rules"], options.without)} for group in found)
    return [group for group in chosen if group["rules"]]


def text(
    slos: Mapping[str, Objective],
    options: Options,
    format: Format = "prometheus",
    metadata: Metadata = METADATA,
) -> str:
    """The document: always the same bytes for the same choices. ``metadata`` is that of the operator's object."""
    content: dict[str, Any] = {"groups": groups(slos, options)}
    if format == "prometheus-operator":
        about = {"name": metadata.name, "labels": {"app.kubernetes.io/name": "djmetrics", **metadata.labels}}
        content = {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": about,
            "spec": content,
        }
    return HEAD + dumped(content)


def _of_objectives(slos: Mapping[str, Objective], options: Options) -> Iterator[dict[str, Any]]:
    recordings, sums, alerts = (
        [rule for name, slo in slos.items() for rule in make(name, slo, options)]
        for make in (objectives.recordings, objectives.sums, objectives.alerts)
    )
    yield _group("djmetrics-slo", recordings)
    yield {**_group("djmetrics-slo-days", sums), "interval": options.windows.interval}
    yield _group("djmetrics-slo-alerts", alerts)


def _group(name: str, rules: list[Rule]) -> dict[str, Any]:
    return {"name": name, "rules": rules}


def _without(rules: list[Rule], names: tuple[str, ...]) -> list[Rule]:
    return [rule for rule in rules if rule.get("alert") not in names]
