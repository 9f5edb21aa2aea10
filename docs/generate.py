"""Write the tables of the reference pages from the code: ``python docs/generate.py``; ``--check`` only compares.

Each table stands in its page between two comments, ``<!-- generated: NAME -->`` and ``<!-- end of NAME -->``; what is
around them is written by hand.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import django
from django.conf import settings

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))
if not settings.configured:
    settings.configure(DJMETRICS={"ENABLED": False}, INSTALLED_APPS=["djmetrics"])
    django.setup()

from djmetrics import catalogue, checks, conf, runtime  # noqa: E402 (they need the settings)
from djmetrics.declared import declarations  # noqa: E402
from djmetrics.destinations import OpenTelemetry, Sentry  # noqa: E402
from djmetrics.exporters.prometheus import label_name, prometheus_name  # noqa: E402
from djmetrics.grafana import shipped  # noqa: E402
from djmetrics.management.commands import (  # noqa: E402
    djmetrics_dashboards,
    djmetrics_rules,
    djmetrics_sentry_alerts,
    djmetrics_top,
)
from djmetrics.objectives import Objective  # noqa: E402
from djmetrics.rules import document  # noqa: E402
from djmetrics.rules.options import Options  # noqa: E402
from djmetrics.rules.template import page as runbook  # noqa: E402

UNITS = {"s": "seconds", "By": "bytes", "1": "1"}


def code(text: str) -> str:
    """``text`` as code in a table's cell."""
    return "`" + text.replace("|", "\\|") + "`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def settings_table() -> str:
    """Every key of DJMETRICS."""
    return section_table(conf.Settings)


def section_table(section: type) -> str:
    """Every key of one dict of settings."""
    return table(
        ("Key", "What for", "Type", "Default"),
        ((code(each.key), each.help, each.type, code(each.default)) for each in declarations(section)),
    )


def checks_sections() -> str:
    """A heading for each check, with the anchor that its hint names, and a table of all of them first."""
    rows = ((f"[{code('djmetrics.' + each.id)}](#djmetrics-{each.id.lower()})", each.level, each.summary)
            for each in checks.TABLE)  # fmt: skip
    return "\n\n".join([table(("Check", "Level", "What is wrong"), rows), *map(_check, checks.TABLE)])


def _check(check: checks.Check) -> str:
    lines = [
        f"(djmetrics-{check.id.lower()})=",
        f"## djmetrics.{check.id}",
        "",
        f"{check.level}. {check.summary}",
    ]
    if re.search(r"[a-z]", re.sub(r"\{\w+\}", "", check.text)):
        lines += ["", "Message", f": {_sentence(check.text)}"]
    return "\n".join([*lines, "", "What to do", f": {_sentence(check.hint.replace('{meant}', ''))}"])


def _sentence(template: str) -> str:
    """A message's template as readers see it: its placeholders in angle brackets, names as code."""
    shown = re.sub(r"\{(\w+)\}", r"⟨\1⟩", template)
    return re.sub(r"(from djmetrics\.gunicorn import \*|python -c '.*')", r"`\1`", shown)


def metrics_sections() -> str:
    """A heading for each metric."""
    return "\n\n".join(map(_metric, catalogue.metrics()))


def _metric(metric: catalogue.Metric) -> str:
    labels = ", ".join(code(label_name(label)) for label in metric.labels) or "none"
    facts = [
        f"{metric.kind}",
        f"unit: {UNITS.get(metric.unit, metric.unit.strip('{}'))}",
        f"labels: {labels}",
    ]
    if metric.exemplars:
        facts.append("with exemplars")
    lines = [f"### {prometheus_name(metric)}", "", metric.help, "", f"- {'; '.join(facts)}"]
    if metric.buckets:
        lines.append(f"- buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}")
    return "\n".join([*lines, f"- in settings: {code(metric.name)}"])


def hooks_table() -> str:
    """Every built-in hook."""
    return table(
        ("Hook", "What it observes"),
        ((f"[{code(hook.name)}](#{hook.name})", _about(hook)) for hook in runtime.HOOKS),
    )


def _about(hook: type) -> str:
    """The first paragraph of the module's docstring."""
    text = sys.modules[hook.__module__].__doc__ or ""
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split("\n\n")[0].split()))


def options_table(command: ModuleType) -> str:
    """The options of a management command."""
    parser = command.Command().create_parser("manage.py", command.__name__.rpartition(".")[2])
    from_django = {"help", "version", "settings", "pythonpath", "traceback", "no_color", "force_color"}
    from_django |= {"verbosity", "skip_checks"}
    rows = []
    for action in parser._actions:
        if action.dest not in from_django:
            choices = f" One of {', '.join(action.choices)}." if action.choices else ""
            rows.append((code(action.option_strings[0]), (action.help or "") + choices))
    return table(("Option", "Meaning"), rows)


def boards_table() -> str:
    """Every board and its question."""
    rows = ((board["title"].removeprefix("djmetrics / "), board["description"], code(uid))
            for uid, board in shipped.boards().items())  # fmt: skip
    return table(("Board", "Its question", "Its uid"), rows)


def alerts_table() -> str:
    """Every alert; those of one name in one row, with their severities."""
    slos = {"availability": Objective(objective=0.999)}
    found: dict[str, list[dict[str, Any]]] = {}
    for group in document.groups(slos, Options()):
        for rule in group["rules"]:
            if "alert" in rule:
                found.setdefault(rule["alert"], []).append(rule)
    return table(("Alert", "Severity", "For"), (_alert(name, rules) for name, rules in found.items()))


def _alert(name: str, rules: list[dict[str, Any]]) -> tuple[str, str, str]:
    severities = ", ".join(dict.fromkeys(rule["labels"]["severity"] for rule in rules))
    hold = rules[0].get("for", "at once") if len(rules) == 1 else "see below"
    return f"[{code(name)}](../runbooks/{runbook(name)}.md)", severities, hold


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("reference/settings.md", settings_table),
    "opentelemetry settings": ("reference/settings.md", lambda: section_table(OpenTelemetry)),
    "sentry settings": ("reference/settings.md", lambda: section_table(Sentry)),
    "objective settings": ("reference/settings.md", lambda: section_table(Objective)),
    "checks": ("reference/checks.md", checks_sections),
    "metrics": ("reference/metrics.md", metrics_sections),
    "hooks": ("reference/hooks.md", hooks_table),
    "djmetrics_top": ("reference/commands.md", lambda: options_table(djmetrics_top)),
    "djmetrics_sentry_alerts": (
        "reference/commands.md",
        lambda: options_table(djmetrics_sentry_alerts),
    ),
    "djmetrics_dashboards": ("reference/commands.md", lambda: options_table(djmetrics_dashboards)),
    "djmetrics_rules": ("reference/commands.md", lambda: options_table(djmetrics_rules)),
    "alerts": ("howto/alerts.md", alerts_table),
    "boards": ("howto/grafana.md", boards_table),
}


def pages() -> Iterator[tuple[Path, str, str]]:
    """Each page with a generated part: its path, its text as it is and as it should be. Raises ValueError."""
    for path in dict.fromkeys(path for path, _ in TABLES.values()):
        page = DOCS / path
        found = wanted = page.read_text(encoding="utf-8")
        for name, (place, make) in TABLES.items():
            if place == path:
                wanted = replaced(wanted, name, make())
        yield page, found, wanted


def replaced(text: str, name: str, generated: str) -> str:
    """``text`` with ``generated`` between the comments of ``name``; ValueError where they are missing."""
    begin, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"no place for the table {name}: {begin} ... {end}")
    return f"{before}{begin}\n\n{generated}\n\n{end}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, or check; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a table is out of date")
    check = parser.parse_args(arguments).check
    stale = [(page, wanted) for page, found, wanted in pages() if found != wanted]
    for page, wanted in stale:
        if check:
            print(f"out of date: {page.relative_to(DOCS.parent)}; run python docs/generate.py")
        else:
            page.write_text(wanted, encoding="utf-8")
            print(f"written: {page.relative_to(DOCS.parent)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
