"""``manage.py djmetrics_sentry_alerts``: Sentry's alert rules for what djmetrics reports."""

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from djmetrics.conf import get_settings
from djmetrics.management.sentry.api import Api, ApiError
from djmetrics.management.sentry.rules import rules

URL = "https://sentry.io"
TOKEN = "SENTRY_AUTH_TOKEN"  # noqa: S105 - the variable's name


class Command(BaseCommand):
    """Print the rules, or create those that a project has not got."""

    help = (
        "Issue alert rules for Sentry: new issues, regressions, slow views, N+1 and too many queries, for each "
        "environment. They are printed as JSON; with --create those that the project has not got are created, with "
        f"the token in {TOKEN} (scope alerts:write). A rule of the same name is left as it is."
    )
    requires_migrations_checks = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which rules, and for which project."""
        parser.add_argument(
            "--environment",
            action="append",
            help="An environment; may be given several times. By default that of the settings.",
        )
        parser.add_argument(
            "--minutes", type=int, default=60, help="Minutes until the same issue is told of again (60)."
        )
        parser.add_argument("--create", action="store_true", help="Create them; else they are only printed.")
        parser.add_argument("--organization", help="The organisation's slug; by default SENTRY_ORG.")
        parser.add_argument("--project", help="The project's slug; by default SENTRY_PROJECT.")
        parser.add_argument("--url", help=f"Sentry's address; by default SENTRY_URL, or {URL}.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print or create; CommandError if Sentry refuses."""
        if not 5 <= options["minutes"] <= 43_200:
            raise CommandError("Sentry takes from 5 to 43200 minutes.")
        wanted = rules(list(dict.fromkeys(options["environment"] or [_environment()])), options["minutes"])
        if not options["create"]:
            self.stdout.write(json.dumps(wanted, indent=2))
            return
        try:
            api = _api(options)
            there = api.names()
            for rule in wanted:
                if rule["name"] in there:
                    self.stdout.write(f"is there  {rule['name']}")
                else:
                    api.create(rule)
                    self.stdout.write(f"created   {rule['name']}")
        except ApiError as error:
            raise CommandError(str(error)) from None


def _api(options: dict[str, Any]) -> Api:
    environ = os.environ
    organization = options["organization"] or environ.get("SENTRY_ORG")
    project = options["project"] or environ.get("SENTRY_PROJECT")
    token = environ.get(TOKEN)
    if not (organization and project):
        raise CommandError("Name --organization and --project, or set SENTRY_ORG and SENTRY_PROJECT.")
    if not token:
        raise CommandError(f"Set {TOKEN} to a token of Sentry's with the scope alerts:write.")
    return Api(options["url"] or environ.get("SENTRY_URL") or URL, token, organization, project)


def _environment() -> str:
    """The environment that events of this site name."""
    chosen = get_settings().sentry
    return (chosen.environment if chosen else "") or os.environ.get("SENTRY_ENVIRONMENT") or "production"
