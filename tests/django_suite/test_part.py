"""A part of Django's own test suite, plain and with djmetrics on."""

import pytest

from .__main__ import compare, parse


@pytest.mark.django_suite
@pytest.mark.slow
def test_djmetrics_fails_no_test_that_plain_django_passes():
    """Each test that passes without djmetrics passes with all hooks on, while djmetrics is at work."""
    comparison = compare(parse(["--part"]))

    assert comparison.problems() == []
    seen = comparison.with_djmetrics.seen()
    kinds = ("record:request", "middleware", "url", "view", "db", "template", "cache")
    assert [kind for kind in kinds if not seen[kind]] == []
