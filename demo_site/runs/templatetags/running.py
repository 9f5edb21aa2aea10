"""Template filters for distances, paces and durations."""

from datetime import timedelta
from decimal import Decimal

from django import template
from django.utils.dates import MONTHS

from .. import units

register = template.Library()
register.filter("clock", units.clock)


@register.filter
def distance(miles: Decimal | float | None, unit: str = units.DEFAULT) -> str:
    """``{{ run.miles|distance:"km" }}`` gives ``16.09 km``."""
    return units.show(miles, unit)


@register.filter
def pace(per_mile: timedelta | None, unit: str = units.DEFAULT) -> str:
    """``{{ run.pace|pace:"km" }}`` gives ``4:49 /km``."""
    return units.pace_in(per_mile, unit)


@register.inclusion_tag("runs/_runs.html")
def runs_table(runs: object, unit: str, employee: bool = True) -> dict[str, object]:
    """A table of runs; without the employee's column where all runs are one person's."""
    return {"runs": runs, "unit": unit, "employee": employee}


@register.filter
def month_name(month: int) -> str:
    """``{{ 1|month_name }}`` gives ``January``."""
    return str(MONTHS[month])
