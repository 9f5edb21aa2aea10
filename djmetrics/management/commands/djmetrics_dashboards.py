"""``manage.py djmetrics_dashboards``: Grafana's boards, what provisions them, and Prometheus's rules."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from djmetrics.grafana.files import changes, write
from djmetrics.grafana.options import Options
from djmetrics.grafana.shipped import boards
from djmetrics.management import alerting

RULES = "prometheus"
"""The folder of Prometheus's rules, below that which is written."""


class Command(BaseCommand):
    """Write the boards, or check that a folder holds them."""

    help = (
        "Grafana's dashboards for what djmetrics measures, with the files that provision them and their data sources, "
        "and Prometheus's rules and alerts, written into a folder. Nothing is sent anywhere."
    )
    requires_migrations_checks = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, and how the boards shall fit the site."""
        parser.add_argument("--out", required=True, type=Path, help="The folder.")
        parser.add_argument(
            "--check",
            action="store_true",
            help="Write nothing; fail if a file there differs from what would be.",
        )
        given = Options()
        parser.add_argument("--job-label", default=given.job, help="Prometheus's label for the site (job).")
        parser.add_argument(
            "--namespace-label",
            default=given.namespace,
            help='The label for its surroundings (namespace); "" for none, and boards without that choice.',
        )
        parser.add_argument(
            "--prometheus",
            default=given.prometheus,
            help="The name of the data source in Grafana (Prometheus).",
        )
        parser.add_argument(
            "--prometheus-url",
            default=given.prometheus_url,
            help="Where Grafana finds Prometheus (http://localhost:9090).",
        )
        parser.add_argument(
            "--scrape-interval",
            default=given.scrape_interval,
            help="How often Prometheus reads the site's page (15s); Grafana's windows are four times that or more.",
        )
        parser.add_argument(
            "--traces",
            choices=["tempo", "jaeger", "none"],
            default=given.traces,
            help="Where traces are stored (none): rows of traces, and links from points in graphs to them.",
        )
        parser.add_argument(
            "--traces-name", default="", help="The name of that data source (Tempo or Jaeger)."
        )
        parser.add_argument(
            "--traces-url",
            default="",
            help="Where Grafana finds it (http://localhost:3200 for Tempo, http://localhost:16686 for Jaeger).",
        )
        parser.add_argument(
            "--service",
            default="",
            help="The site's service name in Jaeger; by default that which djmetrics gives it.",
        )
        parser.add_argument(
            "--sentry-url",
            default="",
            help="Sentry's address with the organisation, for links to issues: https://my-org.sentry.io",
        )
        parser.add_argument(
            "--without", action="append", default=[], help="A board to leave out; may be given several times."
        )
        parser.add_argument(
            "--folder", default=given.folder, help="The boards' folder in Grafana (djmetrics)."
        )
        parser.add_argument(
            "--tag",
            action="append",
            default=[],
            help="A further tag of all boards; may be given several times.",
        )
        parser.add_argument(
            "--boards-path",
            default=given.boards_path,
            help=f"Where Grafana finds the folder with the boards ({given.boards_path}).",
        )
        alerting.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write or check; CommandError on drift and on what cannot be."""
        chosen = _options(options)
        folder: Path = options["out"]
        rules = {f"{RULES}/{alerting.FILE}": alerting.text(options)}
        try:
            changed = changes(folder, chosen, rules)
            if not options["check"]:
                write(folder, changed)
        except OSError as error:
            raise CommandError(f"{folder}: {error.strerror}: {error.filename}") from None
        if options["check"]:
            if changed:
                raise CommandError(
                    "Out of date:\n" + "\n".join(f"  {folder / name}" for name in sorted(changed))
                )
            self.stdout.write("Up to date.")
            return
        for name, text in sorted(changed.items()):
            self.stdout.write(f"{'removed' if text is None else 'written'}  {folder / name}")
        if not changed:
            self.stdout.write("Nothing to write: all is up to date.")


def _options(given: dict[str, Any]) -> Options:
    unknown = set(given["without"]) - set(boards())
    if unknown:
        raise CommandError(f"No such board: {', '.join(sorted(unknown))}. There are: {', '.join(boards())}.")
    traces = given["traces"]
    return Options(
        job=given["job_label"],
        namespace=given["namespace_label"],
        prometheus=given["prometheus"],
        prometheus_url=given["prometheus_url"],
        scrape_interval=given["scrape_interval"],
        traces=traces,
        traces_name=given["traces_name"] or ("" if traces == "none" else traces.capitalize()),
        traces_url=given["traces_url"],
        service=given["service"] or _service(),
        sentry_url=given["sentry_url"],
        without=tuple(given["without"]),
        folder=given["folder"],
        tags=tuple(given["tag"]),
        boards_path=given["boards_path"],
    )


def _service() -> str:
    """The service's name as the OpenTelemetry exporter gives it."""
    module = settings.SETTINGS_MODULE or os.environ.get("DJANGO_SETTINGS_MODULE", "")
    return os.environ.get("OTEL_SERVICE_NAME") or str(module).partition(".")[0]
