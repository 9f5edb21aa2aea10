"""Each real component starts, answers and is gone afterwards."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import pytest
from django.core.cache import CacheHandler
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from .components import fixtures, process
from .components import redis as redises
from .components.install import COMPONENTS, Component


@pytest.fixture
def unblocked(django_db_blocker) -> Iterator[None]:
    """Lets a test use databases of its own; pytest-django would allow only those of the settings."""
    with django_db_blocker.unblock():
        yield


@contextmanager
def connected(settings: dict[str, object]) -> Iterator[BaseDatabaseWrapper]:
    """A Django connection to a database with these settings, outside ``django.db.connections``."""
    connection = ConnectionHandler({"default": settings})["default"]
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def page_server(body: str) -> Iterator[tuple[int, Queue[bytes]]]:
    """An HTTP server that answers GET with ``body`` and keeps what was posted; gives its port and that queue."""
    posted: Queue[bytes] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            kind = "text/plain; version=0.0.4" if self.path == "/metrics" else "text/html"
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        def do_POST(self) -> None:
            posted.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], posted
        finally:
            server.shutdown()
            thread.join()


def test_postgresql_answers_and_logs_each_statement(postgresql, unblocked):
    """Django reads a row from PostgreSQL, and the server's own log names the statement."""
    with connected(postgresql.settings) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT %s + 1 AS from_postgresql", [41])
        assert cursor.fetchone() == (42,)

    assert [line for line in postgresql.statements() if "from_postgresql" in line]


def test_mariadb_answers_and_logs_each_statement(mariadb, unblocked):
    """Django reads a row from MariaDB, and the server's own log names the statement."""
    with connected(mariadb.settings) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT %s + 1 AS from_mariadb", [41])
        assert cursor.fetchone() == (42,)
        assert connection.mysql_is_mariadb

    assert [line for line in mariadb.statements() if "from_mariadb" in line]


@pytest.mark.components
@pytest.mark.parametrize("name", ["redis", "memcached"])
def test_cache_servers_keep_values(name, request):
    """Django's cache framework stores a value in the server and reads it back."""
    cache = CacheHandler({"default": request.getfixturevalue(name).settings})["default"]
    try:
        cache.set("miles", 26.2)
        assert cache.get("miles") == 26.2
        assert cache.get("feet") is None
    finally:
        cache.close()


def test_prometheus_scrapes_a_target(prometheus):
    """A value on a page is found by a query under the job's name."""
    with (
        page_server("djmetrics_answer 42\n") as (port, _),
        prometheus.scraping("answer", f"127.0.0.1:{port}"),
    ):
        prometheus.wait_for('djmetrics_answer{job="answer"}')
        assert prometheus.value('djmetrics_answer{job="answer"}') == 42


def test_prometheus_says_what_did_not_come(prometheus):
    """Waiting for a series that nobody exports fails and names the expression."""
    with pytest.raises(AssertionError, match=r"no_such_series gave \[\] after 0.2 s"):
        prometheus.wait_for("no_such_series", seconds=0.2)


def test_promtool_tells_good_pages_from_bad(promtool):
    """A well-formed page passes; one without a help text fails with promtool's reason."""
    promtool("check", "metrics", stdin="# HELP a_total What.\n# TYPE a_total counter\na_total 1\n")
    with pytest.raises(AssertionError, match="no help text"):
        promtool("check", "metrics", stdin="# TYPE a_total counter\na_total 1\n")


def test_alertmanager_calls_the_webhook(alertmanager: Callable):
    """An alert that is sent to Alertmanager reaches the webhook."""
    with page_server("") as (port, posted):
        alertmanager(f"http://127.0.0.1:{port}/").send(alertname="SlowView", view="runs:list")
        (alert,) = json.loads(posted.get(timeout=20))["alerts"]

    assert alert["labels"] == {"alertname": "SlowView", "view": "runs:list"}


def test_chromium_renders_a_page(chromium):
    """Script on a page runs in the real browser."""
    html = "<title>Runs</title><p id=n></p><script>document.getElementById('n').textContent = 6 * 7</script>"
    with page_server(html) as (port, _), chromium.page() as page:
        page.goto(f"http://127.0.0.1:{port}/")
        assert page.title() == "Runs"
        assert page.inner_text("#n") == "42"


def test_wrk_loads_a_server(wrk):
    """wrk reports how many requests it made."""
    with page_server("ok") as (port, _):
        done = subprocess.run(
            [wrk, "-t1", "-c1", "-d1s", f"http://127.0.0.1:{port}/"],
            capture_output=True,
            text=True,
            check=True,
        )
    assert "requests in" in done.stdout


def test_server_is_gone_at_the_end(redis):
    """Leaving the context manager ends the process and removes its folder."""
    with redises.running() as server:
        assert process.accepts(server.port)

    assert not process.accepts(server.port)


def test_server_that_fails_says_why(tmp_path):
    """A program that ends before it is ready is reported with its exit status and its last words."""
    command = [sys.executable, "-c", "import sys; sys.exit('port taken')"]
    with (
        pytest.raises(process.NotStarted, match=r"(?s)exited with 1.*port taken"),
        process.running(command, ready=lambda: False, cwd=tmp_path),
    ):
        pass


def test_missing_component_names_its_package(monkeypatch):
    """A component that is not installed is reported with the Debian package to install."""
    monkeypatch.setitem(COMPONENTS, "no-such-server", Component("no-such-server", ("no-such-package",)))
    with pytest.raises(process.Missing, match="Debian package: no-such-package"):
        process.binary("no-such-server")


@pytest.mark.parametrize("ci,outcome", [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_missing_component_fails_in_ci_only(monkeypatch, ci, outcome):
    """Where something is missing a test is skipped with the reason, and fails where ``CI=true``."""
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no redis-server here"):
        fixtures.absent("no redis-server here")
