"""Say which real components this machine has; install those it lacks: on Debian, as root, and Bugsink anywhere.

    python3 -m tests.components.install [--check]

``--check`` installs nothing. The exit status is 1 when something is missing at the end.
"""

import argparse
import glob
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from demo_site.launch import bugsink


@dataclass(frozen=True, slots=True)
class Component:
    """A program that tests start: its name, the Debian packages that hold it, and places outside PATH to look."""

    program: str
    packages: tuple[str, ...]
    places: tuple[str, ...] = ("/usr/sbin/{program}",)

    def find(self) -> str | None:
        """The program's path, or None."""
        found = shutil.which(self.program)
        if found is not None:
            return found
        for place in self.places:
            # The newest version first.
            for path in sorted(glob.glob(place.format(program=self.program)), reverse=True):
                if os.access(path, os.X_OK):
                    return path
        return None


ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Environment:
    """A component from the package index, in a virtual environment of its own in ``.venv`` of the checkout."""

    name: str

    @property
    def folder(self) -> Path:
        return ROOT / ".venv" / self.name

    def find(self) -> str | None:
        """The path of its Python, or None; the stamp is written once all is installed."""
        there = self.folder / "bin" / "python"
        stamp = self.folder / "stamp"
        if not stamp.is_file() or stamp.read_text() != bugsink.PACKAGE or not os.access(there, os.X_OK):
            return None
        return str(there)

    def install(self) -> None:
        """Install it with this Python. Raises ``CalledProcessError``."""
        for command in bugsink.installation(sys.executable, self.folder):
            subprocess.run(command, check=True)
        (self.folder / "stamp").write_text(bugsink.PACKAGE)


BUGSINK = Environment("bugsink")

POSTGRESQL_PLACES = ("/usr/lib/postgresql/*/bin/{program}",)

COMPONENTS = {
    component.program: component
    for component in (
        Component("prometheus", ("prometheus",)),
        Component("promtool", ("prometheus",)),
        Component("prometheus-alertmanager", ("prometheus-alertmanager",)),
        Component("amtool", ("prometheus-alertmanager",)),
        # It reads compose files; no container is started.
        Component("docker-compose", ("docker-compose",)),
        Component("postgres", ("postgresql",), POSTGRESQL_PLACES),
        Component("initdb", ("postgresql",), POSTGRESQL_PLACES),
        Component("mariadbd", ("mariadb-server",)),
        Component("mariadb-install-db", ("mariadb-server",)),
        Component("redis-server", ("redis-server",)),
        Component("memcached", ("memcached",)),
        Component("chromium", ("chromium",)),
        Component("wrk", ("wrk",)),
        # mod_wsgi itself comes from pip, so that it runs the virtualenv's Python; this is what it is compiled with.
        Component("apache2", ("apache2",)),
        Component("apxs", ("apache2-dev",)),
    )
}


def missing() -> list[Component]:
    """The components that this machine lacks."""
    return [component for component in COMPONENTS.values() if component.find() is None]


def can_install() -> bool:
    """Whether this is a Debian where we are root."""
    return os.path.exists("/etc/debian_version") and os.geteuid() == 0


def install(components: list[Component]) -> None:
    """Install the packages of these components with apt. Raises ``CalledProcessError``."""
    packages = sorted({package for component in components for package in component.packages})
    # RUNLEVEL=1: the packages must not start their servers, tests start their own.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=300"]
    subprocess.run([*apt, "update"], check=True, env=environment)
    subprocess.run(
        [*apt, "install", "-y", "--no-install-recommends", *packages],
        check=True,
        env=environment,
        # Kilobytes of progress; errors go to stderr.
        stdout=subprocess.DEVNULL,
    )


def report() -> bool:
    """Print each component and where it is; return whether all are there."""
    for component in COMPONENTS.values():
        where = component.find() or f"MISSING, Debian package {' '.join(component.packages)}"
        print(f"{component.program:24} {where}")
    print(f"{BUGSINK.name:24} {BUGSINK.find() or f'MISSING, {bugsink.PACKAGE} in {BUGSINK.folder}'}")
    return not missing() and BUGSINK.find() is not None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only say what is there and what is missing")
    arguments = parser.parse_args()
    lacking = missing()
    if lacking and not arguments.check and can_install():
        install(lacking)
    if BUGSINK.find() is None and not arguments.check:
        try:
            BUGSINK.install()
        except subprocess.CalledProcessError as error:
            print(f"{BUGSINK.name} could not be installed: {error}", file=sys.stderr)
    return 0 if report() else 1


if __name__ == "__main__":
    sys.exit(main())
