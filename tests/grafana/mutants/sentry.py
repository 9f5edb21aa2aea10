"""Mistakes in what Sentry is asked."""

from .planting import Mutant, board_put, drop, put, renamed

BOARD = "djmetrics-errors-sentry"
ISSUES, EVENTS, STATS = "Unresolved issues", "Error events, by view and release", "Error events, by release"
QUERIES, COLUMNS = ("sentry: queries_are_the_plugins",), ("sentry: columns_are_the_plugins",)

MUTANTS = (
    Mutant(
        "a kind of query that Sentry has not got",
        put(ISSUES, "targets", 0, "queryType", to="issue"),
        QUERIES,
        BOARD,
    ),
    Mutant(
        "a misspelt key of a query for issues",
        renamed(ISSUES, "targets", 0, "issuesQuery", to="query"),
        QUERIES,
        BOARD,
    ),
    Mutant(
        "an order that Sentry has not got",
        put(ISSUES, "targets", 0, "issuesSort", to="frequency"),
        QUERIES,
        BOARD,
    ),
    Mutant("more events than Sentry gives", put(EVENTS, "targets", 0, "eventsLimit", to=500), QUERIES, BOARD),
    Mutant("a project of one Sentry", put(STATS, "targets", 0, "projectIds", to=["4509"]), QUERIES, BOARD),
    Mutant(
        "a tag that no event of ours has",
        put(ISSUES, "targets", 0, "issuesQuery", to="has:alert"),
        QUERIES,
        BOARD,
    ),
    Mutant("a number over time of nothing", drop(STATS, "targets", 0, "eventsStatsYAxis"), QUERIES, BOARD),
    Mutant(
        "a column that issues have not got",
        renamed(ISSUES, "transformations", 2, "options", "renameByName", "Title", to="Name"),
        COLUMNS,
        BOARD,
    ),
    Mutant(
        "a column of events that is not asked for",
        put(EVENTS, "targets", 0, "eventsFields", to=["transaction", "count()"]),
        COLUMNS,
        BOARD,
    ),
    Mutant(
        "environments of all projects",
        board_put("templating", "list", 5, "query", to={"type": "environments"}),
        ("sentry: variables_are_the_plugins",),
        BOARD,
    ),
)
