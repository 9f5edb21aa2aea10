"""The deterministic data."""

from hashlib import sha256
from io import StringIO
from random import Random

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from runs import makers, names, units
from runs.models import Employee, Run

# The data of the demo, on every Python and database; it changes with the makers or their word lists alone.
FINGERPRINT = "106dfc846d17fee8"


def in_the_log() -> list[tuple[object, ...]]:
    """The log, without what the database makes up."""
    columns = ["employee__slug", "employee__team", "date", "miles", "time", "pace"]
    runs = Run.objects.order_by("pk").values_list(*columns, "calories", "elevation", "heart_rate")
    return [tuple(map(str, run)) for run in runs]


def test_the_same_data_every_time() -> None:
    """The log is the same whenever and wherever it is loaded; what was in it before is gone."""
    call_command("load_runs", runs=1500, employees=20, verbosity=0, stdout=StringIO())
    first = in_the_log()
    call_command("load_runs", runs=1500, employees=20, verbosity=0, stdout=StringIO())
    assert in_the_log() == first
    assert (len(first), Employee.objects.count()) == (1500, 20)
    assert sha256(repr(first).encode()).hexdigest()[:16] == FINGERPRINT


def test_another_seed_makes_other_data() -> None:
    """The data follows from the seed."""
    call_command("load_runs", runs=20, employees=5, verbosity=0, stdout=StringIO())
    first = in_the_log()
    call_command("load_runs", runs=20, employees=5, seed=2, verbosity=0, stdout=StringIO())
    assert in_the_log() != first


def test_the_data_is_plausible() -> None:
    """Runs lie in the five years, and could pass the form."""
    from runs.forms import FASTEST, SLOWEST

    for run in Run.objects.all():
        run.full_clean()
        assert makers.FIRST_DAY <= run.date <= makers.LAST_DAY
        assert FASTEST <= run.pace <= SLOWEST
        assert run.pace == units.pace(run.time, run.miles)


def test_names_come_from_the_lists() -> None:
    """Every employee has a name of their own, and one that two words make; there are only so many."""
    everybody = makers.employees(400, Random(1))
    assert len({who.slug for who in everybody}) == 400
    first, last = everybody[0].name.split()
    assert first in names.FIRST
    assert last in names.LAST
    with pytest.raises(ValueError, match="larger than population"):
        makers.employees(401, Random(1))


def test_the_account_is_announced() -> None:
    """The superuser demo/demo is made once, and loudly."""
    said = StringIO()
    call_command("load_runs", runs=5, employees=5, verbosity=0, stdout=said)
    assert "!!!" in said.getvalue()
    assert "loopback" in said.getvalue()
    account = get_user_model().objects.get(username="demo")
    assert account.is_superuser
    assert account.check_password("demo")


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A bar runs to 100 %."""
    call_command("load_runs", runs=600, employees=5, stdout=StringIO())
    shown = capsys.readouterr().out
    assert "Runs" in shown
    assert "100%" in shown
