"""Deterministic data: the same seed makes the same employees and the same runs, on every machine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from django.utils.text import slugify

from . import names, units
from .models import Employee, Run

FIRST_DAY = date(2021, 1, 1)
LAST_DAY = date(2025, 12, 31)


@dataclass(frozen=True)
class Runner:
    """How one employee runs: usual miles, usual minutes per mile, how hilly it is at home."""

    employee: Employee
    miles: float
    minutes: float
    hills: float


def employees(count: int, random: Random) -> list[Employee]:
    """``count`` employees, not saved, with distinct names; ValueError if there are not that many names."""
    every = [f"{first} {last}" for first in names.FIRST for last in names.LAST]
    return [
        Employee(name=name, slug=slugify(name), team=random.choice(names.TEAMS))
        for name in sorted(random.sample(every, count))
    ]


def runners(people: Sequence[Employee], random: Random) -> list[Runner]:
    """A way to run for each of ``people``."""
    return [
        Runner(who, random.uniform(2.5, 9), random.uniform(7, 12), random.uniform(5, 90)) for who in people
    ]


def runs(people: Sequence[Employee], count: int, random: Random) -> Iterator[Run]:
    """``count`` runs of ``people``, not saved, in the order of their dates."""
    every = runners(people, random)
    weights = [random.uniform(0.3, 2) for _ in every]
    span = (LAST_DAY - FIRST_DAY).days
    for day in sorted(random.randint(0, span) for _ in range(count)):
        yield one(random.choices(every, weights)[0], FIRST_DAY + timedelta(days=day), random)


def one(runner: Runner, day: date, random: Random) -> Run:
    """One run of ``runner`` on ``day``; the longer and the hillier, the slower and the harder."""
    miles = Decimal(str(round(max(0.5, random.gauss(runner.miles, runner.miles / 3)), 2)))
    climbed = round(float(miles) * runner.hills * random.uniform(0.5, 1.5))
    minutes = runner.minutes * random.uniform(0.92, 1.08) + float(miles) * 0.03 + climbed / 1000
    time = timedelta(seconds=round(float(miles) * minutes * 60))
    return Run(
        employee=runner.employee,
        date=day,
        miles=miles,
        time=time,
        pace=units.pace(time, miles),
        calories=round(float(miles) * random.uniform(85, 125)),
        elevation=climbed,
        heart_rate=round(random.gauss(190 - runner.minutes * 4, 6)),
    )
