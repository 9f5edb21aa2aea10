"""The interpreter that the suite runs with: this one, or a virtualenv with another Django."""

import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

from .source import cache_folder

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
NEEDED = ("jinja2", "tblib")


class EnvironmentProblem(Exception):
    """The suite cannot run in this environment; the message says what to do."""


def interpreter(version: str | None) -> tuple[str, str]:
    """The Python to run the suite with and its exact Django version.

    ``version`` is a series such as "5.2", an exact version, or None for the Django that is installed here.
    Another one than that is installed into a virtualenv of its own, once. Raises EnvironmentProblem.
    """
    import django

    here = django.get_version()
    if version is None or here == version or here.startswith(f"{version}."):
        lacking = [name for name in NEEDED if find_spec(name) is None]
        if lacking:
            names = ", ".join(lacking)
            raise EnvironmentProblem(f"Not installed: {names}. Run: pip install -r {REQUIREMENTS}")
        return sys.executable, here
    return _other(version)


def _other(version: str) -> tuple[str, str]:
    home = cache_folder() / f"python{sys.version_info.major}.{sys.version_info.minor}-django{version}"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    exact = version.count(".") == 2
    wanted = f"django=={version}" if exact else f"django~={version}.0"
    packages = [wanted, "prometheus-client", "-r", str(REQUIREMENTS)]
    done = _run(python, "-m", "pip", "install", "--quiet", *packages)
    if done.returncode:
        raise EnvironmentProblem(f"pip could not install {wanted}:\n{done.stdout}{done.stderr}")
    found = _run(python, "-c", "import django; print(django.get_version())")
    return str(python), found.stdout.strip()


def _run(python: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(python), *arguments], capture_output=True, text=True, check=False)
