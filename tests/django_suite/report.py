"""The comparison as text: counts by package, what djmetrics saw, what differs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .compare import ABSENT, Difference
from .run import Outcome, Run

DETAIL_LINES = 25
LISTED_AT_MOST = 100


@dataclass(frozen=True)
class Comparison:
    """Two runs of the same labels, and what differs between them."""

    plain: Run
    with_djmetrics: Run
    differences: list[Difference]

    def problems(self) -> list[str]:
        """Why this comparison is no proof that djmetrics changes nothing; empty when it is one."""
        found = [
            f"{run.mode}: exit code {run.exit_code}, which no test explains: {run.last_words()}"
            for run in (self.plain, self.with_djmetrics)
            if run.aborted
        ]
        absent = [each for each in self.differences if each.with_djmetrics == ABSENT]
        if absent:
            found.append(f"{len(absent)} tests never ended with djmetrics, the first: {absent[0].id}")
        found += [
            f"{each.verdict}: {each.id}"
            for each in self.differences
            if each.counts and each.with_djmetrics != ABSENT
        ]
        outcomes = self.with_djmetrics.outcomes.values()
        for each in outcomes:
            for place, count in each.failed_inside.items():
                found.append(f"djmetrics failed inside, in {place} ({count} times): {each.id}")
            if each.left_open:
                found.append(f"djmetrics left {each.left_open} open after: {each.id}")
        if not self.with_djmetrics.seen():
            found.append("djmetrics saw nothing: it was not at work")
        return found

    def lines(self) -> Iterator[str]:
        """The whole report, line by line."""
        yield from self._table()
        yield from self._seen()
        told = [each for each in self.differences if each.detail]
        for each in told[:LISTED_AT_MOST]:
            yield f"\n{each.id}\n  plain: {each.plain}, with djmetrics: {each.with_djmetrics}; {each.verdict}"
            yield from (f"    {line}" for line in each.detail.splitlines()[-DETAIL_LINES:])
        problems = self.problems()
        yield ""
        yield from problems[:LISTED_AT_MOST]
        yield f"{len(problems)} problems" if problems else "With djmetrics each test ends as without it."

    def _table(self) -> Iterator[str]:
        yield f"{'':24}{'plain':^42}   {'with djmetrics':^42}"
        head = f"{'ran':>7}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>10}"
        yield f"{'package':24}{head}   {head}"
        packages = sorted({each.package for each in self.plain.outcomes.values()})
        for package in [*packages, ""]:
            columns = (_columns(run, package) for run in (self.plain, self.with_djmetrics))
            yield f"{package or 'all':24}" + "   ".join(columns)
        wall = (f"{run.mode} {run.seconds:.0f} s" for run in (self.plain, self.with_djmetrics))
        yield f"wall clock: {', '.join(wall)}"

    def _seen(self) -> Iterator[str]:
        outcomes = [each for each in self.with_djmetrics.outcomes.values() if each.outcome != "skipped"]
        active = sum(1 for each in outcomes if each.seen)
        yield f"djmetrics saw operations in {active} of {len(outcomes)} tests:"
        seen = sorted(self.with_djmetrics.seen().items())
        yield "  " + ", ".join(f"{kind} {count}" for kind, count in seen)


def _columns(run: Run, package: str) -> str:
    outcomes = [each for each in run.outcomes.values() if package in ("", each.package)]
    counts = Counter(_column(each) for each in outcomes)
    ran = len(outcomes) - counts["skipped"]
    seconds = sum(each.seconds for each in outcomes)
    return f"{ran:7}{counts['passed']:8}{counts['failed']:8}{counts['skipped']:9}{seconds:10.1f}"


def _column(outcome: Outcome) -> str:
    if outcome.bad:
        return "failed"
    return "skipped" if outcome.outcome == "skipped" else "passed"
