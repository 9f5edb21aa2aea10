"""Starting and stopping the site under a server."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.components import process

from .client import fetch

ROOT = Path(__file__).parents[2]
FILE_BYTES = 300_000
WORKERS = 2
STAND_IN = 64_999
"""An ordinary user's number that nobody has."""
TICKS = os.sysconf("SC_CLK_TCK")

Command = Callable[[int, Path], Sequence[str]]


class Refused(Exception):
    """This machine does not allow what a server needs; the message says what."""


@dataclass(frozen=True)
class Configuration:
    """One way to run the site."""

    name: str
    command: Command
    workers: int = WORKERS
    interface: str = "wsgi"
    env: dict[str, str] = field(default_factory=dict)
    respawns: bool = True
    """Whether the server replaces a worker that was killed."""
    tells_disconnects: bool = True
    """Whether the server lets the site know that the client of a stream went away."""
    stop: signal.Signals = signal.SIGTERM
    program: str | None = None
    """A program that must be installed, where a Python module is not enough."""
    refuses_root: bool = False
    """Whether the server, started by root, gives its workers to a user who may not be able to read this Python."""


def with_environment(configuration: Configuration, **variables: str) -> Configuration:
    """The same with these variables besides."""
    return replace(configuration, env={**configuration.env, **variables})


@dataclass(frozen=True)
class Server:
    """A running site."""

    configuration: Configuration
    port: int
    pid: int
    folder: Path

    def worker(self) -> tuple[int, Path | None]:
        """The process that answers one request, and the folder for its figures."""
        told = fetch(self.port, "/worker/").json()
        return told["pid"], Path(told["folder"]) if told["folder"] else None

    def worker_pids(self, wanted: int, *, seconds: float = 10.0) -> set[int]:
        """The processes that answer requests, once so many have been seen, or the time is over."""
        deadline = time.monotonic() + seconds
        found: set[int] = set()
        while len(found) < wanted and time.monotonic() < deadline:
            found.add(self.worker()[0])
        return found

    def cpu_seconds(self) -> float:
        """CPU time of all the server's processes, ended ones included, by the kernel's own account."""
        return sum(_cpu_ticks(pid) for pid in (self.pid, *descendants(self.pid))) / TICKS

    def is_recycling(self) -> bool:
        """Whether workers end by themselves, after a number of requests."""
        return "recycling" in self.configuration.name

    def log(self) -> str:
        """The last of what the server wrote."""
        return process.tail(self.folder / "server.log")


def descendants(pid: int) -> list[int]:
    """Every living process that descends from this one."""
    parents: dict[int, int] = {}
    for listed in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(listed.parent.name)] = int(listed.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))  # utime, stime, and those of its waited-for children


@contextmanager
def serving(configuration: Configuration) -> Iterator[Server]:
    """Start the site under a server of its own and stop it at the end. Raises ``process.Missing`` or ``Refused``."""
    if configuration.program is not None and tool(configuration.program) is None:
        raise process.Missing(f"{configuration.program} is not installed")
    prefix = as_ordinary_user() if configuration.refuses_root else []
    port = process.free_port()
    with process.folder() as folder:
        content = folder / "file.bin"
        content.write_bytes(bytes(FILE_BYTES))
        log = folder / "site.log"
        log.touch()
        env = {
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "tests.servers.site.settings",
            "SITE_FILE": str(content),
            "SITE_LOG": str(log),
            **{key: value.format(folder=folder) for key, value in configuration.env.items()},
        }
        with process.running(
            [*prefix, *configuration.command(port, folder)],
            ready=lambda: process.answers(f"http://127.0.0.1:{port}/hello/"),
            cwd=folder,
            env=env,
        ) as popen:
            try:
                yield Server(configuration, port, popen.pid, folder)
            finally:
                _stop(popen, configuration.stop)


def _stop(popen: "subprocess.Popen[bytes]", polite: signal.Signals) -> None:
    """End the server; and then those of its processes that it left running."""
    family = descendants(popen.pid)
    popen.send_signal(polite)
    try:
        popen.wait(8)
    except subprocess.TimeoutExpired:  # uWSGI, of whose workers many were killed
        popen.kill()
        popen.wait()
    for pid in family:
        try:
            if str(ROOT) in Path(f"/proc/{pid}/environ").read_text():
                os.kill(pid, signal.SIGKILL)
        except OSError:
            continue  # it ended, as it should


def tool(name: str) -> str | None:
    """Where a program is: beside this Python, or on the path."""
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


def as_ordinary_user() -> list[str]:
    """What to put before a command that root must not run; nothing where we are not root.

    In a user namespace we are an ordinary user to ourselves, and still own what root owns, such as a Python in
    root's home. Raises ``Refused``.
    """
    if not process.is_root():
        return []
    prefix = ["unshare", "--user", f"--map-user={STAND_IN}", f"--map-group={STAND_IN}", "--"]
    try:
        subprocess.run([*prefix, "true"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        raise Refused(
            f"no user namespace for root, run this as an ordinary user: {reason.strip()}"
        ) from error
    return prefix
