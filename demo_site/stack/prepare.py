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
    """One file for each, by the name of its variable; the folder is a volume that only the stack sees."""
    folder.mkdir(parents=True, exist_ok=True)
    key = uuid.uuid4().hex
    password = secrets.token_urlsafe(16)
    made_up = {
        "METRICS_TOKEN": secrets.token_urlsafe(32),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "GRAFANA_ADMIN_PASSWORD": secrets.token_urlsafe(16),
        "BUGSINK_SECRET_KEY": secrets.token_urlsafe(50),
        "BUGSINK_SUPERUSER": f"demo@example.org:{password}",
        "BUGSINK_PROJECT_KEY": key,
        "SENTRY_DSN": f"http://{key}@bugsink:8000/1",
    }
    if any(not (folder / name).is_file() for name in made_up):
        for name, value in made_up.items():
            (folder / name).write_text(value, encoding="utf-8")
            # Each server has a user of its own.
            (folder / name).chmod(0o444)


def manage(*command: str) -> None:
    """One of Django's commands, with the site's own secrets; CalledProcessError if it fails."""
    known = {name: (STACK / "secrets" / name).read_text() for name in ("METRICS_TOKEN", "SECRET_KEY")}
    python = [sys.executable, str(HERE.parent / "manage.py")]
    subprocess.run([*python, *command], check=True, env={**os.environ, **known})


if __name__ == "__main__":
    main()
