"""Mistakes in queries that are sound in all but what they say; by the test of the arithmetic that finds them."""

from .planting import ERRORS, RELEASES, SITE, TABLE, Mutant, board_put, typed

COST = "Views that cost more or less"
RATIOS = "releases_are_compared_over_the_time_at_which_they_ran"
MUTANTS = (
    Mutant("two releases confused", typed(COST, "$baseline", "$release"), (RATIOS,), "djmetrics-efficiency"),
    Mutant(
        "a division upside down", typed(COST, "))\n/ (sum", "))\n* (sum"), (RATIOS,), "djmetrics-efficiency"
    ),
    Mutant("a change without the difference", typed(COST, " - 1", ""), (RATIOS,), "djmetrics-efficiency"),
    Mutant(
        "the whole range instead of the release's time",
        typed("Views that got slower or faster", ', release="$release"', ""),
        (RATIOS,),
        RELEASES,
    ),
    Mutant(
        "a label that the join does not bring",
        typed("Exceptions, by release", "group_left (release)", "group_left ()"),
        ("exceptions_are_those_of_the_release_that_raised_them",),
        "djmetrics-errors",
    ),
    Mutant(
        "a week without its offset",
        typed("New exceptions", " offset 1w", ""),
        ("new_exceptions_are_those_that_were_not_there_a_week_ago",),
        "djmetrics-errors",
    ),
    Mutant(
        "a change against a week ago without the difference",
        typed(TABLE, "\n- 1", ""),
        ("change_against_a_week_ago",),
    ),
    Mutant(
        "no errors that are no value",
        typed(ERRORS, "or 0 *", "and 0 *"),
        ("errors_are_zero_where_there_are_none",),
    ),
    Mutant(
        "a share of what failed instead of what did not",
        typed("Requests without an error", "1 - (", "("),
        ("errors_are_zero_where_there_are_none",),
    ),
    Mutant(
        "a mark that never ends",
        board_put(
            "annotations",
            "list",
            0,
            "target",
            "expr",
            to=f"max by (job, release) (djmetrics_build_info{SITE})",
        ),
        ("deploy_is_marked_once",),
    ),
)
