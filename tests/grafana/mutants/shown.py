"""Mistakes in what panels show: place, title, unit, bounds."""

from .planting import DEFAULTS, ERRORS, SCHEMA, STAT, STEPS, TABLE, Mutant, drop, overridden, put

MUTANTS = (
    Mutant(
        "two panels in one place",
        put(ERRORS, "gridPos", "x", to=0),
        ("lint: panels_stand_beside_each_other",),
    ),
    Mutant(
        "a panel beyond the last column",
        put(TABLE, "gridPos", "w", to=25),
        ("lint: panels_stand_beside_each_other",),
    ),
    Mutant(
        "a width that is a text",
        put(TABLE, "gridPos", "w", to="24"),
        ("lint: panels_stand_beside_each_other", SCHEMA),
    ),
    Mutant("two panels with one number", put(STAT, "id", to=1), ("lint: board",)),
    Mutant("two panels with one title", put(STAT, "title", to=ERRORS), ("lint: board",)),
    Mutant("a panel without a description", put(STAT, "description", to=""), ("lint: panel",)),
    Mutant("a panel without a unit", drop(STAT, *DEFAULTS, "unit"), ("lint: panel",)),
    Mutant("a unit that is not there", put(STAT, *DEFAULTS, "unit", to="requests"), ("lint: panel",)),
    Mutant("seconds as milliseconds", put("p95 latency", *DEFAULTS, "unit", to="ms"), ("meaning: units",)),
    Mutant(
        "a share of one as a percentage", put(ERRORS, *DEFAULTS, "unit", to="percent"), ("meaning: units",)
    ),
    Mutant(
        "a unit that is not there, of some fields", overridden(TABLE, "unit", "requests"), ("lint: panel",)
    ),
    Mutant(
        "letters of queries in another order",
        put(TABLE, "targets", 1, "refId", to="C"),
        ("lint: overrides_and_columns_are_of_what_is_there", "lint: panel"),
    ),
    Mutant(
        "a panel without height", put(STAT, "gridPos", "h", to=0), ("lint: panels_stand_beside_each_other",)
    ),
    Mutant("a panel without queries", put(STAT, "targets", to=[]), ("lint: panel",)),
    Mutant(
        "bounds in another order", put(STAT, *DEFAULTS, "thresholds", "steps", to=STEPS), ("lint: panel",)
    ),
    Mutant(
        "bounds without a beginning",
        put(STAT, *DEFAULTS, "thresholds", "steps", to=[{"color": "red", "value": 1}]),
        ("lint: panel",),
    ),
    Mutant("a row without its list of panels", drop("Now", "panels"), (SCHEMA,)),
    Mutant(
        "a panel of a type that is not there",
        put(STAT, "type", to="statistic"),
        (SCHEMA,),
    ),
    Mutant("a panel outside of any row", lambda board: board["panels"].pop(0), ("lint: board",)),
)
