"""An Alertmanager that sends every alert to one webhook at once."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import process


@dataclass(frozen=True, slots=True)
class Alertmanager:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, **labels: str) -> None:
        """Post one firing alert with these labels; one of them is ``alertname``."""
        request = urllib.request.Request(
            f"{self.url}/api/v2/alerts",
            data=json.dumps([{"labels": labels}]).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it knows."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=10) as response:
            found: list[dict[str, Any]] = json.load(response)
            return found


@contextmanager
def running(webhook: str) -> Iterator[Alertmanager]:
    """Start one whose alerts go to the address ``webhook``.

    One per test, with a fresh folder: its notification log would keep a later test's alert back as a repetition.
    """
    program = process.binary("prometheus-alertmanager")
    server = Alertmanager(process.free_port())
    config = {
        "route": {"receiver": "webhook", "group_wait": "0s", "group_interval": "1s"},
        "receivers": [{"name": "webhook", "webhook_configs": [{"url": webhook}]}],
    }
    with process.folder() as home:
        # JSON is YAML.
        (home / "alertmanager.yml").write_text(json.dumps(config))
        command = [
            *(program, f"--config.file={home / 'alertmanager.yml'}", f"--storage.path={home / 'data'}"),
            *(f"--web.listen-address=127.0.0.1:{server.port}", "--cluster.listen-address="),
        ]
        with process.running(command, ready=lambda: process.answers(f"{server.url}/-/ready"), cwd=home):
            yield server
