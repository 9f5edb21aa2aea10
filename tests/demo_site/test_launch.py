"""The parts of ``make demo``, with real ports and real processes."""

import contextlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from launch import parts, ports, pythons
from launch.processes import Failure, Processes, run

from djmetrics.rules import document
from djmetrics.rules.options import Options

pytestmark = pytest.mark.once

SLEEPER = "import time; time.sleep(300)"
# A master with a worker that does not care to be asked.
FAMILY = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"],
    stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(300)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path / "log")
    yield started
    started.stop()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: object, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_a_free_port_is_kept() -> None:
    """A wanted port that is free is the chosen one, and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    said: list[str] = []
    assert ports.choose(free, "the site", said.append) == free
    assert said == []


@pytest.mark.parametrize("address", ["127.0.0.1", ""], ids=["loopback", "everywhere"])
def test_a_taken_port_is_replaced(address: str) -> None:
    """Another port takes the place of one that is taken, it is free, and both are told."""
    said: list[str] = []
    with socket.create_server((address, 0)) as server:
        taken = server.getsockname()[1]
        chosen = ports.choose(taken, "the site", said.append)
    assert chosen != taken
    assert ports.is_free(chosen)
    assert said == [f"Port {taken} is taken: the site uses {chosen}."]


def test_stopping_reaches_the_workers_too(processes: Processes, tmp_path: Path) -> None:
    """What a process has started ends with it, also what ignores SIGTERM."""
    processes.start("family", python(FAMILY), dict(os.environ))
    log = tmp_path / "log" / "family.log"
    eventually(lambda: log.read_text().endswith("\n"))
    worker = int(log.read_text())
    assert is_alive(worker)
    processes.stop()
    eventually(lambda: not is_alive(worker))


def test_the_one_in_front_is_stopped(processes: Processes) -> None:
    """The process that has the terminal is asked to end like the others; we, in its group, live on."""
    table = processes.start_in_front("table", python(SLEEPER), dict(os.environ))
    processes.stop()
    assert table.returncode == -signal.SIGTERM


def test_a_process_that_ends_by_itself_is_a_failure(processes: Processes) -> None:
    """The reader is told its status and the end of its log."""
    processes.start("broken", python("print('no such module'); raise SystemExit(3)"), dict(os.environ))
    table = processes.start_in_front("table", python(SLEEPER), dict(os.environ))
    with pytest.raises(Failure, match=r"(?s)broken ended with status 3.*no such module"):
        processes.watch(table, 20)


def test_watching_ends_in_time(processes: Processes) -> None:
    """After the given seconds it is over, with everything still running."""
    table = processes.start_in_front("table", python(SLEEPER), dict(os.environ))
    began = time.monotonic()
    processes.watch(table, 0.3)
    assert 0.3 <= time.monotonic() - began < 5
    assert table.poll() is None


def test_the_end_of_the_table_is_the_end(processes: Processes) -> None:
    """A table that ends well ends the demo; one that fails is a failure."""
    processes.watch(processes.start_in_front("table", python(""), dict(os.environ)), None)
    failing = processes.start_in_front("table", python("raise SystemExit(2)"), dict(os.environ))
    with pytest.raises(Failure, match="status 2"):
        processes.watch(failing, None)


@contextlib.contextmanager
def answering(*statuses: int) -> Iterator[str]:
    """A server that gives these statuses one after the other, the last one for ever."""
    left = list(statuses)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_waiting_for_a_server(processes: Processes) -> None:
    """503 means "not yet"; another error is for good, and so is the server's own end."""
    processes.start("server", python(SLEEPER), dict(os.environ))
    with answering(503, 503, 200) as url:
        processes.wait_for(url, "server")
    with answering(500) as url, pytest.raises(Failure, match="answers 500"):
        processes.wait_for(url, "server")
    processes.start("gone", python("raise SystemExit(1)"), dict(os.environ))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(Failure, match="gone ended with status 1"):
            processes.wait_for(f"http://127.0.0.1:{held.getsockname()[1]}/", "gone")


def test_a_step_that_fails_stops_the_demo() -> None:
    """A command that does not succeed is named with its status."""
    run(python(""))
    with pytest.raises(Failure, match="status 4"):
        run(python("raise SystemExit(4)"))


def test_which_pythons_can_be_used(tmp_path: Path) -> None:
    """One that runs and can make environments is usable; what is missing or fails is not."""
    broken = tmp_path / "python3.13"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    assert pythons.usable(sys.executable)
    assert not pythons.usable(str(broken))
    assert not pythons.usable(str(tmp_path / "python3.99"))


def test_a_broken_python_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer Python that does not start gives way to one that does."""
    for name in pythons.NAMES:
        (tmp_path / name).write_text("#!/bin/sh\nexit 127\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pythons.best() == sys.executable


def test_the_environment_is_made_anew_when_its_contents_change(tmp_path: Path) -> None:
    """The fingerprint follows the requirements, and where they are."""
    one = tmp_path / "requirements.txt"
    one.write_text("a")
    before = pythons.digest([one])
    assert pythons.digest([one]) == before
    one.write_text("b")
    assert pythons.digest([one]) != before


def test_prometheus_is_told_what_to_scrape(tmp_path: Path, promtool: object) -> None:
    """The configuration is one that promtool accepts, with the site as target, its rules, and the token in a file."""
    place = parts.Place(Path("/site"), Path(sys.executable), "http://127.0.0.1:8123", "to'k\"en", Path("/r"))
    command = parts.prometheus(place, "prometheus", 9123, tmp_path, "127.0.0.1:9124")
    assert "--web.listen-address=127.0.0.1:9123" in command
    parts.rules(tmp_path).write_text(document.text({}, Options()))
    checked = promtool("check", "config", str(tmp_path / "prometheus.yml"))  # type: ignore[operator]
    assert "SUCCESS" in checked
    assert "rules found" in checked
    assert "127.0.0.1:9124" in (tmp_path / "prometheus.yml").read_text()
    assert (tmp_path / "token").read_text() == place.token
    assert "127.0.0.1:8123" in (tmp_path / "prometheus.yml").read_text()


def test_the_launcher_needs_the_standard_library_alone() -> None:
    """It starts with no package but Python's own: -I -S sees no site-packages."""
    script = Path(parts.__file__).parents[1] / "run.py"
    code = f"import sys; sys.path.insert(0, {str(script.parent)!r}); import runpy; sys.argv = ['run.py', '--help']; "
    code += f"runpy.run_path({str(script)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--seconds" in done.stdout
