"""Made-up histories of a site, and what promtool finds that the rules make of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from djmetrics.objectives import Objective
from djmetrics.rules import document
from djmetrics.rules.options import Options

Promtool = Callable[..., str]

SITE = 'job="shop", instance="one:80"'
LABELS = {"job": "shop"}

SLOS = {
    "availability": Objective(objective=0.999),
    "checkout": Objective(objective=0.95, latency=0.5, views=("shop:checkout",)),
}
RUNBOOK = "docs/runbooks/{}.md"


def board(uid: str, **chosen: str) -> str:
    """An alert's link to a board; the site is in no namespace."""
    variables = {"job": "shop", "namespace": "", **chosen}
    return f"http://localhost:3000/d/{uid}?" + "&".join(
        f"var-{name}={value}" for name, value in variables.items()
    )


def series(name: str, values: str, **labels: str) -> tuple[str, str]:
    """One series of the site in promtool's notation; a sample a minute."""
    return (
        f"{name}{{{', '.join([SITE, *(f'{key}={json.dumps(value)}' for key, value in labels.items())])}}}",
        values,
    )


@dataclass
class History:
    """Series, and what alerts must say at which moments."""

    series: Mapping[str, str]
    alerts: list[dict[str, Any]] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)

    def expects(self, at: str, name: str, *found: tuple[Mapping[str, str], Mapping[str, str]]) -> "History":
        """At this moment alerts of this name fire with exactly these labels and annotations, and no others."""
        expected = [{"exp_labels": dict(labels), "exp_annotations": dict(texts)} for labels, texts in found]
        self.alerts.append({"eval_time": at, "alertname": f"Djmetrics{name}", "exp_alerts": expected})
        return self

    def silent(self, at: str, *names: str) -> "History":
        """At this moment none of these fires."""
        for name in names:
            self.expects(at, name)
        return self

    def records(self, at: str, expr: str, *samples: tuple[str, float]) -> "History":
        """At this moment an expression has exactly these samples."""
        found = [{"labels": labels, "value": value} for labels, value in samples]
        self.values.append({"expr": expr, "eval_time": at, "exp_samples": found})
        return self


def tried(
    promtool: Promtool,
    folder: Path,
    history: History,
    options: Options | None = None,
    slos: Mapping[str, Objective] | None = None,
    change: Callable[[str], str] = lambda text: text,
) -> str:
    """What promtool says of the rules on this history. Raises ``AssertionError`` where they do otherwise."""
    options = options or Options()
    slos = SLOS if slos is None else slos
    text = document.text(slos, options)
    (folder / "rules.yml").write_text(change(text))
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in history.series.items()],
        "alert_rule_test": history.alerts,
        "promql_expr_test": history.values,
    }
    told = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]}
    # In any order otherwise, and what is recorded a minute late would be a little different each time.
    told["group_eval_order"] = [group["name"] for group in document.groups(slos, options)]
    # JSON is YAML.
    (folder / "tests.yml").write_text(json.dumps(told))
    return promtool("test", "rules", str(folder / "tests.yml"))
