"""Fill the log with deterministic data."""

from argparse import ArgumentParser
from random import Random
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction
from rich.progress import track

from runs import makers
from runs.models import Employee, Run

PIECE = 500


class Command(BaseCommand):
    """Replace what is in the log with the same employees and runs as ever."""

    help = "Replaces the log with deterministic data, and makes the account demo/demo (for loopback only)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many runs and employees, and the seed they follow from."""
        parser.add_argument("--runs", type=int, default=10_000)
        parser.add_argument("--employees", type=int, default=50)
        parser.add_argument("--seed", type=int, default=1954)

    @transaction.atomic
    def handle(self, *, runs: int, employees: int, seed: int, **options: Any) -> None:
        """Delete, then make and save: all of it or nothing."""
        random = Random(seed)
        Run.objects.all().delete()
        Employee.objects.all().delete()
        people = makers.employees(employees, random)
        Employee.objects.bulk_create(people)
        # Not every database tells the keys of rows created in bulk.
        saved = Employee.objects.in_bulk([who.slug for who in people], field_name="slug")
        made = list(makers.runs([saved[who.slug] for who in people], runs, random))
        pieces = [made[start : start + PIECE] for start in range(0, len(made), PIECE)]
        for piece in track(pieces, description="Runs", disable=options["verbosity"] == 0):
            Run.objects.bulk_create(piece)
        self.stdout.write(self.style.SUCCESS(f"{runs:,} runs of {employees} employees are in the log."))
        self.make_account()

    def make_account(self) -> None:
        """The superuser demo/demo, said out loud."""
        users = get_user_model().objects
        if not users.filter(username="demo").exists():
            users.create_superuser("demo", password="demo")
        self.stdout.write(
            self.style.WARNING(
                "!!! The superuser demo has the password demo: let nothing but loopback reach this site."
            )
        )
