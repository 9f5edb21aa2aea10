"""``make demo``, as a reader starts it."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# One at a time: they share the demo's virtualenv and database.
pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.xdist_group("make demo")]


def running_in(session: int) -> list[str]:
    """The command lines of the processes whose environment has the mark of this test."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"DEMO_TEST={session}\0".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.fixture
def taken() -> Iterator[None]:
    """Somebody else's servers on the usual ports."""
    with socket.socket() as site, socket.socket() as prometheus:
        for held, port in ((site, 8000), (prometheus, 9090)):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):  # somebody else has it already: just as well
                held.bind(("127.0.0.1", port))
                held.listen()
        yield


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_shows_live_figures_and_stops_everything(taken: None, number: signal.Signals) -> None:
    """With the usual ports taken it says which it uses, shows figures of real load, and a signal ends all of it."""
    mark = os.getpid()
    demo = subprocess.Popen(
        ["python3", "demo_site/run.py", "--users", "6"],
        cwd=ROOT,
        env={
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("DJANGO", "COVERAGE", "PYTEST"))
        }
        | {"DEMO_TEST": str(mark)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert demo.stdout is not None
    seen: list[str] = []
    try:
        for line in demo.stdout:
            seen.append(line)
            rate = re.match(r"\s*all views\s+([\d.]+)", line)
            if rate and float(rate[1]) > 1:
                break
        names = " ".join(running_in(mark))
        demo.send_signal(number)
        rest = demo.stdout.read()
    finally:
        if demo.poll() is None:
            demo.terminate()
        demo.wait(60)
        demo.stdout.close()
    text = "".join(seen) + rest
    assert demo.returncode == 0, text
    assert re.search(r"Port 8000 is taken: the site uses \d+\.", text)
    assert re.search(r"The site\s+http://127\.0\.0\.1:\d+/", text)
    assert re.search(r"curl -H 'Authorization: Bearer [\w-]+' http://127\.0\.0\.1:\d+/metrics", text)
    assert "10,000 runs of 50 employees" in text
    assert "runs:" in text
    assert "gunicorn" in names
    assert "locust" in names
    assert "Everything is stopped." in text
    end = time.monotonic() + 5
    while left := running_in(mark):
        assert time.monotonic() < end, left
        time.sleep(0.1)
