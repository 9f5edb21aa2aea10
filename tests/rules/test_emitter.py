"""The YAML that people read, read by YAML's own reader."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djmetrics.rules.emitter import dumped

from ..components.fixtures import need

KEYS = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
VALUES = st.one_of(
    st.text(max_size=30),
    st.integers(),
    st.sampled_from(
        [
            "yes",
            "No",
            "null",
            "~",
            "1h",
            "0x1",
            "1e3",
            "a: b",
            "- a",
            "# a",
            "a #b",
            "a:",
            '"',
            "a\n\nb",
            "{a}",
        ]
    ),
)
DOCUMENTS = st.dictionaries(
    KEYS,
    st.one_of(
        VALUES,
        st.dictionaries(KEYS, VALUES, min_size=1, max_size=3),
        st.lists(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=4,
)


@given(DOCUMENTS)
def test_what_is_written_is_read(document: dict[str, Any]) -> None:
    """Whatever a site calls its views and labels."""
    need("yaml", "test")
    import yaml

    assert yaml.safe_load(dumped(document)) == document


@pytest.mark.parametrize(
    "value, line",
    [
        ("critical", "key: critical"),
        ("5m", 'key: "5m"'),
        ("on", 'key: "on"'),
        ("docs/runbooks/a.md", "key: docs/runbooks/a.md"),
        ('up{job="a"}', 'key: |-\n  up{job="a"}'),
    ],
)
def test_it_is_easy_to_read(value: str, line: str) -> None:
    """No more quotes than needed, and none to be escaped."""
    assert dumped({"key": value}) == f"{line}\n"
