"""In which folder the worker processes of one server share their figures.

Each worker asks ``shared_folder`` when it serves its first request. Servers are told by what they leave in
the process, never by configuration. Knows neither Django nor Prometheus: gunicorn's configuration file
imports it before the site is there.
"""

import hashlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from . import folders

ENVIRONMENT = "DJMETRICS_MULTIPROC_DIR"
"""The folder itself: given by the site's owner, or by our own hooks in gunicorn's master."""

PROMETHEUS_ENVIRONMENT = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client's folder, full of its own files: ours go into a folder inside it."""

# Scripts that run management commands, and those commands that serve requests.
MANAGEMENT_SCRIPTS = {"manage.py", "manage", "django-admin", "django-admin.py"}
SERVING_COMMANDS = {"runserver", "runserver_plus", "testserver"}

# Packages of servers that a management command of the site's own may run.
SERVERS = {"cheroot", "daphne", "granian", "hypercorn", "uvicorn", "waitress"}

# The modules that `python -m` may run in place of gunicorn's own script.
GUNICORN_MODULES = (("gunicorn", "__main__.py"), ("app", "wsgiapp.py"))


def shared_folder() -> Path | None:
    """The folder that this worker shares with its siblings, made and held if need be.

    None means that this process is its server's only one (or no server at all): its figures stay in memory.
    The folder comes from the environment, else from the server: workers of one master find the same one.
    """
    if is_management_command():
        return None
    if (given := given_folder()) is not None:
        return _checked(given)
    if (key := server_key()) is not None:
        return folders.private_folder(key, os.geteuid(), os.getegid())
    return None


def given_folder() -> Path | None:
    """The folder that the environment names; nothing is made."""
    if own := os.environ.get(ENVIRONMENT):
        return Path(os.path.realpath(own))
    if shared := os.environ.get(PROMETHEUS_ENVIRONMENT):
        return Path(os.path.realpath(shared)) / "djmetrics"
    return None


def server_key() -> str | None:
    """A name for the server whose worker this process is; None when it works alone."""
    return _uwsgi_key() or _mod_wsgi_key() or _multiprocessing_key() or _gunicorn_key()


def is_management_command() -> bool:
    """Whether this process runs a management command or a shell, and not a server.

    A script of another name that calls Django's ``execute_from_command_line`` is known by that call; a command
    of the site's own that runs a server, by the server on the main thread's stack.
    """
    if _uwsgi_key() or _mod_wsgi_key() or _gunicorn_key():
        return False
    if hasattr(sys, "ps1") or sys.flags.interactive:
        return True
    if not _is_management_script():
        return False
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    # Tests start servers, too, such as channels' live server.
    return command not in SERVING_COMMANDS and (command == "test" or not _runs_server())


def gunicorn_worker() -> Any:
    """The object that gunicorn has for the worker that this process is; None in any other process."""
    base: Any = sys.modules.get("gunicorn.workers.base")
    if base is None:
        return None
    for found in (*_signal_receivers(), *_spawned()):
        if isinstance(found, base.Worker) and found.pid == os.getpid():
            return found
    return None


def is_gunicorn_line(argv: Sequence[str]) -> bool:
    """Whether a command line, as in ``sys.argv``, is that of gunicorn's own program."""
    program = Path(argv[0] if argv else "")
    return program.name.startswith("gunicorn") or program.parts[-2:] in GUNICORN_MODULES


def _checked(folder: Path) -> Path | None:
    uid, gid = os.geteuid(), os.getegid()
    if folders.is_private(folder):
        return folders.private_folder(folder.name, uid, gid)
    return folders.given_folder(folder, uid, gid)


def _uwsgi_key() -> str | None:
    """Only inside uWSGI's processes is there a module of this name."""
    server: Any = sys.modules.get("uwsgi")
    if server is None or not hasattr(server, "masterpid"):
        return None
    if master := server.masterpid():
        return folders.process_key(master)
    if server.numproc > 1:  # without a master the first worker is the parent of the others
        return folders.process_key(server.workers()[0]["pid"])
    return None


def _mod_wsgi_key() -> str | None:
    """Apache's processes have one parent; each group of them, and each interpreter in it, is its own site."""
    server: Any = sys.modules.get("mod_wsgi")
    group = getattr(server, "process_group", None)
    if group is None:
        return None
    site = f"{group}|{getattr(server, 'application_group', '')}"
    return folders.process_key(os.getppid(), hashlib.sha256(site.encode()).hexdigest()[:12])


def _multiprocessing_key() -> str | None:
    """Such servers as uvicorn, hypercorn and granian start their workers with multiprocessing."""
    parent = multiprocessing.parent_process()
    return folders.process_key(parent.pid) if parent is not None and parent.pid is not None else None


def _gunicorn_key() -> str | None:
    """A gunicorn worker was forked by the process that runs the arbiter; for a site without our line."""
    if (worker := gunicorn_worker()) is not None:
        return folders.process_key(worker.ppid)
    if "gunicorn.arbiter" in sys.modules and _is_fork_of_parent():
        return folders.process_key(os.getppid())
    return None


def _signal_receivers() -> Iterator[object]:
    """Whose methods handle this process's signals: a gunicorn worker's own, with all but its ASGI workers."""
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGABRT):
        yield getattr(signal.getsignal(number), "__self__", None)


def _spawned() -> Iterator[object]:
    """The worker that gunicorn's arbiter runs further up on the main thread's stack, with all but greenlets."""
    for frame in _main_stack():
        if frame.f_code.co_name == "spawn_worker" and frame.f_globals.get("__name__") == "gunicorn.arbiter":
            yield frame.f_locals.get("worker")


def _runs_server() -> bool:
    modules = (str(frame.f_globals.get("__name__")) for frame in _main_stack())
    return any(module.partition(".")[0] in SERVERS for module in modules)


def _main_stack() -> Iterator[FrameType]:
    """What the main thread is doing, the innermost call first; asked by any thread."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_fork_of_parent() -> bool:
    """Whether this process and its parent have one command line, as only a fork without exec leaves it."""
    try:
        own, parent = (Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (os.getpid(), os.getppid()))
    except OSError:
        return is_gunicorn_line(sys.argv)
    # With setproctitle installed, gunicorn gives its processes titles of their own.
    return own == parent or own.startswith(b"gunicorn: worker")


def _is_management_script() -> bool:
    main = sys.modules.get("__main__")
    if sys.argv and Path(sys.argv[0]).name in MANAGEMENT_SCRIPTS:
        return True
    if getattr(getattr(main, "__spec__", None), "name", None) == "django.__main__":
        return True
    codes = (getattr(value, "__code__", None) for value in vars(main).values()) if main else ()
    return any("execute_from_command_line" in code.co_names for code in codes if code is not None)
