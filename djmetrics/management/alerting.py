"""Prometheus's rules as management commands make them: from the site's objectives and the command's options."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from djmetrics import slo_check, view_check
from djmetrics.conf import NAME, get_problems, get_settings
from djmetrics.management import names
from djmetrics.rules import document
from djmetrics.rules.options import SEVERITIES, Options

FILE = "djmetrics.rules.yml"


def add_arguments(parser: ArgumentParser) -> None:
    """How the rules shall fit the site, but for the labels of its series."""
    given = Options()
    parser.add_argument(
        "--job",
        default="",
        help="Hold the rules to this job. Needed where one Prometheus has several sites, each with rules of its own.",
    )
    parser.add_argument(
        "--grafana-url",
        default=given.grafana_url,
        help=f"Where people find Grafana, for alerts' links to boards ({given.grafana_url}).",
    )
    parser.add_argument(
        "--runbooks",
        default=given.runbooks,
        help=f"Where people find the runbooks, with {{}} for a page's name ({given.runbooks}).",
    )
    parser.add_argument(
        "--severity",
        action="append",
        default=[],
        metavar="OURS=YOURS",
        help="Another name for critical, warning or info in the alerts' label severity: critical=page.",
    )
    parser.add_argument(
        "--alert-label",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="A further label of all alerts, for Alertmanager's routes; may be given several times.",
    )
    parser.add_argument(
        "--without-alert",
        action="append",
        default=[],
        help="An alert to leave out; may be given several times.",
    )


def text(
    given: dict[str, Any],
    format: document.Format = "prometheus",
    metadata: document.Metadata = document.METADATA,
) -> str:
    """The rules; CommandError where an objective or an option is wrong."""
    settings = get_settings()
    wrong = [each for each in get_problems() if each.where.startswith(f"{NAME}['SLOS']")]
    wrong += slo_check.problems(settings)
    if wrong:
        raise CommandError("\n".join(f"{each.where} {each.message}" for each in wrong))
    return document.text(settings.slos, _options(given), format, metadata)


def doubts() -> Iterator[str]:
    """What of the objectives is allowed, and perhaps not meant."""
    settings = get_settings()
    if not settings.slos:
        yield "No objectives in DJMETRICS['SLOS']: there are no alerts on error budgets."
    for where, view, close in view_check.unknown_views(settings):
        yield f"{where}: no URL leads to the view '{view}'." + (f" Did you mean '{close}'?" if close else "")


def pairs(option: str, given: list[str]) -> dict[str, str]:
    """What was given as NAME=VALUE; CommandError where it is not of that form."""
    found = [each.partition("=") for each in given]
    if wrong := [name for name, sign, value in found if not (name and sign and value)]:
        raise CommandError(f"{option} {wrong[0]}: must be of the form NAME=VALUE.")
    return {name: value for name, _, value in found}


def _options(given: dict[str, Any]) -> Options:
    known = document.alert_names()
    if unknown := [name for name in given["without_alert"] if name not in known]:
        raise CommandError(f"No such alert: {', '.join(unknown)}. There are: {', '.join(known)}.")
    job, namespace = given["job_label"], given["namespace_label"]
    names.check_site(job, namespace)
    labels = pairs("--alert-label", given["alert_label"])
    names.check_alert_labels(labels, job, namespace)
    names.check_links(given["grafana_url"], given["runbooks"])
    severities = pairs("--severity", given["severity"])
    if unknown := [name for name in severities if name not in SEVERITIES]:
        raise CommandError(f"No such severity: {', '.join(unknown)}. There are: {', '.join(SEVERITIES)}.")
    for name, value in severities.items():
        names.check_plain("--severity", name, value)
    return Options(
        job=job,
        namespace=namespace,
        site=given["job"],
        grafana_url=given["grafana_url"],
        runbooks=given["runbooks"],
        severities=severities,
        labels=labels,
        without=tuple(given["without_alert"]),
    )
