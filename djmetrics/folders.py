"""Folders that the processes of one server share: made safely, held in use, removed when nobody is left.

A held folder carries a shared ``flock`` on the folder itself, so that "is anybody alive in here?" is one
system call and a killed process lets go by dying. The folders that we choose ourselves are
``<base>/djmetrics-<uid>/<pid>-<start time>[-<group>]``, after the process that all workers descend from.
"""

import logging
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where none of the servers with several processes runs
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger("djmetrics")

OUR_FILES = ("index*", "slot-*", "exemplars-*")
"""What the Prometheus store writes into a folder; anything else in there is somebody else's."""

PROC = Path("/proc")
UNKNOWN_START = "0"
_held: dict[Path, int] = {}
_made: set[Path] = set()
_warned: set[str] = set()


def process_key(pid: int, group: str = "") -> str:
    """A name for one process that a later process with the same pid does not have."""
    return "-".join(filter(None, (str(pid), start_time(pid) or UNKNOWN_START, group)))


def start_time(pid: int) -> str | None:
    """When a process started, in a spelling of this machine's own; None when there is no such process."""
    return _start_by_proc(pid) if (PROC / "self/stat").exists() else _start_by_ps(pid)


def is_alive(key: str) -> bool:
    """Whether the process that ``process_key`` named still runs; in doubt, yes."""
    pid, start = (*key.split("-"), UNKNOWN_START)[:2]
    now = start_time(int(pid))
    if now is not None and start != UNKNOWN_START:
        return now == start
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def private_folder(key: str, uid: int, gid: int) -> Path | None:
    """The folder for ``key``, made if need be, open to ``uid`` alone, and held; None and a warning if unsafe.

    Whoever makes a new one also removes those that dead servers left beside it.
    """
    home = _base() / f"djmetrics-{uid}"
    try:
        _make_private(home, uid, gid)
        is_new = _make_private(home / key, uid, gid)
    except OSError as error:
        _warn_once(
            "No safe folder to share figures in (%s): each worker shows its own only. "
            "Name another in DJMETRICS_MULTIPROC_DIR: see docs/howto/processes.md.",
            error,
        )
        return None
    hold(home / key)
    if is_new:
        _made.add(home / key)
        _sweep(home)
    return home / key


def was_made_here(folder: Path) -> bool:
    """Whether this process made the private folder, as one alone of those that share it does."""
    return folder in _made


def is_private(folder: Path) -> bool:
    """Whether a folder is one that ``private_folder`` made, judged by its path."""
    return folder.parent.parent == _base() and re.fullmatch(r"djmetrics-\d+", folder.parent.name) is not None


def given_folder(folder: Path, uid: int, gid: int) -> Path | None:
    """A folder that the site's owner chose, made if need be, and held; None and a warning if it cannot be."""
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            os.chown(folder, uid, gid)
        hold(folder)
    except OSError as error:
        _warn_once(
            "Cannot share figures in the folder given (%s): each worker shows its own only. "
            "Let the server's user write there: see docs/howto/processes.md.",
            error,
        )
        return None
    return folder


def hold(folder: Path) -> None:
    """Mark a folder as in use by this process and by those it forks, until they end."""
    if folder in _held or fcntl is None:
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    fcntl.flock(handle, fcntl.LOCK_SH)
    _held[folder] = handle


def release(folder: Path) -> None:
    """Take this process's mark away."""
    if (handle := _held.pop(folder, None)) is not None:
        os.close(handle)


def remove_if_idle(folder: Path) -> bool:
    """Remove a folder that nobody holds; whether it was removed."""
    return _if_idle(folder, lambda: shutil.rmtree(folder, ignore_errors=True))


def clean_if_idle(folder: Path) -> bool:
    """Remove our files, and only ours, from a folder that nobody holds; whether that was so."""
    return _if_idle(folder, lambda: _remove_our_files(folder))


def _base() -> Path:
    """Shared memory where the system has it, as it costs no disk; else the folder for temporary files."""
    memory = Path("/dev/shm")  # noqa: S108 (what is made in it is private, and checked)
    usable = os.access(memory, os.W_OK | os.X_OK)
    return Path(os.path.realpath(memory if usable else tempfile.gettempdir()))


def _make_private(folder: Path, uid: int, gid: int) -> bool:
    """Make a folder for one user, or check that the one that is there can be trusted; whether it was made."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        is_new = False
    else:
        is_new = True
        if uid != os.geteuid():
            os.chown(folder, uid, gid, follow_symlinks=False)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{folder} is not a folder of its own")
    if found.st_uid != uid or found.st_mode & 0o077:
        raise PermissionError(f"{folder} belongs to, or is open to, somebody else")
    return is_new


def _start_by_proc(pid: int) -> str | None:
    try:
        # The second field is the command's name, which may hold spaces and brackets; the 22nd is the start.
        return (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def _start_by_ps(pid: int) -> str | None:
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (a number)
    except OSError:
        return None
    return re.sub(r"\W", "", listed.stdout) or None


def _sweep(home: Path) -> None:
    """Remove the folders of servers that are gone."""
    for folder in home.iterdir():
        if re.match(r"\d+-\w+", folder.name) and not is_alive(folder.name):
            remove_if_idle(folder)


def _if_idle(folder: Path, act: Callable[[], None]) -> bool:
    if fcntl is None:
        return False
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        act()
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _remove_our_files(folder: Path) -> None:
    for pattern in OUR_FILES:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def _warn_once(message: str, error: OSError) -> None:
    if message not in _warned:
        _warned.add(message)
        logger.warning(message, error)
