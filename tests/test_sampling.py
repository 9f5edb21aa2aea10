"""What is decided at the end of a request: failures and slow ones are kept, the others as they were chosen."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djmetrics import sampling, units
from djmetrics.sampling import ERROR, REASONS, SAMPLED, SLOW, UNSAMPLED, Sampling, Slowest

MS = 1_000_000


def decided(sampling_: Sampling, duration: int = MS, view: str = "view", **known):
    record = units.open(view=view)
    record.chosen = known.pop("kept", True)
    record.duration = duration
    for name, value in known.items():
        setattr(record, name, value)
    sampling_(record)
    return record.kept, record.reason


@pytest.mark.parametrize("chosen", [True, False])
@pytest.mark.parametrize(
    "known, reason",
    [
        ({"status": 500}, ERROR),
        ({"status": 503}, ERROR),
        ({"error": ValueError}, ERROR),
        ({"outcome": "failed", "status": 200}, ERROR),
        ({"status": 499}, None),
        ({"outcome": "disconnected"}, None),
        ({"duration": 100 * MS}, SLOW),
        ({"duration": 100 * MS - 1}, None),
        ({"duration": 100 * MS, "status": 500}, ERROR),
    ],
)
def test_decision(chosen, known, reason):
    """Failed and slow ones are always kept; of the others those that were chosen at their start."""
    expected = (True, reason) if reason else (chosen, SAMPLED if chosen else UNSAMPLED)
    assert decided(Sampling(100 * MS), kept=chosen, **known) == expected
    assert expected[1] in REASONS


def test_nobody_traces_it():
    """A record without a trace is left alone."""
    record = units.open()
    record.status = 500
    Sampling(0)(record)
    assert (record.kept, record.reason) == (True, "")


def test_own_slowest_hundredth():
    """Without a threshold, a request is slow if it takes longer than 99 in 100 of its view."""
    made = Sampling()
    random.seed(1)
    for _ in range(1_000):
        decided(made, random.randint(9 * MS, 11 * MS), kept=False)
    assert decided(made, 11 * MS, kept=False) == (False, UNSAMPLED)
    assert decided(made, 20 * MS, kept=False) == (True, SLOW)
    assert decided(made, 20 * MS, view="another", kept=False) == (False, UNSAMPLED)


def test_nothing_is_slow_before_enough_is_known():
    """The first requests of a view tell what is normal."""
    made = Sampling()
    assert not any(decided(made, n * n * MS, kept=False)[0] for n in range(199))


def test_about_one_in_a_hundred_is_kept():
    """Over many requests the share of slow ones stays near a hundredth, never far above."""
    made = Sampling()
    random.seed(2)
    kept = sum(decided(made, int(random.lognormvariate(17, 1)), kept=False)[0] for _ in range(20_000))
    assert 20 < kept < 400


def test_what_was_slow_becomes_normal():
    """When a view becomes slower for good, it is no longer slow after a while."""
    made = Sampling()
    for _ in range(5_000):
        decided(made, 10 * MS)
    last = [decided(made, 50 * MS, kept=False)[0] for _ in range(5_000)]
    assert last[0]
    assert not any(last[-1_000:])


def test_views_are_bounded(monkeypatch):
    """Past so many views, further ones have no memory; a failure is still kept."""
    monkeypatch.setattr(sampling, "_VIEWS", 1)
    made = Sampling()
    decided(made, view="first")
    for _ in range(500):
        decided(made, MS, view="second")
    assert decided(made, 1_000 * MS, view="second", kept=False) == (False, UNSAMPLED)
    assert decided(made, view="second", status=500, kept=False) == (True, ERROR)


@given(st.lists(st.integers(0, 10**12), min_size=200, max_size=600))
def test_threshold_is_near(durations):
    """The threshold is at or above the exact 99th percentile at the time it was worked out, by an eighth at most."""
    slowest = Slowest()
    checked = None
    for number, ns in enumerate(durations, 1):
        before = slowest.threshold
        slowest.add(ns)
        if slowest.threshold is not None and (before is None or slowest.threshold != before):
            ordered = sorted(durations[:number], reverse=True)
            exact = ordered[number // 100]
            assert exact <= slowest.threshold <= exact + exact // 8 + 1
            checked = True
    assert checked


def test_counts_are_bounded():
    """However many requests there are, the memory of a view stays small."""
    slowest = Slowest()
    random.seed(3)
    for _ in range(100_000):
        slowest.add(random.randint(0, 10**12))
    assert slowest._total < sampling._MOST + 1
    assert len(slowest._counts) < 64 * 16
