"""The form to add a run."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from . import units
from .models import Run

FASTEST = timedelta(minutes=3, seconds=30)
SLOWEST = timedelta(minutes=60)


class Styled:
    """A form whose fields look like Bootstrap's."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            look = "form-select" if isinstance(field.widget, forms.Select) else "form-control"
            field.widget.attrs.setdefault("class", look)


class LoginForm(Styled, AuthenticationForm):
    """Django's own login form, styled."""


class RunForm(Styled, forms.ModelForm):
    """A run, checked for what nobody can have run."""

    class Meta:
        model = Run
        fields = ["employee", "date", "miles", "time", "calories", "elevation", "heart_rate"]
        widgets = {"date": forms.DateInput(attrs={"type": "date"})}

    def clean_date(self) -> date:
        """A run lies in the past."""
        day: date = self.cleaned_data["date"]
        if day > date.today():
            raise forms.ValidationError("A run in the future has not been run yet.")
        return day

    def clean(self) -> dict[str, Any]:
        """Time and miles together are a pace that a human being can run."""
        cleaned = super().clean() or self.cleaned_data
        time, miles = cleaned.get("time"), cleaned.get("miles")
        if time is not None and miles and not FASTEST <= units.pace(time, miles) <= SLOWEST:
            self.add_error("time", "That is not a pace anybody runs: between 3:30 and 60:00 a mile.")
        return cleaned
