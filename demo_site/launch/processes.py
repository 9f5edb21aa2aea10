"""Start processes, watch them, and stop every one of them."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

READY_SECONDS = 60
STOP_SECONDS = 10
PAUSE = 0.25

_opener = build_opener(ProxyHandler({}))


class Failure(Exception):
    """Why the demo cannot go on, for the reader."""


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a command to its end, its output shown; Failure if it does not succeed."""
    status = subprocess.run(command, env=environment).returncode
    if status != 0:
        raise Failure(f"This ended with status {status}: {' '.join(command)}")


def quietly(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end in ``folder``, its output kept: it is returned, or said by the Failure."""
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise Failure(f"This ended with status {done.returncode}: {' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout


class Processes:
    """The processes of the demo. Each has a process group of its own, and a log file in ``logs``."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._in_front: subprocess.Popen[bytes] | None = None

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a process in the background, out of reach of the terminal's Ctrl-C."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_in_front(
        self, name: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start the process that has the terminal, and is in our own group: Ctrl-C reaches it too."""
        self._in_front = subprocess.Popen(command, env=environment)
        return self._in_front

    def wait_for(self, url: str, name: str) -> None:
        """Wait until ``url`` answers; Failure if the process ends before, or takes too long."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            self._check(name)
            if self._answers(url, name):
                return
            time.sleep(PAUSE)
        raise Failure(f"{name} did not answer within {READY_SECONDS} s.{self._tail(name)}")

    def _answers(self, url: str, name: str) -> bool:
        """Whether ``url`` answers well; Failure if it fails for good: 503 alone means "not yet"."""
        try:
            with _opener.open(url, timeout=5):
                return True
        except HTTPError as error:
            if error.code != 503:
                raise Failure(f"{url} answers {error.code}.{self._tail(name)}") from None
        except (URLError, OSError):
            pass
        return False

    def watch(self, table: subprocess.Popen[bytes], seconds: float | None) -> None:
        """Wait for the table's end, or ``seconds``; Failure if any process ends by itself."""
        end = time.monotonic() + seconds if seconds is not None else float("inf")
        while time.monotonic() < end:
            for name in self._running:
                self._check(name)
            if table.poll() is not None:
                if table.returncode != 0:
                    raise Failure(f"The table ended with status {table.returncode}.")
                return
            time.sleep(PAUSE)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a process a signal: it alone, not its children."""
        self._running[name].send_signal(number)

    def stop(self) -> None:
        """Stop all of them, the last one first: asked at first, then made to."""
        if self._in_front is not None:
            if self._in_front.poll() is None:
                self._in_front.terminate()
            _ended(self._in_front)
        for process in reversed(self._running.values()):
            _signal_group(process, signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        for process in self._running.values():
            _ended(process, end - time.monotonic())
        self._running.clear()

    def _check(self, name: str) -> None:
        status = self._running[name].poll()
        if status is not None:
            raise Failure(f"{name} ended with status {status}.{self._tail(name)}")

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _tail(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()[-15:]
        return "\n".join([f" The end of {self._log(name)}:", *lines])


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal a process and all that it started; its id is its group's too."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _ended(process: subprocess.Popen[bytes], seconds: float = STOP_SECONDS) -> None:
    """Wait for the end of a process, and put an end to it and to what it left behind."""
    try:
        process.wait(max(0.1, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
    if process.pid != os.getpgrp():
        _signal_group(process, signal.SIGKILL)
    process.wait()
