"""Which metric an operation belongs to."""

import pytest

from djmetrics import catalogue, record
from djmetrics.exporters.prometheus.plans import (
    DESTINATIONS,
    OTHER_KINDS,
    error_name,
    folded,
    label_values,
    whole,
)
from djmetrics.record import Operation, Subject


def test_every_kind_with_a_phase_has_a_destination():
    """A kind that the phases know has a metric of its own, or is named as one that has none."""
    assert set(record.PHASE_OF_KIND) <= set(DESTINATIONS)


def test_other_kinds():
    """All others share one metric, told apart by their kind."""
    assert OTHER_KINDS.metric is catalogue.OPERATION
    subject = Subject("mail", "send")
    assert label_values(catalogue.OPERATION, "home", "", subject, None) == ("home", "mail", "send")


def test_label_values():
    """In the metric's order; what is missing is empty, what is no text is made one."""
    subject = Subject("cache", "get", {"alias": "default", "result": 5})  # type: ignore[dict-item]
    assert label_values(catalogue.CACHE_OPERATION, "home", "x/", subject, KeyError) == (
        "home", "default", "get", "5", "KeyError",
    )  # fmt: skip


class Own(Exception):
    pass


@pytest.mark.parametrize(
    "error, name",
    [
        (None, ""),
        (ValueError, "ValueError"),
        (Own, f"{__name__}.Own"),
        (KeyboardInterrupt, "KeyboardInterrupt"),
    ],
)
def test_error_name(error, name):
    """A class's full name, without Python's own module."""
    assert error_name(error) == name


def test_durations():
    """From start to end, or with all that it did when it was resumed."""
    made = record.Record(Subject("request", "request"), "home")
    operation = Operation(Subject("form", "form"), made.root, made.root)
    operation.start, operation.end, operation.resumed_ns = 5, 8, 100
    assert (whole(operation), folded(operation)) == (3, 103)


def test_a_class_named_by_something_else_than_plain_text():
    """The name is read as text, whatever its class makes of being formatted."""

    class Name(str):
        def __format__(self, spec):
            raise RuntimeError

        __str__ = __format__

    error = type("Error", (Exception,), {})
    error.__qualname__ = Name("Odd")
    assert error_name(error) == f"{__name__}.Odd"


def test_a_view_is_shown_by_its_route():
    """One view may be reached by many."""
    subject = Subject("view", "view")
    assert label_values(catalogue.VIEW_DURATION, "home", "<int:year>/", subject, None) == (
        "home",
        "<int:year>/",
        "",
    )
