"""Rules and catalogue agree: each name in a rule exists, and so does each label that a text shows."""

import re
from typing import Any

import pytest
from prometheus_client.utils import floatToGoString

from djmetrics.catalogue import REQUEST_DURATION
from djmetrics.grafana.shipped import boards
from djmetrics.objectives import Objective
from djmetrics.rules.objectives import recordings
from djmetrics.rules.options import Options
from tests.grafana import promql
from tests.grafana.test_contract import parsed

from .contract import check
from .recorded import rules

pytestmark = pytest.mark.once

RULES = [
    pytest.param(rule, id=f"{number}:{rule.get('record') or rule['alert']}")
    for number, rule in enumerate(rules())
]


@pytest.mark.parametrize("rule", RULES)
def test_rule_names_what_exists(rule: dict[str, Any]) -> None:
    """Series, labels in selectors, in groups and joins, and those that a text shows."""
    known = check(rule["expr"])
    for text in rule.get("annotations", {}).values():
        # A rule's own labels are not in `$labels`, but for those that its query carries.
        shown = set(re.findall(r"\$labels\.(\w+)", text))
        assert shown <= known, text


@pytest.mark.parametrize("rule", [each for each in RULES if "alert" in each.values[0]])
def test_link_leads_to_a_board_and_its_variables(rule: dict[str, Any]) -> None:
    """The board ships, and has each variable that the link sets."""
    match = re.fullmatch(r"http://localhost:3000/d/([\w-]+)\?(.+)", rule["annotations"]["dashboard_url"])
    assert match
    variables = {each["name"] for each in boards()[match[1]]["templating"]["list"]}
    assert {part.partition("=")[0].removeprefix("var-") for part in match[2].split("&")} <= variables


def test_rules_can_be_held_to_a_job() -> None:
    """With a job every selector asks for it: a rule that forgot it would tell of other sites."""
    held = rules(Options(site="shop"))
    for each in held:
        for selector in promql.selectors(parsed(each["expr"])):
            assert ("job", "shop") in {(m.name, m.value) for m in selector.matchers.matchers}, each["expr"]
    assert len(held) == len(RULES)


def test_bound_is_written_as_on_the_page() -> None:
    """A latency is looked for under the very text that the metrics page gives its bucket."""
    own = (1e-07, 1, 999999.5, 1e6, 1234567.5, 2e7, 1e15)
    for bound in (*REQUEST_DURATION.buckets, *own):
        slo = Objective(objective=0.9, latency=bound)
        assert f'le="{floatToGoString(bound)}"' in recordings("fast", slo, Options())[1]["expr"]
