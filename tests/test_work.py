"""Units of work besides requests."""

import subprocess
import sys

import pytest

from djmetrics import guard, units, work
from djmetrics.testing import record


def test_subjects_are_bounded(monkeypatch):
    """However many names there are."""
    monkeypatch.setattr(work, "_CEILING", 3)
    for number in range(10):
        work.end(work.begin("task", f"t{number}"))
    assert len(work._subjects) <= 3


@pytest.mark.usefixtures("lenient")
def test_what_fails_here_stops_no_work(monkeypatch):
    """Not to begin, and not to end."""

    def fail(*args: object) -> None:
        raise OSError("made up")

    with monkeypatch.context() as patched:
        patched.setattr(units, "open", fail)
        assert work.begin("task", "a") is None
        work.failed(None, LookupError())
        work.end(None)
    running = work.begin("task", "a")
    with monkeypatch.context() as patched:
        patched.setattr(units, "close", fail)
        work.end(running)
    assert guard.counts["task.begin"] == guard.counts["work.end"] == 1
    assert running is not None
    assert running.record is not None
    units.close(running.record)


def test_nested_one_of_another_kind():
    """A command in a task is an operation of the task; a task in a command, which is a worker, is not."""
    with record() as seen:
        for outer, inner in ("task", "command"), ("command", "task"):
            running = work.begin(outer, "outer")
            work.end(work.begin(inner, "inner"))
            work.end(running)

    task, inner_task, command = seen.records
    assert [each.subject.kind for each in task.operations] == ["command"]
    assert (inner_task.view, inner_task.kind) == ("(task inner)", "task")
    assert (command.view, command.operations) == ("(command outer)", [])


FORKING = """
import os, sys
from django.conf import settings
settings.configure(INSTALLED_APPS=["djmetrics"], DJMETRICS={"EXTRA_EXPORTERS": ["__main__.Told"]}, USE_TZ=True)

class Told:
    def opened(self, record): pass
    def spill(self, record, operations): pass
    def dropped(self, record): pass
    def export(self, record): os.write(1, f"{record.view}\\n".encode())

import django
django.setup()
from django.core.management import BaseCommand, call_command

class Command(BaseCommand):
    def handle(self, *args, **options):
        if (pid := os.fork()) == 0:
            sys.exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3

call_command(Command())
"""


def test_forked_child_that_leaves_by_the_front_door():
    """A child that ends by ``sys.exit`` comes out of the parent's command: that is the parent's to export."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == ["(command __main__)"]
