"""``manage.py djmetrics_rules``: Prometheus's recording rules and alerts."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from djmetrics.management import alerting, names
from djmetrics.rules.document import FORMATS, METADATA, Metadata
from djmetrics.rules.options import Options


class Command(BaseCommand):
    """Write the rules, print them, or check that a file holds them."""

    help = (
        "Prometheus's recording rules and alerts for the objectives in DJMETRICS['SLOS'] and for all else that can go "
        "wrong. Nothing is sent anywhere."
    )
    requires_migrations_checks = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, in which form, and how the rules shall fit the site."""
        parser.add_argument(
            "--out",
            type=Path,
            help=f"A file; or a folder, for {alerting.FILE} in it. By default they are printed.",
        )
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; fail if the file differs from what would be."
        )
        parser.add_argument(
            "--format",
            choices=FORMATS,
            default=FORMATS[0],
            help="A rule file (prometheus), or a PrometheusRule object for Prometheus's operator in Kubernetes.",
        )
        given = Options()
        parser.add_argument("--job-label", default=given.job, help="Prometheus's label for the site (job).")
        parser.add_argument(
            "--namespace-label",
            default=given.namespace,
            help='The label for its surroundings (namespace); "" for none.',
        )
        alerting.add_arguments(parser)
        parser.add_argument(
            "--object-name", default=METADATA.name, help="The PrometheusRule's name (djmetrics)."
        )
        parser.add_argument(
            "--object-label",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="A further label of the PrometheusRule, for the operator's ruleSelector; may be given several times.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write, print or check; CommandError on drift and on what cannot be."""
        about = Metadata(options["object_name"], alerting.pairs("--object-label", options["object_label"]))
        names.check_object(about.name, dict(about.labels))
        text = alerting.text(options, options["format"], about)
        for doubt in alerting.doubts():
            self.stderr.write(doubt)
        out: Path | None = options["out"]
        if options["check"] and out is None:
            raise CommandError("--check needs --out: what shall be checked?")
        if out is None:
            self.stdout.write(text, ending="")
            return
        path = out / alerting.FILE if out.is_dir() or not out.suffix else out
        try:
            self._put(path, text, options["check"])
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {error}") from None

    def _put(self, path: Path, text: str, check: bool) -> None:
        found = path.read_text(encoding="utf-8") if path.exists() else None
        if found == text:
            self.stdout.write("Up to date.")
        elif check:
            raise CommandError(f"Out of date: {path}")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            self.stdout.write(f"written  {path}")
