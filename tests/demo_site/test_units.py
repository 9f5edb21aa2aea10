"""Distances, paces and durations."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import units

miles = st.decimals("0.01", 9999, places=2)
names = st.sampled_from(sorted(units.UNITS))


@given(miles, names, names)
def test_there_and_back_again(value: Decimal, source: str, target: str) -> None:
    """A distance converted to any unit and back is the same distance."""
    back = units.convert(units.convert(value, source, target), target, source)
    assert abs(back - value) < Decimal("1e-18") * value


@given(miles)
def test_units_follow_from_the_inch(value: Decimal) -> None:
    """All units agree with the definition they share: an inch is 25.4 mm, a foot 12 inches, a yard 3 feet."""
    millimetres = Fraction(value) * 5280 * 12 * Fraction(254, 10)
    for name, of in {"km": 10**6, "ft": 12 * Fraction(254, 10), "yd": 36 * Fraction(254, 10)}.items():
        assert abs(Fraction(units.convert(value, "mi", name)) - millimetres / of) < Fraction(1, 10**9)


@pytest.mark.parametrize(
    "unit, text", [("mi", "26.22 mi"), ("km", "42.20 km"), ("yd", "46,147 yd"), ("ft", "138,442 ft")]
)
def test_a_marathon(unit: str, text: str) -> None:
    """Distances are shown with the decimals that make sense in their unit."""
    assert units.show(Decimal("26.22"), unit) == text


def test_an_unknown_unit_is_an_error() -> None:
    """A unit that does not exist is not taken for another."""
    with pytest.raises(KeyError):
        units.convert(1, "mi", "parsec")


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (465, "7:45"), (3599.5, "1:00:00"), (36061, "10:01:01")],
)
def test_a_clock(seconds: float, text: str) -> None:
    """Durations read like a stopwatch, rounded to the second."""
    assert units.clock(timedelta(seconds=seconds)) == text


@given(st.integers(0, 10**7))
def test_a_clock_can_be_read_back(seconds: int) -> None:
    """No two whole seconds look the same."""
    parts = [int(part) for part in units.clock(timedelta(seconds=seconds)).split(":")]
    assert sum(part * 60**place for place, part in enumerate(reversed(parts))) == seconds
    assert all(part < 60 for part in parts[1:])


@given(st.integers(60, 10**5), miles)
def test_a_pace_times_the_miles_is_the_time(seconds: int, distance: Decimal) -> None:
    """The pace is the time per mile, right to half a second a mile."""
    pace = units.pace(timedelta(seconds=seconds), distance)
    assert abs(pace.total_seconds() * float(distance) - seconds) <= 0.5 * float(distance) + 1e-6


def test_a_pace_in_kilometres() -> None:
    """Who reads kilometres reads the pace per kilometre; for all others it is per mile."""
    eight = timedelta(minutes=8)
    assert [units.pace_in(eight, unit) for unit in ("km", "mi", "yd")] == ["4:58 /km", "8:00 /mi", "8:00 /mi"]


def test_nothing_is_a_dash() -> None:
    """Who never ran has no distance and no pace."""
    assert (units.show(None), units.clock(None), units.pace_in(None)) == ("-", "-", "-")
