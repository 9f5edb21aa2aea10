"""Mistakes in what is asked: in PromQL, TraceQL, and in how it is asked."""

from .planting import (
    ACTIVE,
    CONTRACT,
    DURATION,
    LATENCY,
    PERCENTILES,
    STAT,
    TABLE,
    TRAFFIC,
    VIEW,
    Mutant,
    board_put,
    put,
    titled,
    traced,
    typed,
)

MUTANTS = (
    Mutant(
        "a bracket too few",
        typed(STAT, "])", "]"),
        (CONTRACT, "lint: query", "meaning: units"),
    ),
    Mutant(
        "a function that PromQL has not got",
        typed(STAT, "sum(", "summe("),
        (CONTRACT, "lint: query", "meaning: units"),
    ),
    Mutant(
        "the sum of a range",
        typed(STAT, "rate(", "("),
        (CONTRACT, "lint: query", "meaning: units"),
    ),
    Mutant(
        "a counter without rate",
        lambda board: titled(board, STAT)["targets"][0].update(
            expr=f'sum({DURATION}_count{{job=~"$job", namespace=~"$namespace"}})'
        ),
        ("lint: query",),
    ),
    Mutant(
        "a rate of what is no counter",
        typed("Being served", ACTIVE, f"rate({ACTIVE}[$__rate_interval])"),
        ("lint: query",),
    ),
    Mutant(
        "a window as long as the range, at each point of a graph",
        typed(TRAFFIC, "$__rate_interval", "$__range"),
        ("meaning: windows",),
    ),
    Mutant("a query that is hidden", put(STAT, "targets", 0, "hide", to=True), ("meaning: windows",)),
    Mutant(
        "a heatmap whose bounds have no names",
        put(LATENCY, "targets", 0, "legendFormat", to=""),
        ("meaning: windows",),
    ),
    Mutant(
        "traces by an attribute that no span has",
        traced("span.django.view", "span.django.vue"),
        ("meaning: traces_are_asked_for_by_what_spans_have",),
        VIEW,
    ),
    Mutant(
        "traces with a bracket too few",
        traced("}", ""),
        ("meaning: traces_are_asked_for_by_what_spans_have",),
        VIEW,
    ),
    Mutant("a window of its own", typed(TRAFFIC, "$__rate_interval", "5m"), ("lint: query",)),
    Mutant(
        "a window for graphs, asked for one moment",
        put(STAT, "targets", 0, "instant", to=True),
        ("lint: query", "words: queries_have_the_shape_of_the_panel"),
    ),
    Mutant("irate", typed(TRAFFIC, "rate(", "irate("), ("lint: query",)),
    Mutant("a quantile without its buckets", typed(PERCENTILES, "by (le)", "by (view)"), ("lint: query",)),
    Mutant("all sites instead of the chosen", typed(STAT, 'job=~"$job", ', ""), ("lint: query",)),
    Mutant(
        "a placeholder that was left",
        typed(STAT, 'job=~"$job"', "<<site>>"),
        (CONTRACT, "lint: query", "meaning: units"),
    ),
    Mutant(
        "braces that the builder took",
        put(TRAFFIC, "targets", 0, "legendFormat", to="{http_response_status_code}"),
        ("lint: legend_has_its_braces", "meaning: overrides_name_a_series"),
    ),
    Mutant(
        "exemplars of what has none",
        put(STAT, "targets", 0, "exemplar", to=True),
        ("lint: latency_has_exemplars",),
    ),
    Mutant(
        "a heatmap without its dots",
        put(LATENCY, "targets", 0, "exemplar", to=False),
        ("lint: latency_has_exemplars",),
    ),
    Mutant(
        "a heatmap that gets lines",
        put(LATENCY, "targets", 0, "format", to="time_series"),
        ("words: queries_have_the_shape_of_the_panel",),
    ),
    Mutant(
        "a format that is not there",
        put(TABLE, "targets", 0, "format", to="tabel"),
        ("words: queries_have_the_shape_of_the_panel",),
    ),
    Mutant(
        "a mark that asks for nothing",
        board_put("annotations", "list", 0, "target", "expr", to="djmetrics_built"),
        (CONTRACT, "lint: query"),
    ),
)
