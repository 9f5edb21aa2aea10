"""Management commands and shells beside a server: they leave no files and open no port."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.process import accepts, free_port

from .drivers import ROOT

REQUEST = "from django.test import Client; print(Client().get('/hello/').status_code)"


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["migrate", "--verbosity", "0"], ["shell", "-c", REQUEST], ["test", "--parallel", "2"]],
    ids=lambda arguments: arguments[0],
)
def test_command_leaves_nothing(arguments: list[str], tmp_path: Path) -> None:
    """In the server's own environment, with folder and port, a command touches neither."""
    port = free_port()
    before = private_folders()
    done = subprocess.run(
        [sys.executable, "-m", "django", *arguments],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "tests.servers.site.settings",
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
            "SITE_METRICS_PORT": str(port),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 5}, done.stderr  # 5: Django's test command found no tests
    assert not (tmp_path / "djmetrics").exists()
    assert private_folders() <= before
    assert not accepts(port)


def private_folders() -> set[Path]:
    """The folders that servers of this user share now."""
    return set(Path("/dev/shm").glob(f"djmetrics-{os.geteuid()}/*"))
