"""Words and keys that Grafana does not know, and what a board of ours must be."""

from .planting import (
    DEFAULTS,
    SCHEMA,
    STAT,
    TABLE,
    TRAFFIC,
    TYPES,
    Mutant,
    board_put,
    drop,
    overridden,
    put,
    renamed,
)

MUTANTS = (
    Mutant(
        "a key of the old boards",
        board_put("rows", to=[]),
        TYPES,
    ),
    Mutant(
        "a key of the old panels",
        put(STAT, "span", to=4),
        TYPES,
    ),
    Mutant(
        "a misspelt option",
        renamed(TRAFFIC, "options", "legend", to="legned"),
        TYPES,
    ),
    Mutant(
        "a misspelt default",
        renamed(STAT, *DEFAULTS, "unit", to="unti"),
        ("lint: panel", *TYPES),
    ),
    Mutant(
        "a misspelt key of a query",
        renamed(STAT, "targets", 0, "legendFormat", to="legend"),
        ("meaning: overrides_name_a_series", "round trip: no_key_is_dropped"),
    ),
    Mutant(
        "a style of drawing that is not there",
        put(TRAFFIC, *DEFAULTS, "custom", "drawStyle", to="lines"),
        (SCHEMA,),
    ),
    Mutant(
        "a way to colour that is not there",
        put(TRAFFIC, *DEFAULTS, "color", "mode", to="palette"),
        (SCHEMA,),
    ),
    Mutant(
        "bounds that do not say of what",
        drop(STAT, *DEFAULTS, "thresholds", "mode"),
        (SCHEMA,),
    ),
    Mutant(
        "a step that is not there", put(TABLE, "transformations", 0, "id", to="mergeAll"), ("lint: panel",)
    ),
    Mutant(
        "a misspelt key of a step",
        renamed(TABLE, "transformations", 2, "options", "renameByName", to="rename"),
        (
            "lint: links_use_fields_that_are_there",
            "lint: overrides_and_columns_are_of_what_is_there",
            "meaning: columns",
            "meaning: units",
        ),
    ),
    Mutant(
        "a calculation that is not there",
        put(STAT, "options", "reduceOptions", "calcs", to=["lastNonNull"]),
        ("words: calculations",),
    ),
    Mutant(
        "a misspelt property of some fields",
        overridden(TRAFFIC, "custom.fillOpactiy", 10),
        ("words: overrides",),
    ),
    Mutant(
        "a property of some fields that is no property",
        overridden(TRAFFIC, "colour", {"mode": "fixed"}),
        ("words: overrides",),
    ),
    Mutant(
        "a cell that is drawn in a way that is not there",
        overridden(TABLE, "custom.cellOptions", {"type": "gage"}),
        ("words: overrides",),
    ),
    Mutant(
        "a value's text of a kind that is not there",
        put("Up", *DEFAULTS, "mappings", 0, "type", to="values"),
        TYPES,
        "djmetrics-runtime",
    ),
    Mutant(
        "names by a pattern that is none",
        put(TRAFFIC, "fieldConfig", "overrides", 0, "matcher", to={"id": "byRegexp", "options": "(4.."}),
        ("words: overrides",),
    ),
    Mutant(
        "names chosen in a way that is not there",
        put(TRAFFIC, "fieldConfig", "overrides", 0, "matcher", "id", to="byname"),
        ("words: overrides",),
    ),
    Mutant(
        "a choice of all that chooses nothing",
        board_put("templating", "list", 2, "allValue", to=""),
        ("meaning: choices",),
    ),
    Mutant(
        "a choice without a label", board_put("templating", "list", 2, "label", to=""), ("meaning: choices",)
    ),
    Mutant(
        "a time that Grafana does not understand",
        board_put("time", "from", to="now-1hour"),
        ("words: times",),
    ),
    Mutant("a schema of former times", board_put("schemaVersion", to=36), ("lint: board",)),
    Mutant("a board that its users may change", board_put("editable", to=True), ("lint: board",)),
    Mutant("a board without its question", board_put("description", to="Users."), ("lint: board",)),
    Mutant(
        "a variable that asks for something else than it says",
        board_put("templating", "list", 2, "query", "query", to="label_values(up, job)"),
        ("words: variables_are_asked_for",),
    ),
    Mutant(
        "a variable that is never asked for again",
        board_put("templating", "list", 2, "refresh", to=0),
        ("words: variables_are_asked_for",),
    ),
)
