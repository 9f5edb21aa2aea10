"""A small log for the page tests."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from runs.models import Employee

RUNS, EMPLOYEES = 400, 12


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The tables, and a log in them that every test finds."""
    with django_db_blocker.unblock():
        call_command("load_runs", runs=RUNS, employees=EMPLOYEES, verbosity=0)


@pytest.fixture(autouse=True)
def log(db: None) -> Iterator[None]:
    """Every test may use the log, and finds an empty cache."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def somebody() -> Employee:
    """An employee who has runs."""
    employee = Employee.objects.filter(runs__isnull=False).first()
    assert employee is not None
    return employee
