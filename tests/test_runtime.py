"""start() and stop(): hooks, recorder and exporters are joined, and parted again."""

import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory, override_settings
from prometheus_client import REGISTRY

from djmetrics import catalogue, conf, guard, patching, runtime, sql, units
from djmetrics.exporters import Exporter
from djmetrics.hooks import Hook
from djmetrics.record import Record

from .hooks.conftest import fresh  # noqa: F401 - the fixture's name is its use

ROOT = Path(__file__).parents[1]


def test_start_twice():
    """A second start does nothing."""
    before = runtime.hooks()
    runtime.start()

    assert runtime.hooks() == before
    assert runtime.started()


def test_stop_and_start():
    """Everything is put back, and in place again: the same hooks, which know what they patched."""
    before = runtime.hooks()
    runtime.stop()
    assert (runtime.started(), runtime.hooks(), patching.in_place(), units._exporters) == (False, [], [], ())
    runtime.stop()
    runtime.start()

    assert runtime.hooks() == before
    assert [hook.name for hook in before] == list(conf.HOOKS)


def test_exporter_is_made_once():
    """Stopping and starting keeps what was counted; so does a change of other settings."""
    before = runtime.exporter()
    with override_settings(DJMETRICS={"REPEATED_QUERIES": 9}):
        assert runtime.exporter() is before
        assert sql.repeated_from == 9
    assert runtime.exporter() is before
    assert sql.repeated_from == 5


def collectors() -> int:
    return len(
        [each for each in REGISTRY._collector_to_names if type(each).__module__.startswith("djmetrics")]
    )


def test_one_collector():
    """However often settings change, one collector of ours is in prometheus_client's registry."""
    assert collectors() == 1
    for ceiling in 10, 20:
        with override_settings(DJMETRICS={"MAX_SERIES": ceiling}):
            assert collectors() == 1
    assert collectors() == 1


def test_settings_reach_the_units():
    """How many operations a record holds, and which views are left out."""
    with override_settings(DJMETRICS={"MAX_OPERATIONS": 7, "EXCLUDE_VIEWS": ["health"]}):
        assert (Record.limit, units._excluded) == (7, {"health"})
        assert units.open().root.limit == 7
        assert units.outside.limit == units.OUTSIDE_LIMIT
    assert (Record.limit, units._excluded) == (5000, frozenset())


def test_switched_off_and_on():
    """ENABLED is followed while the process runs."""
    with override_settings(DJMETRICS={"ENABLED": False}):
        assert not runtime.started()
        with override_settings(DJMETRICS={"ENABLED": True}):
            assert runtime.started()
        assert not runtime.started()
    assert runtime.started()


def test_other_settings_are_nothing_to_us():
    """A change of another setting starts nothing over."""
    before = runtime._settings
    with override_settings(DEBUG=True):
        assert runtime._settings is before


def test_stopped_stays_stopped():
    """Settings that leave it off do not start what is off."""
    runtime.stop()
    with override_settings(DJMETRICS={"ENABLED": False}):
        assert not runtime.started()


class Unmakeable(Exporter):
    """A third party's exporter that cannot be made."""

    def __init__(self) -> None:
        raise LookupError


@pytest.mark.usefixtures("lenient")
def test_extra_that_cannot_be_made(caplog):
    """It is left out, and one line of the log says so, without a traceback: it is the settings' fault, not ours."""
    with override_settings(DJMETRICS={"EXTRA_EXPORTERS": [f"{__name__}.Unmakeable"]}):
        assert len(units._exporters) == 1

    (said,) = [each for each in caplog.records if each.name == "djmetrics"]
    assert (said.levelname, said.exc_info) == ("WARNING", None)
    assert f"{__name__}.Unmakeable" in said.getMessage()
    assert "W010" in said.getMessage()
    assert guard.counts == {}


class Restless(Hook):
    """A third party's hook that counts what is done with it."""

    name = "restless"
    done: list[str] = []

    def patch(self) -> None:
        self.done.append("patch")

    def uninstall(self) -> None:
        self.done.append("uninstall")
        super().uninstall()


def test_extra_hook():
    """It is installed last and uninstalled first."""
    with override_settings(DJMETRICS={"EXTRA_HOOKS": [f"{__name__}.Restless"]}):
        assert runtime.hooks()[-1].name == "restless"
    assert Restless.done == ["patch", "uninstall"]


def in_a_process(code: str, **environment: str) -> str:
    """What a fresh Python prints."""
    program = f"import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n{textwrap.dedent(code)}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_importing_does_nothing():
    """Before Django is set up nothing is patched, and the page has the site's own metrics only."""
    out = in_a_process("""
        from djmetrics import patching, runtime
        print(patching.in_place(), runtime.started(), runtime.exporter())
        from prometheus_client import REGISTRY
        runtime._flush()
        print(runtime.page_registry() is REGISTRY)
    """)
    assert out.splitlines() == ["[] False None", "True"]


def test_ready():
    """django.setup() starts it: no query, no URLconf, no connection, no cache, no thread, no template engine."""
    out = in_a_process("""
        import sys, threading
        import django
        django.setup()
        from django.db import connections
        from django.core.cache import caches
        from djmetrics import runtime
        print(runtime.started(), [c for c in connections.all(initialized_only=True) if c.connection])
        print(caches.all(initialized_only=True))
        print("tests.urls" in sys.modules, "jinja2.environment" in sys.modules, threading.active_count())
    """)
    running, caches, imports = out.splitlines()
    assert (running, caches) == ("True []", "[]")
    assert imports.startswith("False")
    assert imports.endswith(" 1")


def test_forked_child():
    """What waited in the parent outside requests is not the child's."""
    out = in_a_process(
        """
        import django
        django.setup()
        from djmetrics import recorder, runtime, units
        from djmetrics.record import Subject
        from prometheus_client import REGISTRY, generate_latest
        recorder.end(recorder.begin(Subject("mail", "send")))
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            recorder.end(recorder.begin(Subject("task", "run")))
            page = generate_latest(runtime.page_registry()).decode()
            os.write(writer, f"{'send' in page} {'task' in page}".encode())
            os._exit(0)
        os.waitpid(pid, 0)
        print(os.read(reader, 100).decode(), "send" in generate_latest(runtime.page_registry()).decode())
    """,
        PYTHONWARNINGS="ignore",
    )
    assert out == "False True True"


def test_serving(monkeypatch, tmp_path):
    """The first real request shares the store, where workers share a folder; the next ones do nothing."""
    calls: list[Any] = []
    monkeypatch.setattr(runtime, "_serving", False)
    monkeypatch.setattr(runtime.workers, "shared_folder", lambda: tmp_path)
    monkeypatch.setattr(runtime._store, "attach", calls.append)
    monkeypatch.setattr(runtime._exporter, "batch", 16)
    monkeypatch.setattr(units, "shared", False)
    request = RequestFactory().get("/")
    runtime.serving(request)
    runtime.serving(request)

    assert calls == [tmp_path]
    assert runtime.exporter().batch == 1
    assert units.shared


def test_a_worker_that_is_counted_has_a_capacity(monkeypatch, tmp_path):
    """Others count a worker from when it shares its figures on: how much it can take is among these."""
    calls: list[Any] = []
    monkeypatch.setattr(runtime, "_serving", False)
    monkeypatch.setattr(runtime._exporter, "constants", {})
    monkeypatch.setattr(runtime._exporter, "hold", calls.append)
    monkeypatch.setattr(runtime._exporter, "batch", 16)
    monkeypatch.setattr(runtime.capacity, "capacity", lambda: 4)
    monkeypatch.setattr(runtime.workers, "shared_folder", lambda: tmp_path)
    monkeypatch.setattr(runtime._store, "attach", calls.append)
    monkeypatch.setattr(units, "shared", False)
    runtime.serving()

    assert calls == [{catalogue.WORKER_CAPACITY: ((), 4)}, tmp_path]


@pytest.mark.parametrize(
    "number,made_here,silenced,warns",
    [
        (3, True, [], True),
        (3, False, [], False),
        (None, True, [], False),
        (3, True, ["djmetrics.W005"], False),
    ],
)
def test_serving_reminds_of_gunicorn_s_line(
    number, made_here, silenced, warns, monkeypatch, tmp_path, caplog
):
    """Of several gunicorn workers without our line, the one that made the folder says what is lacking."""
    monkeypatch.setattr(runtime, "_serving", False)
    monkeypatch.setattr(runtime.workers, "shared_folder", lambda: tmp_path)
    monkeypatch.setattr(runtime.gunicorn_check, "workers_here", lambda: number)
    monkeypatch.setattr(runtime.folders, "was_made_here", lambda folder: made_here)
    monkeypatch.setattr(runtime._store, "attach", lambda folder: None)
    monkeypatch.setattr(runtime._exporter, "batch", 16)
    monkeypatch.setattr(units, "shared", False)
    with override_settings(SILENCED_SYSTEM_CHECKS=silenced):
        runtime.serving()

    found = [each.getMessage() for each in caplog.records if each.name == "djmetrics"]
    assert len(found) == warns
    if warns:
        assert found[0].startswith("gunicorn runs 3 worker processes, but its configuration does not import")
        assert "from djmetrics.gunicorn import *" in found[0]


def test_serving_is_not_shown_by_the_test_client(monkeypatch):
    """Its requests are no sign of a server."""
    monkeypatch.setattr(runtime, "_serving", False)
    request = RequestFactory().get("/")
    request._dont_enforce_csrf_checks = True
    runtime.serving(request)

    assert not runtime._serving


def test_serving_when_off(monkeypatch):
    """Nothing is shared by what does not measure."""
    monkeypatch.setattr(runtime, "_serving", False)
    runtime.stop()
    runtime.serving()

    assert not runtime._serving


def test_serving_opens_the_port(monkeypatch):
    """METRICS_PORT is bound where requests are served, not by management commands."""
    calls: list[Any] = []
    monkeypatch.setattr(units, "shared", False)
    monkeypatch.setattr(runtime.port, "start", lambda *args: calls.append(args))
    monkeypatch.setattr(runtime.workers, "shared_folder", lambda: None)
    with override_settings(DJMETRICS={"METRICS_PORT": 9999}):
        for is_command in True, False:
            monkeypatch.setattr(runtime.workers, "is_management_command", lambda: is_command)  # noqa: B023
            monkeypatch.setattr(runtime, "_serving", False)
            runtime.serving()

    assert [each[:2] for each in calls] == [(9999, "127.0.0.1")]
    assert not units.shared


@pytest.mark.usefixtures("lenient")
def test_serving_that_fails(monkeypatch):
    """It is counted, and not tried with each request."""

    def fail() -> None:
        raise OSError

    monkeypatch.setattr(guard, "counts", Counter())
    monkeypatch.setattr(runtime, "_serving", False)
    monkeypatch.setattr(runtime.workers, "shared_folder", fail)
    runtime.serving()
    runtime.serving()

    assert guard.counts == {"runtime.serving": 1}
