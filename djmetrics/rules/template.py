"""Rules as they are written here, fitted to a site: its labels, its boards, its runbooks.

In a query ``<<by>>`` stands for the labels that tell sites apart and ``<<site>>`` for the choice of one, to be followed
by further matchers without a comma; in a text ``<<job>>`` stands for the name of the site's label.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .options import Options, Severity

Rule = dict[str, Any]

PREFIX = "Djmetrics"

_TEXT = r'"(?:[^"\\]|\\.)*"'
# A brace before what is escaped would make another action of it.
_EXECUTED = re.compile(r"\{{2,}|\{?<<")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert. ``name`` is without the prefix; ``hold`` is a Prometheus duration.

    ``board`` is a board's uid, ``chosen`` the variables of it that are set besides the site, each to the label of that
    name. Without ``hold`` it fires at once. ``labels`` come beside the severity.
    """

    name: str
    severity: Severity
    hold: str
    expr: str
    summary: str
    description: str
    board: str
    chosen: tuple[str, ...] = ()
    labels: Mapping[str, str]


def query(text: str, options: Options) -> str:
    """A query as the site's Prometheus gets it."""
    site = f"{options.job}={json.dumps(options.site, ensure_ascii=False)}, " if options.site else ""
    steps = {"<<by>>": ", ".join(by(options)), "<<site>>": site, r",\s*\}": "}", r"\{\}": ""}
    for pattern, put in steps.items():
        text = _outside_texts(pattern, put, text)
    return text.strip("\n")


def plain(text: str) -> str:
    """A name as an alert's text takes it: nothing in it is executed as a template, nor taken for a placeholder."""
    return _EXECUTED.sub(lambda match: f'{{{{ "{match[0]}" }}}}', text)


def by(options: Options) -> list[str]:
    """The labels that tell sites apart."""
    return [label for label in (options.job, options.namespace) if label]


def recorded(name: str, expr: str, labels: Mapping[str, str], options: Options) -> Rule:
    """A recording rule."""
    return {"record": name, "expr": query(expr, options), **({"labels": dict(labels)} if labels else {})}


def alerting(alert: Alert, options: Options) -> Rule:
    """An alerting rule."""
    severity = options.severities.get(alert.severity, alert.severity)
    return {
        "alert": PREFIX + alert.name,
        "expr": query(alert.expr, options),
        **({"for": alert.hold} if alert.hold else {}),
        "labels": {"severity": severity, **alert.labels, **options.labels},
        "annotations": {
            "summary": alert.summary.replace("<<job>>", options.job),
            "description": alert.description.replace("<<job>>", options.job),
            "dashboard_url": _board(alert, options),
            "runbook_url": options.runbooks.replace("{}", page(alert.name)),
        },
    }


def page(name: str) -> str:
    """The name of an alert's runbook: TargetDown's is target-down."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name.removeprefix(PREFIX)).lower()


def _outside_texts(pattern: str, put: str, text: str) -> str:
    """Put something for what matches, but not in quotes: there stand the site's own names."""
    return re.sub(f"{_TEXT}|{pattern}", lambda match: match[0] if match[0][0] == '"' else put, text)


def _board(alert: Alert, options: Options) -> str:
    variables = {"job": options.job, "namespace": options.namespace}
    variables |= {name: name for name in alert.chosen}
    chosen = (f"var-{name}={{{{ urlquery $labels.{label} }}}}" for name, label in variables.items() if label)
    return f"{options.grafana_url.rstrip('/')}/d/{alert.board}?{'&'.join(chosen)}"
