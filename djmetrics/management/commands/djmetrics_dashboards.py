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
from djmetrics.management import alerting, names
from djmetrics.management.grafana.api import Grafana
from djmetrics.management.grafana.errors import TOKEN, GrafanaError
from djmetrics.management.grafana.upload import show
from djmetrics.management.grafana.upload import write as write_there
from djmetrics.management.grafana.wire import Wire

RULES = "prometheus"
"""The folder of Prometheus's rules, below that which is written."""


class Command(BaseCommand):
    """Write the boards into a folder or to a Grafana, or check that they are there."""

    help = (
        "Grafana's dashboards for what djmetrics measures, with the files that provision them and their data sources, "
        "and Prometheus's rules and alerts, written into a folder; nothing is sent anywhere. Or, with --upload, the "
        "dashboards alone beside those of a Grafana server: what differs is shown, and with --yes written, with the "
        f"token in {TOKEN}."
    )
    requires_migrations_checks = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, and how the boards shall fit the site."""
        place = parser.add_mutually_exclusive_group(required=True)
        place.add_argument("--out", type=Path, help="The folder.")
        place.add_argument(
            "--upload",
            metavar="URL",
            help="The address of a Grafana, 12 or later: show what would change there; -v 2 shows each line.",
        )
        doing = parser.add_mutually_exclusive_group()
        doing.add_argument(
            "--check",
            action="store_true",
            help="Write nothing; fail if what is there differs from what would be.",
        )
        doing.add_argument("--yes", action="store_true", help="With --upload: change it.")
        parser.add_argument(
            "--grafana-namespace",
            default="default",
            help="With --upload: Grafana's organisation: default, org-2 for the second, stacks-ID in Grafana Cloud.",
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
            "--sentry",
            default="",
            metavar="NAME",
            help="The name of a data source of Grafana's plugin for Sentry: one board more, of Sentry's issues.",
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
        if options["upload"]:
            self._upload(chosen, options)
        elif options["yes"]:
            raise CommandError("--yes goes with --upload; --out writes without it.")
        else:
            self._files(options["out"], chosen, options)

    def _upload(self, chosen: Options, options: dict[str, Any]) -> None:
        token = os.environ.get(TOKEN, "").strip()
        if not token:
            raise CommandError(
                f"Set {TOKEN} to a token of a service account of Grafana's with the role Editor."
            )
        try:
            wire = Wire(options["upload"], token)
            if wire.in_the_clear:
                self.stderr.write(f"The token goes to {wire.host} unencrypted; use https.")
            grafana = Grafana(wire, options["grafana_namespace"])
            differing = show(grafana, chosen, self.stdout.write, options["verbosity"] > 1)
            due = sum(change.state != "same" for change in differing)
            if options["yes"]:
                write_there(grafana, chosen, differing, self.stdout.write)
        except GrafanaError as error:
            raise CommandError(str(error)) from None
        if due and options["check"]:
            raise CommandError(f"{due} of {len(differing)} boards differ.")
        if due and not options["yes"]:
            self.stdout.write(f"Nothing was written. --yes writes {due} of {len(differing)} boards.")
        elif not due:
            self.stdout.write("All is up to date.")

    def _files(self, folder: Path, chosen: Options, options: dict[str, Any]) -> None:
        rules = {f"{RULES}/{alerting.FILE}": alerting.text(options)}
        for doubt in alerting.doubts():
            self.stderr.write(doubt)
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
    names.check_site(given["job_label"], given["namespace_label"])
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
        sentry=given["sentry"],
        without=tuple(given["without"]),
        folder=given["folder"],
        tags=tuple(given["tag"]),
        boards_path=given["boards_path"],
    )


def _service() -> str:
    """The service's name as the OpenTelemetry exporter gives it."""
    module = settings.SETTINGS_MODULE or os.environ.get("DJANGO_SETTINGS_MODULE", "")
    return os.environ.get("OTEL_SERVICE_NAME") or str(module).partition(".")[0]
