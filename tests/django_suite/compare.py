"""What differs between a plain run and one with djmetrics, and whether it does so again."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from .run import Mode, Outcome, Run, Suite

ABSENT = "absent"
"""The outcome of a test that a run has nothing about."""

ALONE_AT_MOST = 30
"""So many suspects are run again one by one; more than that is no flaky test."""


class Verdict(StrEnum):
    """What became of a test that ended worse with djmetrics than without."""

    CONFIRMED = "fails only with djmetrics, alone too"
    IN_COMPANY = "fails only with djmetrics, and only after other tests of its package"
    UNTRIED = "fails only with djmetrics; not run again, too many do"
    FLAKY = "not again when run again"


@dataclass(frozen=True)
class Difference:
    """A test that ended differently: ``verdict`` says whether djmetrics is why."""

    id: str
    plain: str
    with_djmetrics: str
    detail: str
    verdict: Verdict

    @property
    def counts(self) -> bool:
        return self.verdict is not Verdict.FLAKY


def suspects(plain: Run, with_djmetrics: Run) -> list[Outcome]:
    """The tests that ended otherwise with djmetrics than plain, and not well; also those that never ended."""
    found = []
    for id in sorted({*plain.outcomes, *with_djmetrics.outcomes}):
        before = plain.outcomes.get(id)
        after = with_djmetrics.outcomes.get(id, Outcome(id, ABSENT, "", 0.0))
        if after.outcome != "passed" and not _alike(before, after):
            found.append(after)
    return found


def _alike(before: Outcome | None, after: Outcome) -> bool:
    # "failed" and "error" are one: neither is a success that djmetrics spoilt.
    return before is not None and (before.outcome == after.outcome or (before.bad and after.bad))


def differences(suite: Suite, plain: Run, with_djmetrics: Run) -> list[Difference]:
    """Every suspect, each run again: alone in both modes, then with its package in both modes."""
    if not (plain.outcomes and with_djmetrics.outcomes):
        # One of them did not get as far as a test: nothing to compare, and the report says so.
        return []
    found = suspects(plain, with_djmetrics)
    retry = len(found) <= ALONE_AT_MOST
    verdicts = {each.id: Verdict.UNTRIED for each in found}
    if retry:
        verdicts |= {each.id: _alone(suite, each, number) for number, each in enumerate(found)}
        verdicts |= _in_company(suite, [each for each in found if verdicts[each.id] is Verdict.FLAKY])
    return [
        Difference(each.id, _outcome(plain, each.id), each.outcome, each.detail, verdicts[each.id])
        for each in found
    ]


def _alone(suite: Suite, suspect: Outcome, number: int) -> Verdict:
    again = _both(suite, [suspect.label], f"again-{number}")
    return Verdict.CONFIRMED if suspect.id in again else Verdict.FLAKY


def _in_company(suite: Suite, candidates: Iterable[Outcome]) -> dict[str, Verdict]:
    candidates = list(candidates)
    packages = sorted({each.package for each in candidates})
    if not packages:
        return {}
    again = _both(suite, packages, "again-packages")
    return {each.id: Verdict.IN_COMPANY for each in candidates if each.id in again}


def _both(suite: Suite, labels: list[str], name: str) -> set[str]:
    modes: tuple[Mode, Mode] = ("plain", "djmetrics")
    plain, with_djmetrics = (suite.run(mode, labels, name) for mode in modes)
    return {each.id for each in suspects(plain, with_djmetrics)}


def _outcome(run: Run, id: str) -> str:
    outcome = run.outcomes.get(id)
    return outcome.outcome if outcome else ABSENT
