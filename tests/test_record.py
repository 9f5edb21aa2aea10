"""What exporters read: plain data."""

import pytest

from djmetrics import layers, record, recorder, units
from djmetrics.record import PHASE_OF_KIND, PHASES, Statement, Subject, layer_operations
from djmetrics.testing import fake_clock

from .trees import SUBJECTS, unit


def test_every_phase_is_known():
    """A kind's phase is one of those that there are."""
    assert set(PHASE_OF_KIND.values()) < set(PHASES)
    assert PHASES[-1] == "other"


@pytest.mark.parametrize(
    "kind, phase", [("db", "db"), ("form", "template"), ("stream", "view"), ("mail", "other")]
)
def test_phase_of_a_subject(kind, phase):
    """It follows from the kind, unless the subject says more."""
    assert Subject(kind, "name").phase == phase
    assert Subject(kind, "name", phase="cache").phase == "cache"


def test_representations():
    """Subjects and operations say what they are, for whoever debugs."""
    with fake_clock() as clock, unit():
        operation = recorder.begin(Subject("db", "SELECT run", {"alias": "default"}))
        clock.wall += 5
        recorder.end(operation)

    assert repr(operation) == "<db SELECT run: 5 ns>"
    assert repr(operation.subject) == "Subject('db', 'SELECT run', {'alias': 'default'})"


def test_statement():
    """It ran once when it is first seen, from nowhere in particular."""
    made = Statement(SUBJECTS["db"], "SELECT 1", True)
    assert (made.count, made.location, made.sql) == (1, "", "SELECT 1")


def test_new_record():
    """Of a record that just began nothing is known."""
    made = units.open()
    assert (made.kind, made.view, made.outcome, made.status, made.error) == (
        "request",
        "(no view)",
        "completed",
        None,
        None,
    )
    assert (made.queue_ns, made.first_byte_ns, made.request_size, made.response_size) == (None,) * 4
    units.close(made)


def test_layers_as_operations():
    """For exporters that want all operations alike."""

    class Switch:
        active = True

    layer = Subject("middleware", "site.Slow")
    with fake_clock() as clock, unit() as made:

        def answer(request: object) -> None:
            clock.wall += 3
            recorder.end(recorder.begin(SUBJECTS["view"]))
            operation = recorder.begin(SUBJECTS["db"])
            clock.wall += 4
            recorder.end(operation)
            raise LookupError

        with pytest.raises(LookupError):
            layers.timed_layer(answer, layer, Switch())(None)

    (operation,) = layer_operations(made)
    assert (operation.subject, operation.error, operation.parent) == (layer, LookupError, made.root)
    assert (operation.duration, operation.exclusive, operation.children_ns) == (7, 3, 4)


def test_module_names_its_data():
    """Exporters import their data from one place."""
    assert set(record.__all__) >= {"Record", "Operation", "Subject", "Layer", "Statement", "PHASES"}
