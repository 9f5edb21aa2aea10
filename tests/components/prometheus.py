"""A Prometheus server whose targets tests name, and promtool."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import process

SCRAPE_INTERVAL = "200ms"


@dataclass(slots=True)
class Prometheus:
    """A running server. Each test scrapes under a job name of its own, so that tests see only their own series."""

    port: int
    config: Path
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    alertmanagers: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def scraping(self, job: str, target: str, path: str = "/metrics", **options: Any) -> Iterator[None]:
        """Scrape ``target`` ("host:port") under the label ``job`` and wait for the first good scrape.

        ``options`` are further keys of Prometheus's ``scrape_config``. Prometheus takes up new targets every five
        seconds. Raises ``AssertionError`` when no scrape succeeds within twenty seconds.
        """
        self.jobs[job] = {
            "job_name": job,
            "metrics_path": path,
            "static_configs": [{"targets": [target]}],
            **options,
        }
        self.reload()
        try:
            self.wait_for(f'up{{job="{job}"}} == 1', seconds=20)
            yield
        finally:
            del self.jobs[job]
            self.reload()

    def reload(self) -> None:
        """Make the server read its configuration anew."""
        self.write_config()
        urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/-/reload", method="POST"), timeout=10
        ).close()

    def write_config(self) -> None:
        config = {
            "global": {"scrape_interval": SCRAPE_INTERVAL, "evaluation_interval": SCRAPE_INTERVAL},
            "scrape_configs": list(self.jobs.values()),
            "rule_files": self.rules,
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": self.alertmanagers}]}]},
        }
        # JSON is YAML.
        self.config.write_text(json.dumps(config))

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of a PromQL expression: dicts with ``metric`` (labels) and ``value`` (time, text)."""
        result: list[dict[str, Any]] = self.api("query", query=expression)["result"]
        return result

    def value(self, expression: str) -> float:
        """The value of an expression that has exactly one series. Raises ``ValueError`` else."""
        ((_, text),) = [series["value"] for series in self.query(expression)]
        return float(text)

    def api(self, endpoint: str, **parameters: str) -> Any:
        """The data of an answer of ``/api/v1/<endpoint>``."""
        url = f"{self.url}/api/v1/{endpoint}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)["data"]

    def wait_for(
        self,
        expression: str,
        enough: Callable[[list[dict[str, Any]]], bool] = bool,
        seconds: float = 10.0,
    ) -> list[dict[str, Any]]:
        """The result of an expression once it is ``enough`` (not empty). Raises ``AssertionError`` when too late."""
        deadline = time.monotonic() + seconds
        while not enough(result := self.query(expression)):
            if time.monotonic() > deadline:
                targets = self.api("targets")["activeTargets"]
                errors = [(target["scrapeUrl"], target["lastError"]) for target in targets]
                raise AssertionError(f"{expression} gave {result} after {seconds} s; targets: {errors}")
            time.sleep(0.1)
        return result


@contextmanager
def running() -> Iterator[Prometheus]:
    program = process.binary("prometheus")
    port = process.free_port()
    with process.folder() as home:
        server = Prometheus(port, home / "prometheus.yml")
        server.write_config()
        command = [
            *(program, f"--config.file={server.config}", f"--storage.tsdb.path={home / 'data'}"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle"),
            "--enable-feature=exemplar-storage",
        ]
        with process.running(command, ready=lambda: process.answers(f"{server.url}/-/ready"), cwd=home):
            yield server


def promtool(*arguments: str, stdin: str = "") -> str:
    """Run promtool and return what it wrote to either stream. Raises ``AssertionError`` with it on failure."""
    done = subprocess.run(
        [process.binary("promtool"), *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, (
        f"promtool {' '.join(arguments)} exited with {done.returncode}:\n{done.stdout}"
    )
    return done.stdout
