"""Distances in four units, and durations as runners read them.

Miles are what the log stores. The others follow from the international mile of 1959: 1.609344 km exactly,
1,760 yards, 5,280 feet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal


@dataclass(frozen=True)
class Unit:
    """One unit of distance: how many of it make a mile, and how many decimals are worth showing."""

    name: str
    symbol: str
    per_mile: Decimal
    decimals: int


UNITS: Mapping[str, Unit] = {
    "mi": Unit("miles", "mi", Decimal(1), 2),
    "km": Unit("kilometres", "km", Decimal("1.609344"), 2),
    "yd": Unit("yards", "yd", Decimal(1760), 0),
    "ft": Unit("feet", "ft", Decimal(5280), 0),
}
DEFAULT = "mi"


def convert(value: Decimal | float, source: str, target: str) -> Decimal:
    """``value`` of unit ``source`` in unit ``target``; KeyError for a unit that is not in ``UNITS``."""
    return Decimal(str(value)) / UNITS[source].per_mile * UNITS[target].per_mile


def show(miles: Decimal | float | None, unit: str = DEFAULT) -> str:
    """A distance in miles as text in ``unit``: ``5,280 ft``. Nothing run is a dash."""
    if miles is None:
        return "-"
    shown = UNITS[unit]
    return f"{convert(miles, 'mi', unit):,.{shown.decimals}f} {shown.symbol}"


def pace(time: timedelta, miles: Decimal | float) -> timedelta:
    """Time per mile, to the second; ZeroDivisionError when no distance was run."""
    return timedelta(seconds=round(time.total_seconds() / float(miles)))


def pace_in(per_mile: timedelta | None, unit: str = DEFAULT) -> str:
    """A pace per mile as text: per kilometre for ``km``, else per mile, for nobody runs by the yard."""
    if per_mile is None:
        return "-"
    if unit != "km":
        return f"{clock(per_mile)} /mi"
    return f"{clock(per_mile / float(UNITS['km'].per_mile))} /km"


def clock(time: timedelta | None) -> str:
    """A duration as ``1:02:03`` or ``7:45``, rounded to the second."""
    if time is None:
        return "-"
    minutes, seconds = divmod(round(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
