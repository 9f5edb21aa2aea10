"""Real load: what wrk counts is what /metrics says."""

import re
import subprocess
from pathlib import Path

import pytest

from .configurations import CONFIGURATIONS
from .conftest import Truth
from .drivers import Server
from .page import Page, scrape_quiet, scrape_until

REQUESTS = "http_server_request_duration_seconds_count"
CONNECTIONS = 8
PATHS = ("/hello/", "/error/", "/missing/", "/cached/2/")
FAILING = ("404", "500")
SERVERS = [each for each in CONFIGURATIONS if each.name in ("gunicorn sync", "gunicorn gthread")]

SCRIPT = """
local paths = {%s}
local sent = 0

function request()
  sent = sent + 1
  return wrk.format("GET", paths[sent %% #paths + 1])
end

function done(summary)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("completed %%d failed %%d broken %%d\\n", summary.requests, errors.status, broken))
end
"""


def load(wrk: str, port: int, folder: Path) -> tuple[int, int, int]:
    """Let wrk ask for all paths in turn for a second; return its counts: completed, of these failed, broken."""
    script = folder / "paths.lua"
    script.write_text(SCRIPT % ", ".join(f'"{path}"' for path in PATHS))
    command = [wrk, "--threads", "2", "--connections", str(CONNECTIONS), "--duration", "1s"]
    command += ["--script", str(script), f"http://127.0.0.1:{port}/"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"completed (\d+) failed (\d+) broken (\d+)", done.stdout)
    assert found, done.stdout
    return int(found[1]), int(found[2]), int(found[3])


def grown(before: Page, after: Page, **labels: str) -> float:
    """How many requests came to the count between two pages."""
    return after.value(REQUESTS, **labels) - before.value(REQUESTS, **labels)


@pytest.mark.parametrize("server", SERVERS, ids=lambda each: each.name.replace(" ", "-"), indirect=True)
def test_load_is_counted_as_wrk_counts_it(server: Server, truth: Truth, wrk: str, tmp_path: Path) -> None:
    """Some thousand requests, on connections that are closed and on such as are kept, are counted as wrk's own.

    When its time is over wrk lets go of the request that each connection is waiting for, and does not count it; the
    site has it already, answers, and does count. So there may be one more for each connection, and never one less.
    """
    before = scrape_quiet(server.port)

    completed, failed, broken = load(wrk, server.port, tmp_path)

    scrape_until(server.port, lambda page: page.value(REQUESTS) - before.value(REQUESTS) >= completed)
    after = scrape_quiet(server.port)
    ended = {"completed": completed, "failed": failed}
    errors = sum(grown(before, after, http_response_status_code=status) for status in FAILING)
    exported = {"completed": grown(before, after), "failed": errors}
    for what, count in ended.items():
        truth(f"requests of a load tool, {what}", "requests", exported[what], count)
        assert count <= exported[what] <= count + CONNECTIONS
    assert broken == 0
    assert completed > 5 * CONNECTIONS
