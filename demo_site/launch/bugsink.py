"""Bugsink, a server that speaks Sentry's protocol, in a virtual environment of its own: it pins an older Django.

It is a tool beside the demo and the tests, and nothing that djmetrics depends on.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "bugsink>=2.6,<3"
USER = "demo@example.org"
PASSWORD = "demo"

# What its own template for local use says, with all paths in one folder, e-mails as files, and webhooks to loopback.
CONFIGURATION = """\
from bugsink.settings.default import *

SECRET_KEY = "only-for-loopback-this-server-keeps-no-secrets"
DATABASES["default"]["NAME"] = {home!r} + "/db.sqlite3"
DATABASES["snappea"]["NAME"] = {home!r} + "/snappea.sqlite3"
SNAPPEA = {{"TASK_ALWAYS_EAGER": True}}
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = {home!r} + "/mails"
TIME_ZONE = "UTC"
BUGSINK = {{
    "BASE_URL": {url!r},
    "SINGLE_USER": True,
    "SINGLE_TEAM": True,
    "USER_REGISTRATION": "CB_NOBODY",
    "PHONEHOME": False,
    "ALERTS_WEBHOOK_DENY_NON_GLOBAL": False,
    "ALERTS_WEBHOOK_ALLOW_LIST": ["127.0.0.1"],
}}
"""

SEED = """
import json
from django.contrib.auth import get_user_model
from alerts.models import MessagingServiceConfig
from bsmain.models import AuthToken
from projects.models import Project, ProjectMembership
user = get_user_model().objects.get()
project = Project.objects.create(name="running log")
ProjectMembership.objects.create(project=project, user=user, role=1, accepted=True, send_email_alerts=True)
if {webhook!r}:
    MessagingServiceConfig.objects.create(
        project=project, display_name="a webhook", kind="custom", config=json.dumps({{"webhook_url": {webhook!r}}})
    )
print("SEEDED" + json.dumps([project.dsn, AuthToken.create_full_access().token]))
"""


@dataclass(frozen=True)
class Seeded:
    """Where a site sends its events, and the token of the API."""

    dsn: str
    token: str


def environment(home: Path) -> dict[str, str]:
    """The environment of all its processes: ours, without what is said to other sites."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("DJANGO", "SENTRY", "COV"))
    }
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "bugsink_conf",
        "PYTHONPATH": str(home),
        "PYTHONUNBUFFERED": "1",
        "CREATE_SUPERUSER": f"{USER}:{PASSWORD}",
    }


def installation(python: str, folder: Path) -> list[list[str]]:
    """The commands that install it into the new virtual environment ``folder``."""
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return [[python, "-m", "venv", "--clear", str(folder)], [*pip, PACKAGE]]


def prepare(python: Path, home: Path, port: int, webhook: str = "") -> Seeded:
    """Make its databases in the empty folder ``home``, a user, and a project that calls ``webhook`` for a new issue.

    Raises ``subprocess.CalledProcessError``, its output at hand.
    """
    url = f"http://127.0.0.1:{port}"
    (home / "mails").mkdir()
    (home / "bugsink_conf.py").write_text(CONFIGURATION.format(home=str(home), url=url))
    for command in (
        ["migrate", "--verbosity=0"],
        ["migrate", "snappea", "--database=snappea", "--verbosity=0"],
        ["prestart"],
    ):
        _manage(python, home, *command)
    said = _manage(python, home, "shell", "-c", SEED.format(webhook=webhook))
    return Seeded(*json.loads(said.rpartition("SEEDED")[2]))


def _manage(python: Path, home: Path, *arguments: str) -> str:
    command = [str(python), "-m", "bugsink.scripts.manage", *arguments]
    done = subprocess.run(
        command, cwd=home, env=environment(home), capture_output=True, text=True, check=True
    )
    return done.stdout


def server(python: Path, port: int) -> list[str]:
    """The command that serves it; ``/health/ready`` says when it is ready."""
    command = [str(python), "-m", "gunicorn", "--no-control-socket", "--bind", f"127.0.0.1:{port}"]
    return [*command, "--workers", "1", "--threads", "4", "--graceful-timeout", "1", "bugsink.wsgi"]
