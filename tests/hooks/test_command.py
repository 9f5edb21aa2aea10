"""Management commands: units of work, operations of other work, and those that are neither."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from djmetrics import units
from djmetrics.testing import record

from .site import request_record


class Command(BaseCommand):
    """Does what its option says."""

    requires_system_checks = []

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--how", default="")

    def handle(self, *args: Any, how: str, **options: Any) -> str | None:
        if how == "query":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        elif how == "nested":
            call_command(Command())
        elif how == "tells":
            raise CommandError("no such thing")
        elif how == "exits":
            raise SystemExit(3)
        elif how == "ends":
            raise SystemExit(0)
        elif how == "breaks":
            raise LookupError("a bug")
        return how or None


@pytest.fixture
def keeping() -> Iterator[list[BaseException | None]]:
    """Exceptions of records as exporters see them."""
    from djmetrics.exporters import Exporter

    found: list[BaseException | None] = []

    class Keeper(Exporter):
        def export(self, record: Any) -> None:
            found.append(record.exception)

    units.keeps_exceptions = True
    with units.also(Keeper()):
        yield found
    units.keeps_exceptions = False


def run(how: str) -> None:
    call_command(Command(), how=how, stdout=io.StringIO())


@pytest.mark.django_db
def test_is_a_unit_of_work_of_its_own():
    """It holds what the command did, under the command's name."""
    with record() as seen:
        run("query")

    (done,) = seen.records
    assert (done.kind, done.view, done.outcome, done.error) == (
        "command",
        "(command test_command)",
        "completed",
        None,
    )
    assert done.queries == 1
    assert done.duration > 0
    assert done.cpu_ns > 0
    assert sum(done.phases.values()) == done.duration
    assert {"db"} <= {operation.subject.kind for operation in done.operations}


def test_one_that_another_calls_is_part_of_it():
    """Of a command, and of a request."""
    with record() as seen:
        run("nested")
        with request_record():
            run("")

    outer, request = seen.records
    assert [each.subject.kind for each in outer.operations] == ["command"]
    assert [each.subject.name for each in request.operations] == ["test_command"]


@pytest.mark.parametrize(
    "how, error, reported",
    [("tells", CommandError, False), ("exits", SystemExit, False), ("breaks", LookupError, True)],
)
def test_failures(keeping, how, error, reported):
    """All are seen; only a bug is worth a report, not what the command says on purpose."""
    with record() as seen, pytest.raises(error):
        run(how)

    (done,) = seen.records
    assert (done.outcome, done.error) == ("failed", error)
    assert [type(each) for each in keeping] == [LookupError if reported else type(None)]
    assert done.exception is None  # let go of


def test_an_exit_that_tells_of_no_failure():
    """``sys.exit(0)`` is how some commands end."""
    with record() as seen, pytest.raises(SystemExit):
        run("ends")

    (done,) = seen.records
    assert (done.outcome, done.error) == ("completed", None)


@pytest.mark.parametrize("name", ["runserver", "shell", "test"])
def test_hosts_are_no_units(monkeypatch, name):
    """What runs other people's work as long as it lives is not one long piece of work."""
    monkeypatch.setattr(Command, "__module__", f"somewhere.{name}")
    with record() as seen:
        run("")

    assert seen.records == []


def test_series(settings):
    """Commands and what they query are on the page, and are no requests."""
    from prometheus_client import generate_latest

    from djmetrics import runtime

    with pytest.raises(LookupError):
        run("breaks")
    run("")
    page = generate_latest(runtime.page_registry()).decode()

    lines = [line for line in page.splitlines() if 'command="test_command"' in line]
    counts = {line.partition("{")[2].partition("}")[0] for line in lines if "_count{" in line}
    assert counts >= {
        'command="test_command",error_type=""',
        'command="test_command",error_type="LookupError"',
    }
    assert not [
        line for line in page.splitlines() if line.startswith("http_server") and "test_command" in line
    ]
