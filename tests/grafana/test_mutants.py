"""The checks of this folder find mistakes: many are planted, one at a time, and each is found by those that should."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any
from urllib.error import HTTPError

import pytest

from djmetrics.grafana.options import panels

from ..components.fixtures import need
from . import (
    test_arithmetic,
    test_contract,
    test_lint,
    test_meaning,
    test_round_trip,
    test_schema,
    test_sentry,
    test_words,
)
from .boards import BOARDS, queries
from .mutants import MUTANTS, WRONG
from .mutants.planting import Mutant
from .test_arithmetic import told  # noqa: F401 (a fixture)

pytestmark = [
    pytest.mark.filterwarnings("ignore:Prefer using dashboardv2"),
    pytest.mark.once,
    pytest.mark.unmeasured,
]

MODULES = {
    "lint": test_lint,
    "words": test_words,
    "meaning": test_meaning,
    "contract": test_contract,
    "sentry": test_sentry,
    "schema": test_schema,
    "round trip": test_round_trip,
}

TAKEN = {("uid",), ("query",), ("board", "panel")}
"""What the tests of these modules are called with."""


def checks() -> Iterator[tuple[str, Callable[..., Any], tuple[str, ...]]]:
    """Each test of a board, of its panels or of its queries: the name of its kind, the test, what it takes."""
    for kind, module in MODULES.items():
        for name, test in vars(module).items():
            marks = [each for each in getattr(test, "pytestmark", ()) if each.name == "parametrize"]
            takes = tuple(each.strip() for each in marks[0].args[0].split(",")) if marks else ()
            if name.startswith("test_") and test.__module__ == module.__name__ and takes in TAKEN:
                yield kind, test, takes


CHECKS = list(checks())


def cases(uid: str, takes: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """What a test is called with for one board."""
    board = BOARDS[uid]
    if takes == ("uid",):
        return [(uid,)]
    if takes == ("query",):
        return [(each,) for each in queries(board)]
    return [(board, each) for each in panels(board) if each["type"] != "row"]


def found(uid: str) -> set[str]:
    """The checks that a board does not pass."""
    failed = set()
    for kind, test, takes in CHECKS:
        try:
            for case in cases(uid, takes):
                test(*case)
        except Exception:
            failed.add(f"{kind}: {test.__name__.removeprefix('test_')}")
    return failed


@pytest.fixture(autouse=True)
def installed() -> None:
    for module in ("grafana_foundation_sdk", "jsonschema", "promql_parser"):
        need(module, "test")


@pytest.mark.parametrize("uid", sorted({mutant.board for mutant in MUTANTS}))
def test_without_a_mistake_nothing_is_found(uid: str) -> None:
    """The checks pass, and there are many."""
    assert found(uid) == set()
    assert {kind for kind, _, _ in CHECKS} == set(MODULES)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_mistake_is_found(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the checks that it names, at least."""
    board = deepcopy(BOARDS[mutant.board])
    mutant.plant(board)
    assert json.dumps(board) != json.dumps(BOARDS[mutant.board])
    monkeypatch.setitem(BOARDS, mutant.board, board)
    assert set(mutant.found_by) <= found(mutant.board)
    assert mutant.found_by


@pytest.mark.parametrize("mutant", WRONG, ids=lambda mutant: mutant.what)
def test_wrong_figure_is_found(mutant: Mutant, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """What no look at a query can tell: it is asked of a Prometheus, and its figure is another."""
    board = deepcopy(BOARDS[mutant.board])
    mutant.plant(board)
    monkeypatch.setitem(BOARDS, mutant.board, board)
    assert found(mutant.board) == set(), "found without a Prometheus"
    for name in mutant.found_by:
        with pytest.raises((AssertionError, ValueError, HTTPError)):
            getattr(test_arithmetic, f"test_{name}")(told)
