"""annotate(): what the site knows of its requests."""

import pytest

from djmetrics import annotate, annotations, guard

from .hooks.site import request_record


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log knows of no key."""
    monkeypatch.setattr(annotations, "_told", set())


class Lazy:
    """Whoever looks at it is caught."""

    def __str__(self) -> str:
        raise AssertionError("looked at")

    __repr__ = __bool__ = __str__  # type: ignore[assignment]


class Tier(str):
    """A text of the site's own kind, as TextChoices are."""

    def __str__(self) -> str:
        raise AssertionError("asked")


def test_annotations():
    """They are on the record, cut and plain; the last one said holds."""
    with request_record() as request:
        annotate(tier=Tier("gold"), flag=True, size=5)
        annotate(flag=False, ratio=0.5, none=None, long="x" * 500)

    assert request.annotations == {
        "tier": "gold", "flag": False, "size": 5, "ratio": 0.5, "none": None, "long": "x" * 200,
    }  # fmt: skip
    assert type(request.annotations["tier"]) is str


def test_annotations_outside():
    """There is nothing to annotate."""
    annotate(tier="gold")


@pytest.mark.usefixtures("lenient")
def test_annotations_are_bounded(caplog):
    """Too many, or what is no plain value: left out, counted, and never looked at."""
    with request_record() as request:
        annotate(user=Lazy())  # type: ignore[arg-type]
        annotate(**{f"key{number}": number for number in range(50)})
        annotate(key0=100)

    assert request.annotations is not None
    assert "user" not in request.annotations
    assert len(request.annotations) == 32
    assert request.annotations["key0"] == 100
    assert guard.counts["annotate"] == 1 + 18
    said = [each.getMessage() for each in caplog.records]
    assert len(said) == 1 + 18
    here = f"at {__file__}:"
    assert said[0].startswith("annotate(user=...) " + here)
    assert (
        "is left out: its value may be a str, int, float, bool or None, and is of the class Lazy." in said[0]
    )
    with request_record():
        annotate(user=Lazy())  # type: ignore[arg-type]
    assert len(caplog.records) == 1 + 18


@pytest.mark.usefixtures("lenient")
def test_a_bad_value_costs_no_other():
    """Each key stands by itself, in one call too."""
    with request_record() as request:
        annotate(user=Lazy(), tier="gold")  # type: ignore[arg-type]
    assert request.annotations == {"tier": "gold"}


@pytest.mark.usefixtures("lenient")
def test_numbers_are_bounded(caplog):
    """No trace holds more than 64 bits, and to write five thousand digits down raises ValueError in Python."""
    with request_record() as request:
        annotate(most=2**63 - 1, least=-(2**63), more=2**63, huge=10**5_000)
    assert request.annotations == {"most": 2**63 - 1, "least": -(2**63)}
    assert guard.counts["annotate"] == 2
    assert "more than 64 bits" in caplog.text
