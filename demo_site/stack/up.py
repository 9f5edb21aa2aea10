"""``make demo-stack``: the running log in containers, with all that looks at it.

Needs Docker with Compose 2, and Python's standard library.
"""

import shutil
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "compose.yaml"
COMPOSE = ["docker", "compose", "--project-name", "running-log", "--file", str(FILE)]

PLACES = """
  The site       http://127.0.0.1:8000/
  Grafana        http://127.0.0.1:3000/   (to look at, without an account)
  Prometheus     http://127.0.0.1:9090/
  Alertmanager   http://127.0.0.1:9093/
  Bugsink        http://127.0.0.1:8001/

Bugsink's account:            {compose} exec bugsink cat /stack/secrets/bugsink/CREATE_SUPERUSER
The password of Grafana's admin: {compose} exec grafana cat /stack/secrets/grafana/ADMIN_PASSWORD
How they are:                 {compose} ps
Stop and forget everything:   {compose} down --volumes
"""


def lacking() -> str:
    """Why it cannot be started here; "" if it can."""
    if shutil.which("docker") is None:
        return "docker is not on this machine. `make demo` does with Python what it can."
    if not _succeeds(["docker", "compose", "version"]):
        return "Docker is here without Compose 2: `docker compose version` fails."
    if not _succeeds(["docker", "version"]):
        return "Docker does not run here, or is not yours to use: `docker version` says why."
    return ""


def main() -> None:
    """Build and start all of it; SystemExit with the reason if that cannot be."""
    if reason := lacking():
        sys.exit(f"The stack needs Docker with Compose 2. {reason}")
    status = subprocess.run([*COMPOSE, "up", "--build", "--detach"]).returncode
    if status != 0:
        sys.exit(f"It did not start. What was said: {' '.join(COMPOSE)} logs")
    print(PLACES.format(compose=" ".join(COMPOSE)))


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


if __name__ == "__main__":
    main()
