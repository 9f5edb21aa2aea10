"""Starting, awaiting and stopping one server process."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .install import COMPONENTS

START_SECONDS = 30.0
STOP_SECONDS = 10.0


class Missing(Exception):
    """A program is not installed; the message names the Debian package that holds it."""


class NotStarted(Exception):
    """A server ended before it was ready, or was not ready in time; the message ends with what it wrote."""


def binary(name: str) -> str:
    """Where the program of this component is. Raises ``Missing``."""
    component = COMPONENTS[name]
    path = component.find()
    if path is None:
        raise Missing(f"{name} is not installed (Debian package: {' '.join(component.packages)})")
    return path


def free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Whether something accepts TCP connections on this loopback port."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    """Whether a GET of this address is answered with a status below 400."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def folder(owner: str | None = None) -> Iterator[Path]:
    """A new empty folder, given to ``owner`` when we are root; removed at the end.

    It lies directly in the system's temporary folder: a server that runs as another user must be able to reach it,
    and the path of a Unix socket in it must stay below 108 bytes.
    """
    path = Path(tempfile.mkdtemp(prefix="djmetrics-"))
    try:
        if owner is not None and is_root():
            shutil.chown(path, owner, pwd.getpwnam(owner).pw_gid)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def is_root() -> bool:
    """Whether this process may start others as any user."""
    return os.geteuid() == 0


def identity(user: str | None) -> dict[str, object]:
    """Arguments for ``subprocess`` that run a program as ``user`` when we are root, else as ourselves."""
    if user is None or not is_root():
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def run(command: Sequence[str], *, cwd: Path, user: str | None = None) -> None:
    """Run a preparing step to its end. Raises ``NotStarted`` with its output when it fails."""
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **identity(user)
    )
    if done.returncode:
        raise NotStarted(f"{command[0]} exited with {done.returncode}:\n{done.stdout[-2000:]}")


@contextmanager
def running(
    command: Sequence[str],
    *,
    ready: Callable[[], bool],
    cwd: Path,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server, wait until ``ready()``, and stop it at the end: politely, then by force.

    What it writes goes to ``server.log`` in ``cwd``. ``env`` is added to our own environment.
    Raises ``NotStarted``.
    """
    log = cwd / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            **identity(user),
        )
    try:
        wait_until_ready(process, ready, log)
        yield process
    finally:
        stop(process)


def wait_until_ready(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    """Return when ``ready()`` is true. Raises ``NotStarted`` when the process ended or took too long."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None:
            raise NotStarted(f"{process.args[0]} exited with {process.returncode}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise NotStarted(f"{process.args[0]} was not ready after {START_SECONDS:.0f} s:\n{tail(log)}")
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started and wait for it."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path) -> str:
    """The last 2,000 characters of a log."""
    return log.read_text(errors="replace")[-2000:]
