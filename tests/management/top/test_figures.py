"""The arithmetic of the table."""

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djmetrics.management.top import figures
from djmetrics.management.top.figures import Row, Totals, by_view, cells, ordered, quantile, row
from djmetrics.management.top.page import CPU, DURATION, PHASES, QUERIES

BOUNDS = [0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 10.0]
bounds = st.lists(
    st.floats(0.001, 100, allow_nan=False), min_size=1, max_size=12, unique=True
).map(sorted)  # fmt: skip


@st.composite
def histograms(draw: st.DrawFn) -> tuple[list[float], list[int]]:
    """Finite upper bounds, and how many observations each bucket holds, the infinite one last; not all empty."""
    upper = draw(bounds)
    counts = draw(st.lists(st.integers(0, 50), min_size=len(upper) + 1, max_size=len(upper) + 1).filter(any))
    return upper, counts


def cumulative(upper: list[float], counts: list[int]) -> dict[float, float]:
    """The histogram as Prometheus exposes it."""
    return {bound: float(sum(counts[: n + 1])) for n, bound in enumerate([*upper, math.inf])}


def stretched(q: Fraction, upper: list[float], counts: list[int]) -> float:
    """The quantile found by laying all observations out on a line, each bucket's spread evenly, in exact fractions."""
    wanted = q * sum(counts)
    edges = [Fraction(0), *map(Fraction, upper)]
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        if count and wanted <= count:
            return float(low + (high - low) * wanted / count)
        wanted -= count
    return upper[-1]


@given(histograms(), st.sampled_from([Fraction(1, 2), Fraction(3, 4), Fraction(19, 20), Fraction(99, 100)]))
def test_a_quantile_is_where_the_evenly_spread_observations_reach_it(
    histogram: tuple[list[float], list[int]], q: Fraction
) -> None:
    """The quantile equals one worked out another way, in exact fractions."""
    upper, counts = histogram
    found = quantile(float(q), cumulative(upper, counts))
    assert found is not None
    # A rank that lies on a bucket's very edge may, rounded, fall to either side of empty buckets.
    total = sum(counts)
    nearby = [stretched(q + Fraction(shift, 10**9 * total), upper, counts) for shift in (-1, 0, 1)]
    assert any(math.isclose(found, expected, rel_tol=1e-6, abs_tol=1e-9) for expected in nearby)


@given(st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=60), bounds)
def test_the_true_quantile_is_in_the_same_bucket(observations: list[float], upper: list[float]) -> None:
    """The estimate is never further from the observation it stands for than that one's bucket is wide."""
    counted = {bound: float(sum(value <= bound for value in observations)) for bound in [*upper, math.inf]}
    for q in (0.5, 0.95, 0.99):
        estimate = quantile(q, counted)
        rank = max(1, math.ceil(q * len(observations) - 1e-9))
        true = sorted(observations)[rank - 1]
        assert estimate is not None
        if true > upper[-1]:
            assert estimate == upper[-1]
        else:
            place = next(n for n, bound in enumerate(upper) if true <= bound)
            below = upper[place - 1] if place else 0.0
            assert below <= estimate <= upper[place] or math.isclose(estimate, upper[place])


@pytest.mark.parametrize(
    "buckets", [{}, {math.inf: 3.0}, {1.0: 0.0, math.inf: 0.0}, {0.5: 1.0, 1.0: 2.0}], ids=str
)
def test_no_quantile_where_there_is_nothing_to_tell_it_from(buckets: dict[float, float]) -> None:
    """Without observations, finite bounds or the infinite bucket there is no quantile, and no exception."""
    assert quantile(0.5, buckets) is None


def test_prometheus_finds_the_same_quantiles(promtool: Callable[..., str], tmp_path: Path) -> None:
    """histogram_quantile of the real Prometheus gives the same figures for the same buckets."""
    samples = {
        "even": [5, 5, 5, 5, 5, 5, 5, 0],
        "gaps": [0, 7, 0, 0, 13, 0, 1, 0],
        "late": [0, 0, 0, 0, 0, 0, 1, 99],
        "one": [0, 0, 1, 0, 0, 0, 0, 0],
        "first": [40, 0, 0, 0, 0, 0, 0, 0],
    }
    series, asked = [], []
    for view, counts in samples.items():
        buckets = cumulative(BOUNDS, counts)
        for bound, value in buckets.items():
            le = "+Inf" if bound == math.inf else str(bound)
            # From 0, over a minute in which all of them happen.
            series.append({"series": f'd_bucket{{view="{view}",le="{le}"}}', "values": f"0 {value:.0f}"})
        for q in (0.5, 0.95, 0.99):
            asked.append(
                {
                    # promtool compares to the last bit; the last bit is the order of the operations.
                    "expr": f'abs(histogram_quantile({q}, d_bucket{{view="{view}"}}) - {quantile(q, buckets)}) '
                    "< bool 1e-9",
                    "eval_time": "1m",
                    "exp_samples": [{"labels": f'{{view="{view}"}}', "value": 1}],
                }
            )
    test = {"interval": "1m", "input_series": series, "promql_expr_test": asked}
    rules = tmp_path / "rules.yml"
    rules.write_text(json.dumps({"evaluation_interval": "1m", "tests": [test]}))
    assert "SUCCESS" in promtool("test", "rules", str(rules))


def labels(**pairs: str) -> frozenset[tuple[str, str]]:
    return frozenset(pairs.items())


def test_a_row_says_what_the_series_gained() -> None:
    """Each figure of a row follows from the series of its view, whatever their other labels are."""
    added = {
        (f"{DURATION}_count", labels(view="a", http_response_status_code="200", error_type="")): 6.0,
        (f"{DURATION}_count", labels(view="a", http_response_status_code="404", error_type="")): 2.0,
        (f"{DURATION}_count", labels(view="a", http_response_status_code="500", error_type="KeyError")): 2.0,
        (f"{DURATION}_sum", labels(view="a", http_response_status_code="200", error_type="")): 3.0,
        (f"{DURATION}_bucket", labels(view="a", le="0.1", http_response_status_code="200")): 6.0,
        (f"{DURATION}_bucket", labels(view="a", le="+Inf", http_response_status_code="200")): 6.0,
        (f"{DURATION}_bucket", labels(view="a", le="0.1", http_response_status_code="500")): 4.0,
        (f"{DURATION}_bucket", labels(view="a", le="+Inf", http_response_status_code="500")): 4.0,
        (f"{QUERIES}_sum", labels(view="a")): 30.0,
        (f"{QUERIES}_count", labels(view="a")): 10.0,
        (f"{CPU}_sum", labels(view="a")): 0.5,
        (f"{CPU}_count", labels(view="a")): 10.0,
        (PHASES, labels(view="a", phase="db")): 0.75,
        (PHASES, labels(view="a", phase="view")): 2.25,
        (f"{DURATION}_count", labels(view="b", http_response_status_code="200")): 0.0,
    }
    views, everything = by_view(added)

    assert list(views) == ["a"]
    assert row("a", views["a"], 5.0) == Row(
        view="a",
        rate=2.0,
        error_rate=0.4,
        error_share=0.2,
        p50=pytest.approx(0.05),
        p95=pytest.approx(0.095),
        p99=pytest.approx(0.099),
        queries=3.0,
        cpu=0.05,
        time=0.6,
        shares={"db": 0.25, "view": 0.75},
    )
    assert everything.requests == 10.0


def test_a_view_without_figures_has_none() -> None:
    """Nothing is divided by nothing: unknown figures are None."""
    empty = row("a", Totals(), 0.0)
    assert (empty.rate, empty.error_share, empty.p99, empty.queries, empty.cpu) == (
        0.0,
        None,
        None,
        None,
        None,
    )
    assert empty.shares == {}


@pytest.mark.parametrize(
    "pairs, failed",
    [
        ({"http_response_status_code": "503", "error_type": ""}, True),
        ({"http_response_status_code": "200", "error_type": "OSError"}, True),
        ({"http_response_status_code": "404", "error_type": ""}, False),
        ({}, False),
    ],
)
def test_what_an_error_is(pairs: dict[str, str], failed: bool) -> None:
    """A 5xx or an exception is an error; a page that does not exist is none."""
    assert figures.is_error(pairs) is failed


shares = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(
    lambda sizes: {name: size / (sum(sizes) or 1) for name, size in zip("abc", sizes, strict=True)}
)


@given(shares, st.integers(0, 200))
def test_a_bar_is_as_long_as_it_is_wide(parts: dict[str, float], width: int) -> None:
    """Shares that sum to 1 fill the bar exactly, each within one cell of its size; nothing fills nothing."""
    drawn = dict(cells(parts, "abc", width))
    assert sum(drawn.values()) == (width if any(parts.values()) else 0)
    for name, size in drawn.items():
        assert abs(size - parts[name] * width) < 1 + 1e-9


def a_row(view: str, **changed: float | None) -> Row:
    known = dict.fromkeys(
        ("rate", "error_rate", "error_share", "p50", "p95", "p99", "queries", "cpu", "time"), 1.0
    )
    return Row(view=view, shares={}, **{**known, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize("by", [name for name in figures.SORTS if name != "view"])
def test_rows_are_sorted_from_high_to_low(by: str) -> None:
    """The highest comes first, an unknown figure last, and equal ones follow their names."""
    attribute = {"requests": "rate", "errors": "error_rate"}.get(by, by)
    rows = [a_row("none", **{attribute: None}), a_row("b"), a_row("a"), a_row("high", **{attribute: 2.0})]
    assert [one.view for one in ordered(rows, by)] == ["high", "a", "b", "none"]


def test_rows_are_sorted_by_name() -> None:
    """By view, the order is the alphabet's."""
    assert [one.view for one in ordered([a_row("b"), a_row("a")], "view")] == ["a", "b"]
