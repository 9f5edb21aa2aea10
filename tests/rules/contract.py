"""A query of a rule or a runbook, held against the catalogue: each series and each label in it exists."""

from tests.docs_pages import names_of_metrics
from tests.grafana import promql
from tests.grafana.test_contract import FOREIGN, SCRAPED, labels_of, parsed

from .recorded import recorded_series


def check(query: str) -> set[str]:
    """The labels that the query may end up with. Raises ``AssertionError`` where it names what does not exist."""
    tree = parsed(query)
    found = promql.selectors(tree)
    assert {each.name for each in found} <= names_of_metrics() | set(FOREIGN) | set(recorded_series()), query
    known: set[str] = set()
    for selector in found:
        has = labels_of(selector.name)
        assert {matcher.name for matcher in selector.matchers.matchers} <= has, (query, selector.name)
        known |= has
    assert promql.labels_of_modifiers(tree) <= known | SCRAPED, query
    return known
