"""The overhead benchmark works, and no contender looks cheap because it records nothing. No time is judged here."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import django
import pytest

from tests.components.fixtures import absent

from .overhead.contenders import BARE, CONTENDERS, missing
from .overhead.duet import ROOT, Effort, Figures, typical
from .overhead.endpoints import ENDPOINTS
from .overhead.parts import DjangoPrometheus, Djmetrics
from .overhead.report import TARGETS, report, report_counts
from .overhead.run import Results, measure
from .overhead.stacks import AllThree, Stack

QUERIES = {"page": 10, "queries": 100}


def expected(name: str, endpoint: str) -> dict[str, int]:
    """What a contender shall record per request."""
    queries, page = QUERIES.get(endpoint, 0), endpoint == "page"
    seen = {"requests": 1, "views": 1, "queries": queries}
    if name.startswith("floor"):
        return {**seen, "cache operations": 5 * page, "templates": 3 * page}  # the parent is rendered inside
    failed = endpoint == "error"
    sent = {"events": int(failed)} if isinstance(CONTENDERS[name], Stack | AllThree) else {}
    if isinstance(CONTENDERS[name], DjangoPrometheus):
        # It counts a view that failed twice.
        return {**seen, **sent, "views": 1 + failed, "cache gets": 2 * page, "exceptions": int(failed)}
    if isinstance(CONTENDERS[name], Djmetrics):
        layers = 7 * ENDPOINTS[endpoint].middlewares
        inside = {"cache operations": 5 * page, "templates": 4 * page, "exceptions": int(failed)}
        return {**seen, **inside, **sent, "middlewares": layers, "resolves": 1}
    return {}


def contender(name: str) -> Any:
    """A contender to try. Those that only older rows of the matrix can have are tried there, where nothing slow is."""
    is_older = "django-prometheus" in CONTENDERS[name].packages
    return pytest.param(name, marks=[] if is_older else pytest.mark.slow)


@pytest.mark.parametrize("name", [contender(name) for name in CONTENDERS if name != BARE])
def test_every_contender_records_what_it_should(name: str) -> None:
    """Each endpoint's requests, and all that happens in them, are counted exactly.

    django-prometheus does not allow Django 6.1: there it is skipped, in CI too. CI has it beside the Djangos before.
    """
    if missing(name):
        if "django-prometheus" in CONTENDERS[name].packages and django.VERSION >= (6, 1):
            pytest.skip("django-prometheus does not allow this Django")
        absent(f"one of {', '.join(CONTENDERS[name].packages)} is not installed (dependency group: test)")
    results = measure(Effort(repetitions=1, requests=200, blocks=2), [name])

    for endpoint in ENDPOINTS:
        found = {word: number for word, number in results.recorded(name, endpoint).items() if number}
        # How many there are is each one's own affair.
        spans = found.pop("spans", 0)
        ratio = getattr(CONTENDERS[name], "ratio", 0)
        assert 0 < ratio < 1 or (spans >= 1) == (ratio == 1)  # else it is chance
        wanted = {word: number for word, number in expected(name, endpoint).items() if number}
        assert found == pytest.approx(wanted), endpoint


@pytest.mark.slow
def test_the_command_writes_its_tables(tmp_path: Path) -> None:
    """``--out`` writes what is printed: every endpoint, and what was recorded."""
    out = tmp_path / "table.md"
    command = f"{sys.executable} -m tests.benchmarks.overhead --quick --only djmetrics --out {out}"
    done = subprocess.run(command.split(), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)

    assert out.read_text() == done.stdout
    assert all(f" {endpoint} |" in done.stdout for endpoint in ENDPOINTS)
    assert "requests 1, middlewares 7, resolves 1, views 1, queries 100" in done.stdout


def test_typical_leaves_out_the_extremes() -> None:
    """One block in ten that is far off on either side changes nothing."""
    assert typical([5.0] * 8 + [1000.0, -1000.0]) == 5.0


def test_a_target_is_met_at_its_value_and_missed_above() -> None:
    """The ratio is of medians, and judged as it is shown."""
    results = Results(Effort(repetitions=3, requests=1))
    ours, theirs = next(iter(TARGETS))
    for endpoint, share in {**dict.fromkeys(ENDPOINTS, 0.0), "hello": 0.60, "error": 0.51}.items():
        results.figures[theirs, endpoint] = [Figures(90.0, added, {}) for added in (100.0, 1.0, 900.0)]
        results.figures[ours, endpoint] = [Figures(90.0, share * 100, {"requests": 1.0})] * 3
    text = report(results)

    assert "| djmetrics | hello | 0.60 | 0.60 | met |" in text
    assert "| djmetrics | error | 0.51 | 0.50 | missed |" in text
    assert "100 (50.5 to 500)" in text
    assert "requests 1" in text


def test_counted_instructions_are_shown_as_shares() -> None:
    """What the bare application takes is subtracted on both sides."""
    ours, theirs = next(iter(TARGETS))
    counts = {(name, endpoint): 1e6 + added for endpoint in ENDPOINTS for name, added in
              ((BARE, 0.0), (theirs, 200_000.0), (ours, 50_000.0))}  # fmt: skip
    text = report_counts(counts)

    assert f"| share: {ours} | 0.25 |" in text
    assert f"| {theirs} | 200 |" in text
