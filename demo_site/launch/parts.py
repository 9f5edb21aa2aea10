"""The commands that the demo consists of."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CONFIGURATION = """\
global:
  scrape_interval: 2s
  scrape_timeout: 2s
  evaluation_interval: 5s
rule_files: [{rules}]
scrape_configs:
  - job_name: running-log
    authorization:
      credentials_file: {token_file}
    static_configs:
      - targets: [{target}]
"""
ALERTING = """\
alerting:
  alertmanagers:
    - static_configs:
        - targets: [{target}]
"""
ALERTS = """\
route: {receiver: nobody, group_by: [alertname, slo], group_wait: 5s}
receivers: [{name: nobody}]
"""


RELEASES = "2026.11", "2026.12"
"""The release that the demo starts with, and the one that it deploys."""


@dataclass(frozen=True)
class Place:
    """Where the demo runs: its folder, its Python, the site's address, and the token of its metrics page.

    ``release_file`` holds the site's release. ``destinations`` are the variables that say where traces and errors go.
    """

    folder: Path
    python: Path
    base: str
    token: str
    release_file: Path
    destinations: Mapping[str, str] = field(default_factory=dict)

    @property
    def manage(self) -> list[str]:
        """Django's command line."""
        return [str(self.python), str(self.folder / "manage.py")]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process: ours, and what the demo decides."""
        decided = {"DJANGO_SETTINGS_MODULE": "running_log.settings", "METRICS_TOKEN": self.token}
        decided["RELEASE_FILE"] = str(self.release_file)
        return {**os.environ, **decided, **self.destinations, "PYTHONUNBUFFERED": "1"}


def gunicorn(place: Place, port: int, workers: int) -> list[str]:
    """The site, under gunicorn with several workers."""
    command = [str(place.python), "-m", "gunicorn", "--chdir", str(place.folder)]
    command += ["--config", str(place.folder / "gunicorn.conf.py"), "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(workers), "--threads", "4", "--graceful-timeout", "3"]
    if "--no-control-socket" in _help(place):
        command.append("--no-control-socket")
    return [*command, "running_log.wsgi:application"]


def _help(place: Place) -> str:
    """gunicorn's options, which differ between its versions."""
    asked = [str(place.python), "-m", "gunicorn", "--help"]
    return subprocess.run(asked, capture_output=True, text=True).stdout


def locust(place: Place, users: int) -> list[str]:
    """The load tool, without its web page."""
    command = [str(place.python), "-m", "locust", "--headless", "--only-summary", "--loglevel", "WARNING"]
    command += ["--locustfile", str(place.folder / "locustfile.py"), "--host", place.base]
    return [*command, "--users", str(users), "--spawn-rate", "2"]


def rules(scratch: Path) -> Path:
    """Where the rules are that the site makes for Prometheus."""
    return scratch / "djmetrics.rules.yml"


def alertmanager(binary: str, port: int, scratch: Path) -> list[str]:
    """Alertmanager, which shows what Prometheus tells it, and tells nobody."""
    configuration = scratch / "alertmanager.yml"
    configuration.write_text(ALERTS)
    command = [binary, f"--config.file={configuration}", f"--storage.path={scratch / 'alerts'}"]
    return [*command, f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]


def prometheus(place: Place, binary: str, port: int, scratch: Path, alerts: str = "") -> list[str]:
    """Prometheus, its configuration and data in the folder ``scratch``, which only we can read.

    ``alerts`` is where an Alertmanager listens, "" for none.
    """
    token_file = scratch / "token"
    token_file.write_text(place.token)
    configuration = scratch / "prometheus.yml"
    target = json.dumps(place.base.removeprefix("http://"))
    names = {"token_file": str(token_file), "rules": str(rules(scratch))}
    quoted = {name: json.dumps(text) for name, text in names.items()}
    told = ALERTING.format(target=json.dumps(alerts)) if alerts else ""
    configuration.write_text(CONFIGURATION.format(**quoted, target=target) + told)
    command = [binary, f"--config.file={configuration}", f"--storage.tsdb.path={scratch / 'data'}"]
    return [*command, f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage"]


def boards(place: Place, page: Path, port: int, prometheus: str) -> list[str]:
    """The preview of the boards, of the last minutes."""
    command = [str(place.python), str(place.folder / "preview" / "serve.py"), "--built", str(page)]
    command += ["--port", str(port), "--prometheus", prometheus]
    return [*command, "--scrape-interval", "2", "--seconds", "300"]


def table(place: Place, terminal: bool) -> list[str]:
    """The live table; less often where each one is printed below the last."""
    interval = "1" if terminal else "5"
    return [*place.manage, "djmetrics_top", "--url", f"{place.base}/metrics", "--interval", interval]


def failing_request(url: str) -> str:
    """Ask for a page that fails; the id of the trace that the answer names, "" if it names none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        headers = error.headers
    return str(headers.get("X-Trace-Id") or "")
