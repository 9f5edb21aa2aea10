"""The demo site's tests: its pages are tested in a process of their own, with the site's own settings."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from tests.components.fixtures import absent

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo_site"
SETTINGS = "running_log.settings"
PACKAGES = {"environ": "django-environ", "bootstrap": "django-bootstrap-static", "whitenoise": "whitenoise"}

# Its modules are imported as the site imports them.
sys.path.insert(0, str(DEMO))

if not hasattr(settings, "VAR_DIR"):
    collect_ignore = ["pages"]

RunPages = Callable[..., None]


@pytest.fixture
def run_pages(tmp_path: Path) -> RunPages:
    """A function that runs the tests in ``pages`` with the site's settings, and environment variables beside them."""
    missing = [name for module, name in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        absent(f"the demo site needs {', '.join(missing)} (demo_site/requirements.txt)")

    def run(**environment: str) -> None:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--ds={SETTINGS}"]
        done = subprocess.run(
            [*command, "-o", "pythonpath=demo_site", str(Path(__file__).parent / "pages")],
            cwd=ROOT,
            env={**os.environ, "VAR_DIR": str(tmp_path), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout

    return run
