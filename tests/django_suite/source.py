"""Django's source distribution, which holds its tests: fetched once per version, kept in the user's cache."""

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


class SourceError(Exception):
    """The source distribution could not be had; the message says why."""


def cache_folder() -> Path:
    """Where sources, environments and logs are kept: ``$XDG_CACHE_HOME/djmetrics/django-suite``."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "djmetrics" / "django-suite"


def tests_folder(version: str) -> Path:
    """The unpacked ``tests`` folder of this exact Django version; fetched when it is not there yet.

    Raises SourceError when pip cannot find or fetch it.
    """
    home = cache_folder() / f"django-{version}"
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            unpacked = _unpack(_download(version, Path(scratch)), Path(scratch) / "unpacked")
            _move(unpacked, home)
    return home / "tests"


def _download(version: str, into: Path) -> Path:
    # Only Django itself is wanted as source: what pip builds its metadata with may come as wheels.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "django"]
    done = subprocess.run(
        [*command, "--dest", str(into), f"django=={version}"], capture_output=True, text=True, check=False
    )
    found = [*into.glob("*.tar.gz"), *into.glob("*.zip")]
    if done.returncode or len(found) != 1:
        raise SourceError(f"pip could not fetch the source of Django {version}:\n{done.stdout}{done.stderr}")
    return found[0]


def _unpack(archive: Path, into: Path) -> Path:
    with tarfile.open(archive) as source:
        top = source.getnames()[0].split("/")[0]
        # Without its django/ folder: it is the installed Django that is tested, by accident never this one.
        wanted = [each for each in source.getmembers() if not each.name.startswith(f"{top}/django/")]
        source.extractall(into, members=wanted, filter="data")
    return into / top


def _move(unpacked: Path, home: Path) -> None:
    try:
        unpacked.rename(home)
    except OSError:
        # Another run was quicker; its copy is the same.
        if not home.is_dir():
            raise
