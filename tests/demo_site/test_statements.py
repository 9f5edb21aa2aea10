"""The demo's workers on a database that writes down what it is sent: what they export together is in its log."""

import re
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from django.db.utils import ConnectionHandler
from launch import parts
from launch.processes import Processes, run

from tests.components.mariadb import MariaDB
from tests.components.postgresql import PostgreSQL
from tests.components.process import free_port
from tests.servers.client import fetch_all
from tests.servers.page import Page, scrape_until

from .conftest import DEMO

COUNT = "db_client_operation_duration_seconds_count"
NAME = "running_log"
URLS = {"postgresql": "postgres://postgres@127.0.0.1", "mariadb": "mysql://root@127.0.0.1"}
WORKERS = 3
TIMES = 4
PATHS = (
    *("/", "/runs/", "/runs/?q=elm", "/employee/", "/employee/2024/", "/leaderboard/", "/statistics/"),
    *("/almanac/", "/glance/", "/patterns/n-plus-one/", "/runs/export.csv", "/fail/", "/nowhere/"),
)

Server = PostgreSQL | MariaDB


def add_a_run(base: str) -> None:
    """Fill the form in and send it, as a browser does."""
    opener = build_opener(HTTPCookieProcessor())
    form = opener.open(f"{base}/runs/add/").read().decode()

    def first(pattern: str) -> str:
        found = re.search(pattern, form)
        assert found, form
        return found[1]

    values = {
        "csrfmiddlewaretoken": first(r'name="csrfmiddlewaretoken" value="(\w+)"'),
        "employee": first(r'<option value="(\d+)"'),
        **{"date": "2025-12-24", "miles": "5", "time": "0:45:00"},
        **{"calories": "500", "elevation": "40", "heart_rate": "140"},
    }
    answer = opener.open(f"{base}/runs/add/", urlencode(values).encode())
    assert answer.url != f"{base}/runs/add/", answer.read()


def exported(page: Page) -> Counter[str]:
    """How many statements of each kind the page has: a connect is an operation and no statement."""
    sums = page.sums(COUNT, "db_operation_name")
    sums.pop("CONNECT", None)
    return Counter({operation: int(count) for operation, count in sums.items()})


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A database server, with an empty database that the environment names to the demo."""
    server: Server = request.getfixturevalue(request.param)
    connection = ConnectionHandler({"default": server.settings})["default"]
    with django_db_blocker.unblock(), closing(connection), connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {NAME}")
    monkeypatch.setenv("DATABASE_URL", f"{URLS[request.param]}:{server.port}/{NAME}")
    return server


def test_statements_of_all_workers_are_those_in_the_server_s_log(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page several times and some runs added, by three workers of four threads: each statement counts once."""
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    port, release = free_port(), tmp_path / "release"
    release.write_text(parts.RELEASES[0])
    place = parts.Place(
        DEMO, Path(sys.executable), f"http://127.0.0.1:{port}", "a-token-of-this-test", release
    )
    headers = {"Authorization": f"Bearer {place.token}"}
    run([*place.manage, "migrate", "--verbosity=0"], place.environment)
    run([*place.manage, "load_runs", "--runs=300", "--employees=9", "--verbosity=0"], place.environment)
    before = server.operations()
    processes = Processes(tmp_path / "log")
    try:
        processes.start("gunicorn", parts.gunicorn(place, port, WORKERS), place.environment)
        processes.wait_for(f"{place.base}/", "gunicorn")
        statuses = Counter(reply.status for reply in fetch_all(port, PATHS * TIMES))
        for _ in range(TIMES):
            add_a_run(place.base)

        def sent() -> Counter[str]:
            return server.operations() - before

        page = scrape_until(port, lambda page: exported(page) == sent(), headers=headers)
        log = sent()
    finally:
        processes.stop()

    assert statuses == {200: TIMES * (len(PATHS) - 2), 500: TIMES, 404: TIMES}
    assert exported(page) == log
    assert page.value("djmetrics_workers") == WORKERS
    assert log["INSERT"] == TIMES
    assert log["SELECT"] > 100
