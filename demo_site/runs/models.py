"""Employees and their runs."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse

from . import units


class Employee(models.Model):
    """Somebody who runs."""

    name = models.CharField(max_length=60, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    team = models.CharField(max_length=30)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The page of this employee."""
        return reverse("runs:employee", args=[self.slug])


class Run(models.Model):
    """One run. ``pace``, the time per mile, follows from the time and the miles whenever a run is saved."""

    employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="runs")
    date = models.DateField(db_index=True)
    miles = models.DecimalField(
        max_digits=6, decimal_places=2, validators=[MinValueValidator(0.1), MaxValueValidator(150)]
    )
    time = models.DurationField(help_text="Hours, minutes and seconds: 0:45:30.")
    pace = models.DurationField(editable=False)
    calories = models.PositiveIntegerField(validators=[MaxValueValidator(20_000)])
    elevation = models.PositiveIntegerField("elevation gain", help_text="In feet.")
    heart_rate = models.PositiveSmallIntegerField(
        help_text="Average beats per minute.", validators=[MinValueValidator(40), MaxValueValidator(230)]
    )

    class Meta:
        ordering = ["-date", "-pk"]

    def __str__(self) -> str:
        return f"{self.employee_id} on {self.date}: {units.show(self.miles)}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the run with the pace that belongs to its time and miles."""
        self.pace = units.pace(self.time, self.miles)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """The page of this run."""
        return reverse("runs:detail", args=[self.pk])
