"""Names of what is not there: metrics, labels, variables, boards, columns, data sources."""

from .planting import (
    CONTRACT,
    DURATION,
    SCHEMA,
    STAT,
    TABLE,
    TRAFFIC,
    VIEW,
    Mutant,
    board_put,
    linked,
    overridden_by,
    put,
    renamed,
    titled,
    typed,
)

MUTANTS = (
    Mutant(
        "a metric that is not there",
        typed(STAT, DURATION, "http_server_request_time_seconds"),
        (CONTRACT,),
    ),
    Mutant(
        "a metric's name without its suffix",
        typed(STAT, f"{DURATION}_count", DURATION),
        (CONTRACT, "lint: query"),
    ),
    Mutant(
        "a label that is not there, chosen by",
        typed(TRAFFIC, "{job", '{endpoint="x", job'),
        (CONTRACT,),
    ),
    Mutant(
        "a label that is not there, grouped by",
        typed(TABLE, "by (view)", "by (endpoint)"),
        (CONTRACT,),
    ),
    Mutant(
        "a label that is not there, in a legend",
        put(STAT, "targets", 0, "legendFormat", to="{{endpoint}}"),
        (CONTRACT,),
    ),
    Mutant(
        "a label that is not there, behind a variable",
        board_put("templating", "list", 2, "definition", to="label_values(djmetrics_build_info, site)"),
        ("contract: variables_list_labels_that_exist", "words: variables_are_asked_for"),
    ),
    Mutant("a variable that is not there", typed(STAT, "$job", "$jobs"), ("lint: variables_are_defined",)),
    Mutant(
        "a variable's format that is not there",
        linked("job:queryparam", "job:queryparams"),
        ("lint: links_lead_somewhere", "words: formats_of_variables"),
    ),
    Mutant(
        "a board that is not there, behind a link",
        linked("/d/djmetrics-view?", "/d/djmetrics-views?"),
        ("lint: links_lead_somewhere",),
    ),
    Mutant(
        "a link that forgets the time range",
        linked("${__url_time_range}&", ""),
        ("lint: links_lead_somewhere",),
    ),
    Mutant(
        "a link to a choice that the board has not got",
        linked("?${__url", "?var-vue=x&${__url"),
        ("lint: links_lead_somewhere",),
    ),
    Mutant(
        "a column that is not there, in a link",
        put(TABLE, "fieldConfig", "defaults", "links", to=[{"title": "x", "url": "/x/${__data.fields.Vue}"}]),
        ("lint: links_use_fields_that_are_there",),
    ),
    Mutant(
        "a column that is not there, said to be red",
        put(TABLE, "fieldConfig", "overrides", 0, "matcher", "options", to="Vue"),
        ("lint: overrides_and_columns_are_of_what_is_there",),
    ),
    Mutant(
        "a series that is not there, said to be dashed",
        overridden_by("Latency, now and a week ago", "A week ago"),
        ("meaning: overrides_name_a_series",),
        VIEW,
    ),
    Mutant(
        "a column that is not there, to sort by",
        put(TABLE, "options", "sortBy", 0, "displayName", to="Lode"),
        ("lint: overrides_and_columns_are_of_what_is_there",),
    ),
    Mutant(
        "a column that is not kept",
        lambda board: titled(board, TABLE)["transformations"][1]["options"]["include"]["names"].remove(
            "view"
        ),
        ("meaning: columns",),
    ),
    Mutant(
        "a column of a label that no query keeps",
        renamed(TABLE, "transformations", 2, "options", "renameByName", "view", to="endpoint"),
        ("meaning: columns",),
    ),
    Mutant(
        "columns in no order",
        put(TABLE, "transformations", 2, "options", "indexByName", to={}),
        ("meaning: columns",),
    ),
    Mutant(
        "a choice that is not there, to repeat a row by",
        put("$view", "repeat", to="views"),
        ("meaning: choices",),
        VIEW,
    ),
    Mutant(
        "a mark from a data source of one Grafana",
        board_put("annotations", "list", 0, "datasource", "uid", to="P1"),
        ("words: data_source_is_chosen",),
    ),
    Mutant(
        "a list of other boards by a tag that none has",
        board_put("links", 0, "tags", to=["djmetric"]),
        ("meaning: other_boards_are_listed",),
    ),
    Mutant(
        "a data source by its name",
        put(STAT, "datasource", to="Prometheus"),
        (
            "round trip: no_key_is_dropped",
            SCHEMA,
            "words: data_source_is_chosen",
        ),
    ),
    Mutant(
        "a data source of one Grafana",
        put(STAT, "targets", 0, "datasource", "uid", to="PBFA97CFB590B2093"),
        ("words: data_source_is_chosen",),
    ),
)
