"""The watch over what tests leave behind."""

import sys
from pathlib import Path

pytest_plugins = ["pytester"]

# A session whose leaks are the names in a list, beside the real fixture.
SHARED = """
import sys
sys.path.insert(0, {root!r})
from tests import conftest

LEAKS = ["there from the start"]
conftest.leak_finder = lambda: lambda: list(LEAKS)
nothing_left_behind = conftest.nothing_left_behind
"""

TESTS = """
import pytest
from conftest import LEAKS

def test_clean():
    LEAKS.append("a hook")
    LEAKS.remove("a hook")

def test_leaky():
    LEAKS.append("hook 'cache' is installed")

@pytest.mark.allow_leaks
def test_leaky_on_purpose():
    LEAKS.append("an open record")
"""


def test_leaking_test_fails_and_names_what_it_left(pytester, monkeypatch):
    """Only the test that leaves something new behind fails, unless it says that it means to."""
    monkeypatch.setenv("PYTHONWARNINGS", "")
    pytester.makeconftest(SHARED.format(root=str(Path(__file__).parents[1])))
    pytester.makepyfile(test_leaks=TESTS)
    pytester.makeini("[pytest]\nmarkers = allow_leaks\n")

    result = pytester.run(sys.executable, "-m", "pytest", "-p", "no:django", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*test_leaky*", "this test left behind: hook 'cache' is installed"])
