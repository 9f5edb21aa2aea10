"""METRICS_PORT: the metrics page on a port of its own, one server per host.

Every worker process tries to bind the port, and whoever gets it serves. The others try again each second, so
that one of them takes over when the one that serves dies: the port is the lock, and the kernel frees it.
"""

import errno
import logging
import os
import threading
from http.client import HTTPConnection, HTTPException

from .page import RegistryFactory
from .page_server import SIGNATURE, Server

logger = logging.getLogger("djmetrics")

RETRY = 1.0
"""Seconds between two attempts to get the port."""
ASK_EVERY = 60
"""After how many failed attempts to ask anew who has the port."""


def start(port: int, address: str, registry_factory: RegistryFactory) -> None:
    """Serve /metrics on ``address`` and ``port`` from this process, as soon and as long as no other one does.

    Returns at once and never raises. A second call with the same place does nothing; another place replaces
    the first. A child that this process forks competes for the port by itself. ``registry_factory`` is asked
    at each request.
    """
    global _candidate
    candidate = Candidate(port, address, registry_factory)
    with _lock:
        if _candidate is not None and _candidate.place == candidate.place and _candidate.runs():
            return
        before, _candidate = _candidate, candidate
        candidate.start()
    if before is not None:
        before.stop()


def stop() -> None:
    """Give the port up and end the thread; for tests."""
    global _candidate
    with _lock:
        before, _candidate = _candidate, None
    if before is not None:
        before.stop()


class Candidate:
    """One process's claim to the port, and its thread."""

    def __init__(self, port: int, address: str, registry_factory: RegistryFactory) -> None:
        self.place = (address, port)
        self.registry_factory = registry_factory
        self.server: Server | None = None
        self._pid = 0
        self._delay = 0.0
        self._failures = 0
        self._complained = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="djmetrics-port", daemon=True)

    def start(self, delay: float = 0.0) -> None:
        """Begin to compete for the port, ``delay`` seconds from now."""
        self._delay = delay
        self._pid = os.getpid()
        self._thread.start()

    def runs(self) -> bool:
        """Whether the thread is at work in this process, and not only in the one that forked it."""
        return self._pid == os.getpid() and self._thread.is_alive()

    def stop(self) -> None:
        """End the thread and free the port."""
        self._stopped.set()
        if self.runs() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        self._stopped.wait(self._delay)
        while not self._stopped.is_set():
            try:
                self._bind()
                self._serve()
            except OSError as error:
                self._failures += 1
                self._complain(error)
                self._stopped.wait(RETRY)

    def _bind(self) -> None:
        # Under the lock, so that no fork happens between the socket's birth and our knowing of it.
        with _lock:
            self.server = Server(self.place, self.registry_factory)
        self._failures = 0

    def _serve(self) -> None:
        assert self.server is not None
        with self.server as server:
            while not self._stopped.is_set():
                server.handle_request()

    def _complain(self, error: OSError) -> None:
        """Say once why the port cannot be had, unless one of our own serves there, as it should be.

        Who it is is asked at the first failure and now and then; whoever is silent may just be coming or
        going, and is asked twice.
        """
        turn = self._failures % ASK_EVERY
        if self._complained or turn not in {1, 3}:
            return
        address, port = self.place
        reason = str(error)
        if error.errno == errno.EADDRINUSE:
            found = who_serves(address, port)
            if found == SIGNATURE or (found is None and turn == 1):
                return
            reason = f"another program has it ({found or 'it does not say which'})"
        logger.warning("METRICS_PORT: cannot listen on %s port %s: %s. Trying on.", address, port, reason)
        self._complained = True


def who_serves(address: str, port: int) -> str | None:
    """The Server header of whoever listens there, "" if there is none, or None if nobody answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - asked about, not bound
    connection = HTTPConnection(host, port, timeout=RETRY)
    try:
        connection.request("HEAD", "/")
        return connection.getresponse().getheader("Server", "")
    except OSError:
        return None
    except HTTPException:
        return ""
    finally:
        connection.close()


def _after_fork_in_child() -> None:
    """Let go of the parent's sockets, which would keep the port when it dies, and compete for ourselves.

    The first attempt waits, so that a child that lives for a moment only does not take part.
    """
    global _candidate, _lock
    _lock = threading.Lock()
    before, _candidate = _candidate, None
    if before is None:
        return
    if before.server is not None:
        before.server.abandon()
    address, port = before.place
    _candidate = Candidate(port, address, before.registry_factory)
    _candidate.start(delay=RETRY)


_lock = threading.Lock()
_candidate: Candidate | None = None

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=lambda: _lock.acquire(),
        after_in_parent=lambda: _lock.release(),
        after_in_child=_after_fork_in_child,
    )
