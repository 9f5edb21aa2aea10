"""The comparison itself: what counts as a difference, and what is no proof."""

from pathlib import Path

import pytest

from .compare import Difference, Verdict, suspects
from .report import Comparison
from .run import Outcome, Run

LOG = Path(__file__)


def outcome(result: str, **more: object) -> Outcome:
    return Outcome("asgi.tests.A.test_one", result, "", 0.1, **more)


def run(*outcomes: Outcome, mode: str = "plain", exit_code: int = 0) -> Run:
    return Run(mode, {each.id: each for each in outcomes}, exit_code, 1.0, LOG)


@pytest.mark.parametrize(
    "plain, with_djmetrics, suspected",
    [
        ("passed", "passed", False),
        ("passed", "failed", True),
        ("passed", "error", True),
        ("passed", "skipped", True),
        ("expected failure", "unexpected success", True),
        ("skipped", "skipped", False),
        ("skipped", "failed", True),
        ("failed", "failed", False),
        ("failed", "error", False),
        ("failed", "passed", False),
    ],
)
def test_a_test_that_ended_worse_is_suspected(plain, with_djmetrics, suspected):
    """Failing or being skipped only with djmetrics is a difference; failing in both is not."""
    found = suspects(run(outcome(plain)), run(outcome(with_djmetrics)))

    assert bool(found) is suspected


def test_a_test_that_vanished_is_suspected():
    """A test that plain Django ran and that never ended with djmetrics is a difference."""
    found = suspects(run(outcome("passed")), run())

    assert [each.outcome for each in found] == ["absent"]


def test_a_class_that_fails_to_set_up_with_djmetrics_is_suspected():
    """An error in setUpClass has no test of its own; it is a difference of the class."""
    broken = Outcome("setUpClass (asgi.tests.A)", "error", "", 0.0)

    found = suspects(run(outcome("passed")), run(outcome("passed"), broken))

    assert [(each.label, each.package) for each in found] == [("asgi.tests.A", "asgi")]


def proof(**more: object) -> Run:
    return run(outcome("passed", seen={"record:request": 1}, **more), mode="djmetrics")


def test_a_clean_comparison_has_no_problems():
    """Two runs with the same good outcomes, of which djmetrics saw something, are a proof."""
    assert Comparison(run(outcome("passed")), proof(), []).problems() == []


@pytest.mark.parametrize(
    "with_djmetrics, problem",
    [
        (run(outcome("passed"), mode="djmetrics"), "djmetrics saw nothing: it was not at work"),
        (proof(failed_inside={"hook": 2}), "djmetrics failed inside, in hook (2 times): asgi."),
        (proof(left_open="<view>"), "djmetrics left <view> open after: asgi.tests.A.test_one"),
        (run(exit_code=1, mode="djmetrics"), "djmetrics: exit code 1, which no test explains"),
    ],
)
def test_what_is_no_proof_is_said(with_djmetrics, problem):
    """A silent djmetrics, a failure inside it, an operation left open and a broken run are all problems."""
    problems = Comparison(run(outcome("passed")), with_djmetrics, []).problems()

    assert any(each.startswith(problem) for each in problems)


def test_only_a_flaky_difference_is_forgiven():
    """A difference that did not happen again is shown, but fails nothing."""
    differences = [Difference("a.test", "passed", "failed", "", verdict) for verdict in Verdict]

    problems = Comparison(run(outcome("passed")), proof(), differences).problems()

    assert problems == [f"{verdict}: a.test" for verdict in Verdict if verdict is not Verdict.FLAKY]


def test_vanished_tests_are_counted_together():
    """A run that broke off loses many tests at once; they are one problem, not thousands."""
    lost = [Difference(f"a.test{n}", "passed", "absent", "", Verdict.UNTRIED) for n in range(3)]

    problems = Comparison(run(outcome("passed")), proof(), lost).problems()

    assert problems == ["3 tests never ended with djmetrics, the first: a.test0"]
