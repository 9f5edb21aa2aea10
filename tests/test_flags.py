"""flag_evaluated(): which flags a request asked for."""

import pytest

from djmetrics import annotate, annotations, flag_evaluated, guard
from djmetrics.record import said_of

from .hooks.site import request_record


class Lazy:
    """Whoever asks for its text is caught."""

    def __repr__(self) -> str:
        raise AssertionError("asked")


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log knows of no flag."""
    monkeypatch.setattr(annotations, "_told", set())


def test_flags():
    """The latest value of each is on the record, apart from what the site said."""
    with request_record() as request:
        annotate(basket="small")
        flag_evaluated("basket", False)
        flag_evaluated("basket", True)
        flag_evaluated("color of the button", "blue")
        flag_evaluated("x" * 500, None)

    assert request.annotations == {"basket": "small"}
    assert request.flags == {"basket": True, "color of the button": "blue", "x" * 100: None}
    assert said_of(request) == {
        "basket": "small", "flag.basket": True, "flag.color of the button": "blue", "flag." + "x" * 100: None,
    }  # fmt: skip


def test_flags_outside():
    """There is nobody who asks."""
    flag_evaluated("basket", True)


@pytest.mark.usefixtures("lenient")
def test_flags_are_bounded(caplog):
    """Too many, or what is no plain value or no name: left out, counted, and said once."""
    with request_record() as request:
        for number in range(120):
            flag_evaluated(f"flag{number}", True)
        for _ in range(2):
            flag_evaluated("flag0", object())  # type: ignore[arg-type]
            flag_evaluated(Lazy(), True)  # type: ignore[arg-type]
        flag_evaluated("flag0", False)

    assert request.flags is not None
    assert len(request.flags) == 100
    assert request.flags["flag0"] is False
    assert guard.counts["flag_evaluated"] == 20 + 2 + 2
    said = [each.getMessage() for each in caplog.records]
    assert len(said) == 20 + 1 + 1
    assert said[0].startswith(f"flag_evaluated('flag100', ...) at {__file__}:")
    assert "is left out: a request keeps 100 flags, and has them." in said[0]
    assert said[-1].startswith(f"flag_evaluated(...) at {__file__}:")
    assert "is left out: its name must be a str, and is of the class Lazy." in said[-1]
    assert 'djmetrics_errors_total{place="flag_evaluated"}' in said[0]
