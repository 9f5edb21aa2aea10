"""Shipped boards fitted to a site: its labels, its data sources, with and without traces and Sentry."""

import json
from dataclasses import replace

import pytest

from djmetrics.grafana import promql
from djmetrics.grafana.options import Options, fitted, panels

from ..components.fixtures import need
from .boards import BOARDS, Json, queries
from .test_lint import strings
from .test_round_trip import lost, round_trip, without_empty

pytestmark = pytest.mark.filterwarnings("ignore:Prefer using dashboardv2")

PLAIN = Options()
FULL = Options(
    job="service",
    namespace="",
    prometheus="Mimir",
    traces="jaeger",
    traces_name="Jaeger",
    service="shop",
    sentry_url="https://my-org.sentry.io/",
    tags=("team-shop", "djmetrics"),
)
CHOICES = {
    "plain": PLAIN,
    "full": FULL,
    "tempo": replace(FULL, traces="tempo", namespace="k8s_namespace_name"),
}


def of_type(board: Json, kind: str) -> list[Json]:
    return [each for each in panels(board) if each.get("datasource", {}).get("type") == kind]


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("uid", BOARDS)
def test_fitted_board_is_sound(uid: str, choice: str) -> None:
    """Whatever is chosen: queries parse, variables are defined, rows are not empty, and Grafana knows every key."""
    need("promql_parser", "test")
    import promql_parser

    board = fitted(BOARDS[uid], CHOICES[choice])
    for query in queries(board):
        promql_parser.parse(query.asked())
    names = {each["name"] for each in board["templating"]["list"]}
    for name in ("namespace", "sentry_url", "tempo_datasource"):
        if name not in names:
            assert not [text for text in strings(board) if f"${name}" in text or f"${{{name}" in text]
    rows = [number for number, each in enumerate(board["panels"]) if each["type"] == "row"]
    assert all(one + 1 < other for one, other in zip(rows, [*rows[1:], len(board["panels"])], strict=True))
    # The types know no query of Jaeger's.
    jaeger = of_type(board, "jaeger")
    known = {**board, "panels": [each for each in board["panels"] if each not in jaeger]}
    assert lost(without_empty(known), round_trip(known)) == []


def test_board_itself_is_left_alone() -> None:
    """Fitting makes a copy."""
    before = json.dumps(BOARDS["djmetrics-view"])
    fitted(BOARDS["djmetrics-view"], FULL)
    assert json.dumps(BOARDS["djmetrics-view"]) == before


@pytest.mark.parametrize("uid", BOARDS)
def test_labels_are_renamed_and_left_out(uid: str) -> None:
    """The site's label has the name that it was given, everywhere; a label that is not there stands nowhere."""
    board = fitted(BOARDS[uid], FULL)
    columns = [panel["transformations"] for panel in panels(board) if "transformations" in panel]
    assert '"job"' not in json.dumps(columns)
    had = any('"job"' in json.dumps(panel.get("transformations", [])) for panel in panels(BOARDS[uid]))
    assert ('"service"' in json.dumps(columns)) == had
    text = json.dumps(board)
    assert r"service=~\"$job\"" in text
    assert r"job=~" not in text
    assert "{{job}}" not in text
    assert "namespace" not in text


def test_without_traces_nothing_leads_to_them() -> None:
    """No row of traces, no variable, no exemplars."""
    board = fitted(BOARDS["djmetrics-view"], PLAIN)
    assert of_type(board, "tempo") == []
    assert "Traces" not in [each["title"] for each in board["panels"]]
    assert not any(target.get("exemplar") for panel in panels(board) for target in panel.get("targets", ()))


def test_jaeger_is_asked_in_its_own_way() -> None:
    """Jaeger knows no TraceQL: it is asked by service, by tags and by duration."""
    slow, failed = (each["targets"][0] for each in of_type(fitted(BOARDS["djmetrics-view"], FULL), "jaeger"))
    assert (slow["queryType"], slow["service"], slow["minDuration"]) == ("search", "shop", "500ms")
    assert (failed["tags"], "minDuration" in failed) == ("error=true", False)


def test_tempo_stays_as_it_ships() -> None:
    """The shipped boards speak TraceQL."""
    board = fitted(BOARDS["djmetrics-view"], CHOICES["tempo"])
    assert len(of_type(board, "tempo")) == 2
    assert any(target.get("exemplar") for panel in panels(board) for target in panel.get("targets", ()))


def test_links_to_sentry_come_with_its_address() -> None:
    """Without an address there is no link that leads nowhere."""
    without = json.dumps(fitted(BOARDS["djmetrics-errors"], PLAIN))
    assert "Sentry" not in without.replace("issues in Sentry.", "")
    board = fitted(BOARDS["djmetrics-errors"], FULL)
    [constant] = [each for each in board["templating"]["list"] if each["name"] == "sentry_url"]
    assert constant["query"] == "https://my-org.sentry.io"
    assert "${sentry_url}/issues/?query=transaction:%22" in json.dumps(board)


def test_no_link_leads_to_a_board_that_is_left_out() -> None:
    """Links to it go with it."""
    board = fitted(BOARDS["djmetrics-overview"], Options(without=("djmetrics-errors",)))
    assert "/d/djmetrics-errors" not in json.dumps(board)
    assert "/d/djmetrics-view" in json.dumps(board)


def test_data_source_and_tags() -> None:
    """The data source is chosen by its name; tags are added once."""
    board = fitted(BOARDS["djmetrics-overview"], FULL)
    assert board["tags"] == ["djmetrics", "team-shop"]
    assert board["templating"]["list"][0]["current"]["text"] == "Mimir"


@pytest.mark.parametrize(
    "query, expected",
    [
        ('up{job=~"$job"}', 'up{app=~"$job"}'),
        ('up{a="job", job=~"${job:regex}"}', 'up{a="job", app=~"${job:regex}"}'),
        ("sum by (job, jobs) (job_total)", "sum by (app, jobs) (job_total)"),
        ("label_values(up, job)", "label_values(up, app)"),
        (r'x{a="\"job"} * on (job) y', r'x{a="\"job"} * on (app) y'),
    ],
)
def test_renamed(query: str, expected: str) -> None:
    """Labels only: neither texts, nor variables, nor longer names."""
    assert promql.renamed(query, {"job": "app"}) == expected


@pytest.mark.parametrize(
    "query, expected",
    [
        ('up{job=~"$job", namespace=~"$namespace"}', 'up{job=~"$job"}'),
        ('up{namespace=~"$namespace", job=~"$job"}', 'up{job=~"$job"}'),
        ('label_values(up{namespace=~"$namespace"}, job)', "label_values(up, job)"),
        ("x * on (job, namespace, instance) y", "x * on (job, instance) y"),
        ("sum by (namespace, job) (x)", "sum by (job) (x)"),
        ("sum by (job, namespace) (x)", "sum by (job) (x)"),
    ],
)
def test_without(query: str, expected: str) -> None:
    """A label goes with its comma."""
    assert promql.without(query, "namespace", "namespace") == expected
