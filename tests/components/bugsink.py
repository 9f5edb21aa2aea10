"""A Bugsink, which takes events as Sentry does and tells by e-mail and webhook of new issues."""

import email
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo_site.launch import bugsink as recipe

from . import process
from .install import BUGSINK


@dataclass(frozen=True, slots=True)
class Bugsink:
    port: int
    home: Path
    dsn: str
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str) -> Any:
        """What its API answers; a list's first page for a list."""
        request = urllib.request.Request(
            f"{self.url}/api/canonical/0/{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            found = json.load(response)
        return found["results"] if isinstance(found, dict) and "results" in found else found

    def issues(self) -> list[dict[str, Any]]:
        """All issues of the project, the oldest first."""
        found: list[dict[str, Any]] = self.ask("issues/?project=1&sort=digest_order&order=asc")
        return found

    def events(self, issue: str) -> list[dict[str, Any]]:
        """The events of an issue, as they were sent."""
        return [self.ask(f"events/{each['id']}/")["data"] for each in self.ask(f"events/?issue={issue}")]

    def mails(self) -> list[str]:
        """The subjects of the e-mails that it sent."""
        files = sorted((self.home / "mails").iterdir())
        return [str(email.message_from_bytes(each.read_bytes())["Subject"]) for each in files]

    def wait_for(self, what: Callable[[], Any], seconds: float = 20) -> Any:
        """What the function returns once it is true. Raises ``AssertionError`` if it is not in time."""
        end = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < end, f"not after {seconds} s"
            time.sleep(0.1)
        return found


@contextmanager
def running(webhook: str = "") -> Iterator[Bugsink]:
    """Start one with an empty project, whose new issues are told to the address ``webhook``."""
    python = BUGSINK.find()
    if python is None:
        raise process.Missing("bugsink is not installed (python3 -m tests.components.install)")
    port = process.free_port()
    with process.folder() as home:
        try:
            seeded = recipe.prepare(Path(python), home, port, webhook)
        except subprocess.CalledProcessError as error:
            raise process.NotStarted(f"{error.cmd}:\n{error.stdout}\n{error.stderr}") from None
        with process.running(
            recipe.server(Path(python), port),
            ready=lambda: process.answers(f"http://127.0.0.1:{port}/health/ready"),
            cwd=home,
            env={**recipe.environment(home)},
        ):
            yield Bugsink(port, home, seeded.dsn, seeded.token)
