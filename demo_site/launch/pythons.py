"""The best Python on this machine, and the demo's own virtual environment."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .processes import Failure, run

# The ones that djmetrics is tested with, the newest first; then whatever runs this file.
NAMES = ("python3.13", "python3.12", "python3.11")
PROBE = "import ensurepip, sys, venv; print(sys.version_info >= (3, 11))"
SERVICES = {"DATABASE_URL": ("postgres", "mysql"), "CACHE_URL": ("redis", "pymemcache")}
"""The variables that name a server, and the schemes for which a driver must be installed."""


def usable(python: str) -> bool:
    """Whether this Python starts, is new enough, and can make virtual environments."""
    try:
        answer = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == "True"


def best() -> str:
    """The path of the best Python; Failure if none can make a virtual environment."""
    found = [path for name in NAMES if (path := shutil.which(name))]
    for python in [*found, sys.executable]:
        if usable(python):
            return python
    raise Failure(
        "No Python here can make a virtual environment. On Debian and Ubuntu: apt install python3-venv"
    )


def environment(folder: Path, site: Path, say: Callable[[str], None]) -> Path:
    """The Python of the virtual environment in ``folder``, made and filled if it is not up to date."""
    wanted = [site / "requirements.txt"]
    if any(os.environ.get(name, "").startswith(schemes) for name, schemes in SERVICES.items()):
        wanted.append(site / "requirements-services.txt")
    checkout = site.parent
    python = folder / "bin" / "python"
    stamp = folder / "complete"
    fingerprint = digest([*wanted, checkout / "pyproject.toml"])
    if stamp.is_file() and stamp.read_text() == fingerprint and usable(str(python)):
        return python

    base = best()
    say(f"Making {folder} with {base} (once; a minute or two).")
    run([base, "-m", "venv", "--clear", str(folder)])
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    requirements = [part for path in wanted for part in ("-r", str(path))]
    run([*install, "-e", f"{checkout}[opentelemetry,sentry,top]", *requirements])
    stamp.write_text(fingerprint)
    return python


def apart(
    folder: Path,
    installation: Callable[[str, Path], list[list[str]]],
    package: str,
    say: Callable[[str], None],
) -> Path:
    """The Python of a virtual environment for one package that cannot share the site's."""
    python = folder / "bin" / "python"
    stamp = folder / "complete"
    if stamp.is_file() and stamp.read_text() == package and usable(str(python)):
        return python
    say(f"Making {folder} with {package} (once; some seconds).")
    for command in installation(best(), folder):
        run(command)
    stamp.write_text(package)
    return python


def digest(paths: list[Path]) -> str:
    """A fingerprint of the files' contents and of where they are."""
    parts = [f"{path}\0{path.read_text()}" for path in paths]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
