"""No room: a small tmpfs that is really full, and a limit on the size of files."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.components.fixtures import absent

from .helpers import MS, observations, observe

PREAMBLE = """
import logging, os, resource, sys
from pathlib import Path
from djmetrics.exporters.prometheus import OVERFLOW, Store
from tests.exporters.prometheus.helpers import *
logging.basicConfig(stream=sys.stdout, format="LOG %(message)s")
folder = Path(sys.argv[1])

def fill():
    with open(folder / "ballast", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass
"""


def run(code: str, folder: Path, *before: str) -> list[str]:
    """Run a program of its own: what it does wrong with a full disk ends in SIGBUS."""
    command = [*before, sys.executable, "-W", "error", "-c", PREAMBLE + textwrap.dedent(code), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout.splitlines()


def can_mount() -> bool:
    """Whether this user may have a mount namespace of its own."""
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--map-root-user", "true"], capture_output=True, check=False
        )
    except FileNotFoundError:
        return False
    return done.returncode == 0


@pytest.fixture
def mounts() -> None:
    """Asked for by a test that mounts a file system."""
    if not can_mount():
        absent("no mount namespaces for this user")


def on_tmpfs(code: str, folder: Path, size: str) -> list[str]:
    mount = f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"'
    return run(code, folder, "unshare", "--mount", "--map-root-user", "sh", "-c", mount, str(folder))


@pytest.mark.usefixtures("mounts")
def test_full_while_counting(tmp_path):
    """When the disk fills up, new series count as overflow; those that are there go on; nothing is lost."""
    lines = on_tmpfs(
        """
        store = Store(METRICS)
        store.attach(folder)
        observe(store, MS, "first", trace_id=5)
        fill()
        for number in range(3000):
            observe(store, MS, f"view-{number}", trace_id=5)
        observe(store, MS, "first", trace_id=6)
        found = values(store)
        print(observations(store))
        print(found['test_latency_seconds_count{error_type="",view="first"}'])
        print(found[f'test_latency_seconds_count{{error_type="{OVERFLOW}",view="{OVERFLOW}"}}'] > 2000)
        (folder / "ballast").unlink()
        page(store)
        observe(store, MS, "room again")
        print(values(store)['test_latency_seconds_count{error_type="",view="room again"}'])
        """,
        tmp_path,
        "2m",
    )
    logged = [line for line in lines if line.startswith("LOG")]
    assert lines[len(logged) :] == ["3002", "2.0", "True", "1.0"]
    assert len(logged) == 1
    assert "no room for more series of test.latency" in logged[0]
    assert "[Errno 28]" in logged[0]


@pytest.mark.usefixtures("mounts")
def test_full_from_the_beginning(tmp_path):
    """A worker that starts on a full disk counts in memory, and joins the others when there is room."""
    lines = on_tmpfs(
        """
        first = Store(METRICS)
        first.attach(folder)
        observe(first, MS)
        fill()
        second = Store(METRICS)
        second.attach(folder)
        observe(second, MS)
        print(observations(first), observations(second))
        (folder / "ballast").unlink()
        print(observations(second), observations(first))
        """,
        tmp_path,
        "1m",
    )
    assert lines[1:] == ["1 1", "2 2"]
    assert "cannot share metrics" in lines[0]


@pytest.mark.usefixtures("mounts")
def test_killed_worker_is_replaced_on_a_full_disk(tmp_path):
    """A heir finds its counters and their room in the slot; to reset gauges needs none."""
    lines = on_tmpfs(
        """
        store = Store(METRICS)
        store.attach(folder)
        def work():
            observe(store, MS)
            add(store, ACTIVE, ("GET",))
        held = Held(work)
        fill()
        held.kill()
        heir = Held(work)
        found = values(store)
        print(observations(store), found['test_active{method="GET"}'], found["djmetrics_workers"])
        print(len(slot_files(folder)))
        """,
        tmp_path,
        "1m",
    )
    assert lines == ["2 1.0 2.0", "2"]


def test_limited_file_size(tmp_path):
    """Under a limit on the size of files the process counts alone, and is not killed by the signal."""
    lines = run(
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        store = Store(METRICS)
        store.attach(folder)
        observe(store, MS)
        print(observations(store))
        """,
        tmp_path,
    )
    assert lines[-1] == "1"
    assert "cannot share metrics" in lines[0]


def test_file_system_that_cannot_allocate(store, tmp_path, monkeypatch):
    """Where blocks cannot be set aside by a call, they are by writing what is there."""

    def refuse(*arguments: int) -> None:
        raise OSError(95, "Operation not supported")

    store.attach(tmp_path)
    observe(store, MS, "a")
    store.close()
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    store.attach(tmp_path)
    observe(store, MS, "a")
    observe(store, MS, "b")

    assert observations(store) == 3
    assert (tmp_path / "slot-000.v1").stat().st_blocks * 512 >= 64 * 1024
