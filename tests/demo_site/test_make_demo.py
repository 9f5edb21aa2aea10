"""``make demo``, as a reader starts it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo_site.launch import bugsink
from tests.components.fixtures import program
from tests.components.prometheus import Prometheus
from tests.servers.page import read, scrape

REQUESTS = "http_server_request_duration_seconds_count"
JOB = "running-log"
WORKERS = 3
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
ROOT = Path(__file__).resolve().parents[2]

# One at a time: they share the demo's virtualenv and database.
pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.xdist_group("make demo")]


def running_in(session: int) -> list[str]:
    """The command lines of the processes whose environment has the mark of this test."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"DEMO_TEST={session}\0".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@dataclass
class Demo:
    """A started demo: its process, the mark in the environment of all its processes, and what it has printed."""

    process: "subprocess.Popen[str]"
    mark: int
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that was read so far."""
        return "".join(self.lines)

    def read_until(self, wanted: Callable[[str], bool]) -> None:
        """Read what it prints as far as the first such line, or to the end."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if wanted(line):
                return

    def found(self, pattern: str) -> str:
        """The group of this pattern in what it has printed."""
        match = re.search(pattern, self.text)
        assert match, self.text
        return match[1]

    def end(self, number: signal.Signals) -> None:
        """Send it a signal: it ends well, and nothing that it has started is left."""
        self.process.send_signal(number)
        self.read_until(lambda line: False)
        assert self.process.wait(60) == 0, self.text
        assert "Everything is stopped." in self.text
        end = time.monotonic() + 5
        while left := running_in(self.mark):
            assert time.monotonic() < end, left
            time.sleep(0.1)


def is_under_load(line: str) -> bool:
    """Whether a line of the table says that requests are answered."""
    rate = re.match(r"\s*all views\s+([\d.]+)", line)
    return bool(rate and float(rate[1]) > 1)


@contextmanager
def started(*options: str, **variables: str) -> Iterator[Demo]:
    """The demo, with environment variables besides, once its table shows figures of real load; ended in any case."""
    mark = os.getpid()
    own = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("DJANGO", "COVERAGE", "PYTEST"))
    }
    process = subprocess.Popen(
        ["python3", "demo_site/run.py", "--users", "6", *options],
        cwd=ROOT,
        env={**own, **variables, "DEMO_TEST": str(mark)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    demo = Demo(process, mark)
    try:
        demo.read_until(is_under_load)
        yield demo
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)
        process.stdout.close()


@pytest.fixture
def taken() -> Iterator[None]:
    """Somebody else's servers on the usual ports."""
    with socket.socket() as site, socket.socket() as prometheus:
        for held, port in ((site, 8000), (prometheus, 9090)):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):  # somebody else has it already: just as well
                held.bind(("127.0.0.1", port))
                held.listen()
        yield


def test_the_demo_shows_live_figures_and_stops_everything(taken: None) -> None:
    """With the usual ports taken it says which it uses, shows figures of real load, and Ctrl-C ends all of it."""
    with started("--metrics-only") as demo:
        names = " ".join(running_in(demo.mark))
        demo.end(signal.SIGINT)
    assert re.search(r"Port 8000 is taken: the site uses \d+\.", demo.text)
    assert re.search(r"The site\s+http://127\.0\.0\.1:\d+/", demo.text)
    assert re.search(r"curl -H 'Authorization: Bearer [\w-]+' http://127\.0\.0\.1:\d+/metrics", demo.text)
    assert "10,000 runs of 50 employees" in demo.text
    assert "runs:" in demo.text
    assert "gunicorn" in names
    assert "locust" in names


def sums_by_view(prometheus: Prometheus) -> dict[str, float]:
    """How many requests of each view Prometheus knows of."""
    found = prometheus.query(f'sum by (view) ({REQUESTS}{{job="{JOB}"}})')
    return {each["metric"]["view"]: float(each["value"][1]) for each in found}


def has_at_least(more: Mapping[str, float], less: Mapping[str, float]) -> bool:
    """Whether no figure of ``less`` is more in ``less``, or missing in ``more``."""
    return all(more.get(key, 0.0) >= value for key, value in less.items())


def seen_by(viewer: str, trace_id: str) -> dict[str, Any]:
    """A trace in the viewer, once it is there."""
    end = time.monotonic() + 20
    while True:
        with urllib.request.urlopen(f"{viewer}/v1/traces", timeout=10) as response:
            traces = {each["traceId"]: each for each in json.load(response)["traces"]}
        if trace_id in traces:
            found: dict[str, Any] = traces[trace_id]
            return found
        assert time.monotonic() < end, f"{trace_id} is not among {len(traces)} traces"
        time.sleep(0.2)


class Browser:
    """Somebody who is logged in to the demo's Bugsink."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._ask = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        page = self.page("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token, page
        form = {"csrfmiddlewaretoken": token[1], "username": bugsink.USER, "password": bugsink.PASSWORD}
        self.page("/accounts/login/", urllib.parse.urlencode(form).encode())

    def page(self, path: str, data: bytes | None = None) -> str:
        """A page's text."""
        request = urllib.request.Request(self.base + path, data, {"Referer": self.base})
        with self._ask.open(request, timeout=10) as response:
            text: str = response.read().decode()
        return text

    def found(self, path: str, wanted: str) -> str:
        """The page once it holds this."""
        end = time.monotonic() + 20
        while wanted not in (text := self.page(path)):
            assert time.monotonic() < end, f"{wanted} is not in {text}"
            time.sleep(0.2)
        return text


def test_prometheus_reads_the_demo(taken: None, promtool: Callable[..., str]) -> None:
    """The Prometheus that it starts has the figures of all workers, and promtool has nothing to say of their page.

    As the load goes on, Prometheus's sums by view lie between those of a page read before and of one read after.
    SIGTERM ends the demo as Ctrl-C does.
    """
    program("prometheus")
    with started() as demo:
        headers = {"Authorization": demo.found(r"'Authorization: (Bearer [\w-]+)'")}
        site = int(demo.found(r"The site\s+http://127\.0\.0\.1:(\d+)/"))
        prometheus = Prometheus(int(demo.found(r"Prometheus\s+http://127\.0\.0\.1:(\d+)/")), Path())
        prometheus.wait_for(f'up{{job="{JOB}"}} == 1')
        prometheus.wait_for(f'djmetrics_workers{{job="{JOB}"}} == {WORKERS}')
        (target,) = prometheus.api("targets")["activeTargets"]
        (manager,) = prometheus.api("alertmanagers")["activeAlertmanagers"]
        assert manager["url"].startswith(demo.found(r"Alerts\s+(http://127\.0\.0\.1:\d+/)"))
        trace_id = demo.found(r"One failing request, in the trace (\w{32}):")
        errors, _, query = demo.found(r"its error\s+(\S+)").partition("/issues/1/")
        assert query == f"?q=trace:{trace_id}"
        issue = Browser(errors).found(f"/issues/1/{query}", "ShoelaceError")
        viewer, _, shown = demo.found(r"its trace\s+(\S+)").partition("/#trace=")
        assert shown == trace_id
        trace = seen_by(viewer, trace_id)
        exemplars = re.findall(r'trace_id="(\w{32})"', read(site, {**headers, "Accept": OPENMETRICS}))
        before = scrape(site, headers).sums(REQUESTS, "view")

        prometheus.wait_for(REQUESTS, lambda _: has_at_least(sums_by_view(prometheus), before))

        sums = sums_by_view(prometheus)
        after = scrape(site, headers).sums(REQUESTS, "view")
        complaints = promtool("check", "metrics", stdin=read(site, headers))
        demo.end(signal.SIGTERM)
    assert (target["health"], target["lastError"]) == ("up", "")
    assert {"runs:home", "runs:add", "runs:employees"} <= {view for view, count in sums.items() if count > 0}
    assert has_at_least(after, sums), (sums, after)
    assert complaints == ""
    assert {"GET fail/", "view runs:fail"} <= {span["name"] for span in trace["spans"]}
    assert trace_id in issue
    assert exemplars
