"""Starting the site under each server."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.components import process

from .client import fetch

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
WSGI = "tests.servers.site.wsgi"
ASGI = "tests.servers.site.asgi"
FILE_BYTES = 300_000
WORKERS = 2
TICKS = os.sysconf("SC_CLK_TCK")

Command = Callable[[int, Path], Sequence[str]]


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
    """Start the site under a server of its own and stop it at the end. Raises ``process.Missing``."""
    if configuration.program is not None and (missing := _missing(configuration.program)):
        raise process.Missing(missing)
    port = process.free_port()
    with process.folder(_apache_user() if configuration.program == "mod_wsgi-express" else None) as folder:
        content = folder / "file.bin"
        content.write_bytes(bytes(FILE_BYTES))
        log = folder / "site.log"
        log.touch()
        for path, mode in ((content, 0o644), (log, 0o666), (folder, 0o755)):
            path.chmod(mode)
        env = {
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "tests.servers.site.settings",
            "SITE_FILE": str(content),
            "SITE_LOG": str(log),
            **{key: value.format(folder=folder) for key, value in configuration.env.items()},
        }
        with process.running(
            configuration.command(port, folder),
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
        popen.wait(4)
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


def _missing(program: str) -> str | None:
    """Why a program cannot be used here, or None."""
    if tool(program) is None and tool(f"py{program}") is None:
        return f"{program} is not installed"
    if program == "mod_wsgi-express" and _apache_user() is not None:
        # Started by root, Apache gives its workers to another user, who must be able to read this Python.
        for path in (Path(sys.base_prefix), Path(sys.prefix), ROOT):
            if closed := [each for each in (path, *path.parents) if not each.stat().st_mode & stat.S_IXOTH]:
                return f"Apache's user cannot enter {closed[0]}: run these tests as an ordinary user"
    return None


def _apache_user() -> str | None:
    return "www-data" if process.is_root() else None


def gunicorn(*options: str, app: str = WSGI, conf: str = "gunicorn_with.py") -> Command:
    """gunicorn with our line in its configuration, unless ``conf`` says otherwise."""

    def command(port: int, folder: Path) -> Sequence[str]:
        return [
            # Not `python -m gunicorn`: an upgraded master would run that module's file, beside which lies an `http`.
            *(str(tool("gunicorn")), "--config", str(HERE / conf), "--bind", f"127.0.0.1:{port}"),
            *("--workers", str(WORKERS), "--no-control-socket", "--graceful-timeout", "2"),
            *options,
            f"{app}:application",
        ]

    return command


def module(name: str, *options: str) -> Command:
    """A server that is started as a Python module; ``{port}`` stands for the port."""

    def command(port: int, folder: Path) -> Sequence[str]:
        return [sys.executable, "-m", name, *(option.format(port=port) for option in options)]

    return command


def uwsgi(*options: str) -> Command:
    """uWSGI, its own program or the one in the wheel."""

    def command(port: int, folder: Path) -> Sequence[str]:
        return [
            *(str(tool("uwsgi") or tool("pyuwsgi")), "--http-socket", f"127.0.0.1:{port}"),
            *("--virtualenv", sys.prefix, "--pythonpath", str(ROOT), "--module", f"{WSGI}:application"),
            *("--master", "--processes", str(WORKERS), "--threads", "2", "--die-on-term", "--need-app"),
            *("--worker-reload-mercy", "1", "--reload-mercy", "1"),
            *options,
        ]

    return command


def mod_wsgi(port: int, folder: Path) -> Sequence[str]:
    """Apache with mod_wsgi in daemon mode."""
    user = _apache_user()
    return [
        *(str(tool("mod_wsgi-express")), "start-server", "--port", str(port), "--host", "127.0.0.1"),
        *("--server-root", str(folder / "apache"), "--processes", str(WORKERS), "--threads", "4"),
        *("--python-path", str(ROOT), "--working-directory", str(folder), "--application-type", "module"),
        *("--log-to-terminal", *(("--user", user, "--group", user) if user else ())),
        *("--setenv", "SITE_FILE", str(folder / "file.bin")),
        *("--setenv", "SITE_LOG", str(folder / "site.log")),
        WSGI,
    ]


CONFIGURATIONS = (
    Configuration("gunicorn sync", gunicorn()),
    Configuration("gunicorn gthread", gunicorn("--worker-class", "gthread", "--threads", "4")),
    Configuration("gunicorn gevent", gunicorn("--worker-class", "gevent")),
    Configuration(
        "gunicorn uvicorn",
        gunicorn("--worker-class", "uvicorn_worker.UvicornWorker", app=ASGI),
        interface="asgi",
    ),
    Configuration("gunicorn preload", gunicorn("--preload")),
    Configuration("gunicorn recycling", gunicorn("--max-requests", "9", "--max-requests-jitter", "4")),
    Configuration("gunicorn without our line", gunicorn(conf="gunicorn_without.py")),
    Configuration(
        "gunicorn with PROMETHEUS_MULTIPROC_DIR", gunicorn(), env={"PROMETHEUS_MULTIPROC_DIR": "{folder}"}
    ),
    Configuration(
        "uvicorn",
        module("uvicorn", "--port", "{port}", "--lifespan", "off", f"{ASGI}:application"),
        workers=1,
        interface="asgi",
    ),
    Configuration(
        "uvicorn workers",
        module(
            *("uvicorn", "--port", "{port}", "--workers", str(WORKERS), "--lifespan", "off"),
            f"{ASGI}:application",
        ),
        interface="asgi",
    ),
    Configuration(
        "hypercorn",
        module("hypercorn", "--bind", "127.0.0.1:{port}", "--workers", str(WORKERS), f"{ASGI}:application"),
        interface="asgi",
        respawns=False,
    ),
    Configuration(
        "daphne",
        module("daphne", "--port", "{port}", "--bind", "127.0.0.1", f"{ASGI}:application"),
        workers=1,
        interface="asgi",
    ),
    Configuration(
        "granian wsgi",
        module(
            *("granian", "--interface", "wsgi", "--port", "{port}", "--workers", str(WORKERS)),
            f"{WSGI}:application",
        ),
        respawns=False,
    ),
    Configuration(
        "granian asgi",
        module(
            *("granian", "--interface", "asginl", "--port", "{port}", "--workers", str(WORKERS)),
            f"{ASGI}:application",
        ),
        interface="asgi",
        respawns=False,
    ),
    Configuration("uwsgi prefork", uwsgi(), stop=signal.SIGINT, program="uwsgi"),
    Configuration("uwsgi lazy-apps", uwsgi("--lazy-apps"), stop=signal.SIGINT, program="uwsgi"),
    Configuration("apache mod_wsgi", mod_wsgi, program="mod_wsgi-express"),
)
