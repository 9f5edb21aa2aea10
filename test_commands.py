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
    command = subprocess.Popen(
        [sys.executable, "-m", "django", *arguments],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "tests.servers.site.settings",
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
            "SITE_METRICS_PORT": str(port),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _ = command.communicate()
    assert command.returncode in {0, 5}, output  # 5: Django's test command found no tests
    assert not (tmp_path / "djmetrics").exists()
    assert private_folders_of(command.pid, os.getpid()) == []
    assert not accepts(port)


def private_folders_of(*pids: int) -> list[Path]:
    """The folders that are named after one of these processes; other tests' servers may have theirs meanwhile."""
    home = Path(f"/dev/shm/djmetrics-{os.geteuid()}")
    return [folder for pid in pids for folder in home.glob(f"{pid}-*")]
