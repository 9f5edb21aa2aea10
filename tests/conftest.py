"""What every test shares: the real components as fixtures, and a watch over what tests leave behind."""

import importlib.util
from collections.abc import Callable, Iterator

import hypothesis
import pytest

# A deadline for each example would judge the machine. With CI set, hypothesis tries the same examples each time.
hypothesis.settings.register_profile("djmetrics", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("djmetrics")

pytest_plugins = ["tests.components.fixtures"]


def leak_finder() -> Callable[[], list[str]]:
    """``djmetrics.testing.leaks``: what is installed or open now, one line each."""
    if importlib.util.find_spec("djmetrics.testing") is None:
        return list
    from djmetrics.testing import leaks

    return leaks


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a hook installed, the recorder's context variable set or an operation open."""
    leaks = leak_finder()
    before = leaks()
    yield
    left = [leak for leak in leaks() if leak not in before]
    if left and request.node.get_closest_marker("allow_leaks") is None:
        pytest.fail("this test left behind: " + "; ".join(left), pytrace=False)
