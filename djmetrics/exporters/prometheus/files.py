"""Opening and locking the files that worker processes share.

``flock`` belongs to the open file description, not to the process: it ends when the last copy of the descriptor
is closed, so also by ``kill -9``, and a forked child holds a copy until it closes its own.
"""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SHARING = fcntl is not None
"""Whether this platform can share a folder between processes."""

PATIENCE = 1.0
_PAUSE = 0.0005


def open_file(path: Path) -> int:
    """Open ``path`` for reading and writing; create it, for root in the name of the folder's owner.

    A server that starts as root and whose workers change their user can thus share a folder.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        with contextlib.suppress(OSError):
            os.fchown(file, owner.st_uid, owner.st_gid)
    return file


def read_start(file: int, size: int) -> bytes:
    """The first ``size`` bytes, with zeros after the file's end.

    Of what another process writes meanwhile it may show half a word: see ``whole``.
    """
    data = b""
    while len(data) < size and (piece := os.pread(file, size - len(data), len(data))):
        data += piece
    return data.ljust(size, b"\0")


def write_all(file: int, data: bytes, start: int) -> None:
    """Write all of ``data``, or raise ``OSError``."""
    if os.pwrite(file, data, start) != len(data):
        raise OSError(errno.ENOSPC, "no room in the folder that processes share")


def same_file(file: int, path: Path) -> bool:
    """Whether ``path`` is still the open ``file``, and not removed or replaced since."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def try_lock(file: int) -> bool:
    """Take the lock if nobody has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(file: int) -> None:
    """Give the lock back, also on behalf of children that inherited the descriptor."""
    fcntl.flock(file, fcntl.LOCK_UN)


@contextlib.contextmanager
def locked(file: int, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock.

    Raises ``TimeoutError`` after ``patience`` seconds: whoever holds it that long was stopped in the middle, and a
    request must not wait for it.
    """
    waited = 0.0
    while not try_lock(file):
        if waited >= patience:
            raise TimeoutError("the index of series is locked by a process that does not go on")
        time.sleep(_PAUSE)
        waited += _PAUSE
    try:
        yield
    finally:
        unlock(file)
