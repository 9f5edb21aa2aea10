"""What the stack needs before it starts: secrets that nobody else has, boards, and a filled log.

It runs in the site's container, and writes into the volumes below /stack (STACK_DIR). Secrets that are there are kept.
"""

import os
import secrets
import subprocess
import sys
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
STACK = Path(os.environ.get("STACK_DIR", "/stack"))

BOARDS = (
    *("--prometheus-url", "http://prometheus:9090", "--scrape-interval", "5s"),
    *("--traces", "tempo", "--traces-url", "http://tempo:3200"),
)


def main() -> None:
    """All of it."""
    make_up_secrets(STACK / "secrets")
    manage(
        "djmetrics_dashboards",
        "--out",
        f"{STACK / 'grafana'}",
        *BOARDS,
        "--boards-path",
        f"{STACK / 'grafana' / 'dashboards'}",
    )
    manage("migrate", "--verbosity=0")
    manage("load_runs")


def make_up_secrets(folder: Path) -> None:
    """One file for each, by the name of its variable, in a folder for each service: none sees another's."""
    key = uuid.uuid4().hex
    token = secrets.token_urlsafe(32)
    made_up = {
        "bugsink/CREATE_SUPERUSER": f"demo@example.org:{secrets.token_urlsafe(16)}",
        "bugsink/PROJECT_KEY": key,
        "bugsink/SECRET_KEY": secrets.token_urlsafe(50),
        "grafana/ADMIN_PASSWORD": secrets.token_urlsafe(16),
        "prometheus/METRICS_TOKEN": token,
        "site/METRICS_TOKEN": token,
        "site/SECRET_KEY": secrets.token_urlsafe(50),
        "site/SENTRY_DSN": f"http://{key}@bugsink:8000/1",
    }
    # All or none: some are one another's.
    if any(not (folder / name).is_file() for name in made_up):
        for name, value in made_up.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value, encoding="utf-8")
            # Each server has a user of its own.
            path.chmod(0o444)


def manage(*command: str) -> None:
    """One of Django's commands, with the site's own secrets; CalledProcessError if it fails."""
    known = {
        name: (STACK / "secrets" / "site" / name).read_text() for name in ("METRICS_TOKEN", "SECRET_KEY")
    }
    python = [sys.executable, str(HERE.parent / "manage.py")]
    subprocess.run([*python, *command], check=True, env={**os.environ, **known})


if __name__ == "__main__":
    main()
