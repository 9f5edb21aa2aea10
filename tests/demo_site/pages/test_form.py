"""The form to add a run."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from runs.models import Employee, Run


@pytest.fixture
def filled(somebody: Employee) -> dict[str, str]:
    """A form that is filled in right."""
    return {
        "employee": str(somebody.pk),
        "date": "2025-06-01",
        "miles": "6.20",
        "time": "0:54:15",
        "calories": "620",
        "elevation": "210",
        "heart_rate": "151",
    }


def test_every_field_has_a_label_and_a_widget(client: Client) -> None:
    """Each field can be found by its label, and looks like the others."""
    text = client.get("/runs/add/").content.decode()
    for name in ("employee", "date", "miles", "time", "calories", "elevation", "heart_rate"):
        assert f'for="id_{name}"' in text
        assert f'id="id_{name}"' in text
    assert text.count('class="form-control"') == 6
    assert text.count('class="form-select"') == 1
    assert 'type="date"' in text


def test_a_run_is_added(client: Client, filled: dict[str, str], somebody: Employee) -> None:
    """A good form makes a run with the pace that follows from it, and shows that run with a message."""
    answer = client.post("/runs/add/", filled, follow=True)
    run = Run.objects.latest("pk")
    assert answer.redirect_chain == [(f"/runs/{run.pk}/", 302)]
    assert b"The run is in the log." in answer.content
    assert (run.employee, run.miles, run.pace) == (
        somebody,
        Decimal("6.20"),
        timedelta(minutes=8, seconds=45),
    )


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("employee", "0", "valid choice"),
        ("date", (date.today() + timedelta(days=2)).isoformat(), "in the future"),
        ("date", "yesterday", "valid date"),
        ("miles", "0", "greater than or equal to 0.1"),
        ("miles", "-3", "greater than or equal to 0.1"),
        ("miles", "151", "less than or equal to 150"),
        ("miles", "NaN", "Enter a number"),
        ("time", "0:05:00", "not a pace anybody runs"),
        ("time", "9:00:00", "not a pace anybody runs"),
        ("time", "-0:54:15", "not a pace anybody runs"),
        ("time", "soon", "valid duration"),
        ("calories", "20001", "less than or equal to 20000"),
        ("elevation", "-1", "greater than or equal to 0"),
        ("heart_rate", "300", "less than or equal to 230"),
        ("heart_rate", "", "required"),
    ],
)
def test_what_nobody_ran_is_refused(
    client: Client, filled: dict[str, str], field: str, value: str, message: str
) -> None:
    """A wrong value is told beside its field, and nothing is saved."""
    before = Run.objects.count()
    answer = client.post("/runs/add/", {**filled, field: value})
    assert answer.status_code == 200
    assert message in " ".join(answer.context["form"].errors[field])
    assert b'role="alert"' in answer.content
    assert Run.objects.count() == before


def test_a_form_from_elsewhere_is_refused(filled: dict[str, str]) -> None:
    """Without the CSRF token nothing is added."""
    assert Client(enforce_csrf_checks=True).post("/runs/add/", filled).status_code == 403
