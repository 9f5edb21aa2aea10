"""Django's tasks: units of work, operations of other work, sync and async."""

import asyncio
import contextlib
from typing import Any

import pytest
from django.core.management.base import BaseCommand

from djmetrics import units
from djmetrics.testing import record

from .site import request_record

tasks: Any = pytest.importorskip("django.tasks", reason="Django 5.2 has no tasks")


def work() -> int:
    return 5


def broken() -> None:
    raise LookupError("a bug")


async def asynchronous() -> int:
    await asyncio.sleep(0)
    return 6


async def endless() -> None:
    await asyncio.sleep(3600)


@pytest.mark.parametrize("function, value", [(work, 5), (asynchronous, 6)])
def test_is_a_unit_of_work_of_its_own(function, value):
    """Sync and async, called by a sync worker and by an async one."""
    task = tasks.task(function)
    with record() as seen:
        assert task.call() == value
        assert asyncio.run(task.acall()) == value

    assert [each.view for each in seen.records] == [f"(task {__name__}.{function.__name__})"] * 2
    assert [each.kind for each in seen.records] == ["task"] * 2
    assert all(each.duration > 0 and each.cpu_ns > 0 for each in seen.records)


def test_error():
    """It passes unchanged, and is on the record."""
    with record() as seen, pytest.raises(LookupError):
        tasks.task(broken).call()
    with record() as also_seen, pytest.raises(LookupError):
        asyncio.run(tasks.task(broken).acall())

    for (done,) in (seen.records, also_seen.records):
        assert (done.outcome, done.error) == ("failed", LookupError)


def test_a_function_without_a_name(monkeypatch):
    """Whatever a backend allows is run as before."""
    base = type(tasks.task(work))
    monkeypatch.setattr(base, "module_path", property(lambda self: self.func.missing))
    with record() as seen:
        assert tasks.task(work).call() == 5
    assert [each.view for each in seen.records] == ["(task _OTHER)"]


def test_one_run_at_once_is_part_of_its_request(monkeypatch):
    """Its error is kept from the request, so that it must be reported for it; the request did not fail."""
    monkeypatch.setattr(units, "keeps_exceptions", True)
    with record() as seen, request_record() as request:
        result = tasks.task(broken).enqueue()
        tasks.task(broken).enqueue()
        kept = request.inner_exceptions

    assert result.status == tasks.TaskResultStatus.FAILED
    (done,) = seen.records
    operations = [each for each in done.operations if each.subject.kind == "task"]
    assert [each.error for each in operations] == [LookupError] * 2
    assert [type(each) for each in kept] == [LookupError] * 2
    assert done.inner_exceptions == ()  # let go of
    assert (done.error, done.outcome) == (None, "completed")


def test_one_run_in_a_command_is_a_unit_of_its_own(monkeypatch):
    """A worker is a command that may never end: what its tasks do must not wait for that."""
    monkeypatch.setattr(units, "keeps_exceptions", True)

    class Command(BaseCommand):
        def handle(self, *args: Any, **options: Any) -> None:
            for _ in range(2):
                with contextlib.suppress(LookupError):
                    tasks.task(broken).call()
            asyncio.run(tasks.task(asynchronous).acall())
            self.seen = list(seen.records)

    worker = Command()
    with record() as seen:
        worker.execute(force_color=False, no_color=False, skip_checks=True)

    done, command = worker.seen, seen.records[-1]
    assert [(each.kind, each.error, each.outcome) for each in done] == [
        ("task", LookupError, "failed"),
        ("task", LookupError, "failed"),
        ("task", None, "completed"),
    ]
    assert command.kind == "command"
    assert (command.error, command.outcome) == (None, "completed")
    assert [each for each in command.operations if each.subject.kind == "task"] == []


def test_one_that_is_cancelled_has_not_failed(monkeypatch):
    """As at a worker's shutdown, or when the client of the request goes away that runs it at once."""
    monkeypatch.setattr(units, "keeps_exceptions", True)

    async def cancelled() -> None:
        running = asyncio.ensure_future(tasks.task(endless).acall())
        await asyncio.sleep(0.01)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    with record() as seen:
        asyncio.run(cancelled())
    (alone,) = seen.records
    with record(), request_record() as request:
        asyncio.run(cancelled())
        inner = request.inner_exceptions

    assert (alone.error, alone.outcome, alone.exception) == (None, "disconnected", None)
    assert inner == ()
