"""Pages over time."""

from hypothesis import given
from hypothesis import strategies as st

from djmetrics.management.top.history import History
from djmetrics.management.top.page import Page, Series

A: Series = ("a", frozenset())
B: Series = ("b", frozenset())


def filled(window: float, *pages: tuple[float, dict[Series, float]]) -> History:
    history = History(window)
    for at, samples in pages:
        history.add(Page(at, samples))
    return history


def test_one_page_says_nothing_yet() -> None:
    """With one page there is no time in which anything could have been added."""
    history = filled(10, (1, {A: 5}))
    assert (history.seconds, history.added()) == (0.0, {})


def test_new_series_began_at_nothing() -> None:
    """A series that the first page did not have is counted in full."""
    history = filled(10, (1, {A: 5}), (3, {A: 7, B: 4}))
    assert (history.seconds, history.added()) == (2, {A: 2, B: 4})


def test_a_counter_that_fell_means_a_restart() -> None:
    """After a restart everything on the new page counts, also counters that have already passed their old values."""
    history = filled(10, (1, {A: 5, B: 1}), (3, {A: 2, B: 6}))
    assert (history.restarts, history.seconds, history.added()) == (1, 2, {A: 2, B: 6})


def test_a_counter_that_is_gone_means_a_restart() -> None:
    """A page that lacks a series that was there is another process's page."""
    history = filled(10, (1, {A: 0, B: 1}), (3, {B: 1}))
    assert (history.restarts, history.added()) == (1, {B: 1})


def test_counting_goes_on_after_a_restart() -> None:
    """The pages after a restart are compared with one another."""
    history = filled(10, (1, {A: 50}), (3, {A: 2}), (5, {A: 6}))
    assert (history.restarts, history.seconds, history.added()) == (1, 4, {A: 6})


def test_old_pages_are_let_go() -> None:
    """Figures cover the window, and no more than one interval above it."""
    history = filled(4, *((at, {A: at * 10.0}) for at in range(0, 21, 2)))
    assert (history.seconds, history.added()) == (4, {A: 40})


def test_a_window_shorter_than_the_interval_still_has_two_pages() -> None:
    """There is always something to compare."""
    history = filled(1, (0, {A: 0}), (5, {A: 5}), (10, {A: 15}))
    assert (history.seconds, history.added()) == (5, {A: 10})


@given(st.lists(st.tuples(st.floats(0.1, 5), st.integers(0, 9)), min_size=1, max_size=40), st.floats(0.1, 20))
def test_what_is_added_is_what_happened_in_that_time(steps: list[tuple[float, int]], window: float) -> None:
    """Whatever the intervals: the difference is the sum of what happened in exactly the seconds told."""
    history, at, total, log = History(window), 0.0, 0.0, [(0.0, 0)]
    history.add(Page(at, {A: total}))
    for pause, happened in steps:
        at, total = at + pause, total + happened
        log.append((at, happened))
        history.add(Page(at, {A: total}))
    began = at - history.seconds
    assert history.added()[A] == sum(count for when, count in log if when > began + 1e-6)
    assert history.seconds >= min(window, at) - 1e-6
