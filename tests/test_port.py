"""METRICS_PORT with real sockets and real processes: one server per host, which outlives the worker that has it."""

import gzip
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from djmetrics import page_server, port
from tests.components.fixtures import absent

ROOT = Path(port.__file__).parent.parent

WORKER = """
import os, sys, time
from prometheus_client import CollectorRegistry, Gauge
from djmetrics import port

def registry():
    registry = CollectorRegistry()
    Gauge("pid", "Who serves.", registry=registry).set(os.getpid())
    return registry

address, number, children = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
port.start(number, address, registry)
port.start(number, address, registry)
if children:
    while port._candidate.server is None:
        time.sleep(0.01)
    for _ in range(children):
        if os.fork() == 0:
            break
os.write(1, b"%d\\n" % os.getpid())
sys.stdin.read()
"""


def free_port(address="127.0.0.1"):
    with closing(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def fetch(number, target="/metrics", method="GET", address="127.0.0.1", **headers):
    """One request: the answer's status, headers in lower case and body."""
    with closing(HTTPConnection(address, number, timeout=5)) as connection:
        connection.request(method, target, headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()


def until(condition, seconds=5.0):
    """What ``condition`` returns as soon as it is true; failures to connect count as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def answers(number, address="127.0.0.1"):
    return fetch(number, "/", "HEAD", address)[0] == 404


def serving_pid(number):
    """The process that answers, as the page says."""
    return int(float(fetch(number)[2].decode().rsplit("pid ", 1)[1]))


@pytest.fixture
def registry():
    made = CollectorRegistry()
    Counter("runs", "Runs that were logged.", registry=made).inc(3)
    Counter("shoes", "Shoes bought.", registry=made).inc(1)
    return made


@pytest.fixture
def number(registry):
    """A port on which this process serves."""
    found = free_port()
    port.start(found, "127.0.0.1", lambda: registry)
    until(lambda: answers(found))
    yield found
    port.stop()


@pytest.fixture
def workers():
    """Starts worker processes of one site; ends them with the test."""
    started = []

    def start(number, address="127.0.0.1", children=0):
        process = subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore::DeprecationWarning",
                "-c",
                WORKER,
                address,
                str(number),
                str(children),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        process.pids = {int(process.stdout.readline()) for _ in range(children + 1)}
        return process

    yield start
    for process in started:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


def test_the_page_is_served(number):
    """GET /metrics answers with the whole page and nothing that would keep the connection."""
    status, headers, body = fetch(number)

    assert status == 200
    assert b"runs_total 3.0" in body
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["content-length"] == str(len(body))


def test_the_page_is_the_same_as_the_views(number):
    """OpenMetrics, gzip and name[] work as they do at the site's own URL."""
    _, headers, body = fetch(
        number, "/metrics?name[]=runs_total", Accept="application/openmetrics-text", Accept_Encoding="gzip"
    )
    text = gzip.decompress(body)

    assert headers["content-type"].startswith("application/openmetrics-text")
    assert b"runs_total 3.0" in text
    assert b"shoes" not in text
    assert text.endswith(b"# EOF\n")


@pytest.mark.parametrize("target", ["/", "/metrics/", "/metric", "/metrics.txt", "//metrics/x"])
def test_there_is_nothing_but_the_page(number, target):
    """Every other path is not found."""
    assert fetch(number, target)[0] == 404


@pytest.mark.parametrize("target,status", [("/metrics", 200), ("/", 404)])
def test_head_gets_no_body(number, target, status):
    """HEAD answers with the headers alone."""
    got, headers, body = fetch(number, target, "HEAD")

    assert (got, body) == (status, b"")
    assert int(headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_page_can_only_be_read(number, method):
    """Other methods are refused."""
    status, headers, _ = fetch(number, method=method)

    assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_a_folded_accept_header_adds_no_header(number):
    """What a client asks for comes back on one line: it cannot write headers of the answer."""
    with closing(socket.create_connection(("127.0.0.1", number))) as client:
        client.sendall(
            b"GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text; version=2.0\r\n X-Own: 1\r\n\r\n"
        )
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.0 200")
    assert not [line for line in answer.splitlines() if line.strip().startswith(b"X-Own")]


def test_scrapes_are_not_logged(number, capfd):
    """The server writes nothing for a scrape, a wrong path or a client that goes away."""
    fetch(number)
    fetch(number, "/nothing")
    socket.create_connection(("127.0.0.1", number)).close()
    fetch(number)

    assert capfd.readouterr() == ("", "")


def test_a_failed_collection_is_a_failed_scrape(monkeypatch):
    """When the figures cannot be collected the status says so, the failure is counted, and the server lives on."""

    def broken():
        raise RuntimeError("no figures")

    monkeypatch.setattr(page_server.guard, "counts", page_server.guard.counts.copy())
    monkeypatch.setattr(page_server.guard, "strict", False)
    before = page_server.guard.counts["port"]
    found = free_port()
    port.start(found, "127.0.0.1", broken)
    try:
        until(lambda: answers(found))
        assert fetch(found)[0] == 500
        assert fetch(found)[0] == 500
        until(lambda: page_server.guard.counts["port"] == before + 2)
    finally:
        port.stop()


def test_starting_twice_makes_one_thread(number, registry):
    """start() is idempotent, from several threads too."""
    callers = [
        threading.Thread(target=port.start, args=(number, "127.0.0.1", lambda: registry)) for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert [each.name for each in threading.enumerate()].count("djmetrics-port") == 1
    assert fetch(number)[0] == 200


def test_another_place_replaces_the_first(number, registry):
    """A changed setting moves the server; the old port is free again."""
    other = free_port()
    port.start(other, "127.0.0.1", lambda: registry)
    until(lambda: answers(other))

    until(lambda: socket.create_server(("127.0.0.1", number)).close() is None)
    assert [each.name for each in threading.enumerate()].count("djmetrics-port") == 1


def test_stop_frees_the_port_and_start_takes_it_again(number, registry):
    """stop() ends the thread, is idempotent, and can be followed by start()."""
    port.stop()
    port.stop()
    assert "djmetrics-port" not in [each.name for each in threading.enumerate()]
    with pytest.raises(ConnectionRefusedError):
        fetch(number)

    port.start(number, "127.0.0.1", lambda: registry)
    until(lambda: answers(number))


def test_ipv6(registry):
    """An IPv6 address works."""
    try:
        found = free_port("::1")
    except OSError:
        absent("this machine has no IPv6")
    port.start(found, "::1", lambda: registry)
    try:
        until(lambda: answers(found, "::1"))
        assert b"runs_total 3.0" in fetch(found, address="::1")[2]
    finally:
        port.stop()


def test_further_clients_are_hung_up_on(number, monkeypatch):
    """Clients that send nothing take a bounded number of threads; once they are gone, scrapes work again."""
    monkeypatch.setattr(page_server, "CONNECTIONS", 2)
    idle = [socket.create_connection(("127.0.0.1", number)) for _ in range(2)]
    server = port._candidate.server
    until(lambda: len(server.connections) == 2)
    with closing(socket.create_connection(("127.0.0.1", number), timeout=5)) as refused:
        assert refused.recv(1) == b""
    for each in idle:
        each.close()

    until(lambda: not server.connections)
    assert fetch(number)[0] == 200


def test_a_silent_client_is_hung_up_on(number, monkeypatch):
    """A client that does not send its request in time loses its connection, and holds up nobody."""
    monkeypatch.setattr(page_server.Handler, "timeout", 0.2)
    with closing(socket.create_connection(("127.0.0.1", number), timeout=5)) as silent:
        assert fetch(number)[0] == 200
        assert silent.recv(1) == b""


def test_a_port_that_another_program_has_is_reported_once(registry, monkeypatch, caplog):
    """A busy port never raises: it is logged once, and served as soon as it is free."""
    monkeypatch.setattr(port, "RETRY", 0.05)
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as foreign,
        caplog.at_level(logging.INFO, "djmetrics"),
    ):
        found = foreign.getsockname()[1]
        port.start(found, "127.0.0.1", lambda: registry)
        try:
            until(lambda: port._candidate._failures >= 8)
            foreign.close()
            until(lambda: answers(found))
            assert fetch(found)[0] == 200
        finally:
            port.stop()

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert str(found) in record.getMessage()
    assert "another program" in record.getMessage()


def test_an_address_of_another_machine_is_reported_once(registry, monkeypatch, caplog):
    """An address that cannot be bound never raises either."""
    monkeypatch.setattr(port, "RETRY", 0.05)
    port.start(free_port(), "192.0.2.1", lambda: registry)
    try:
        until(lambda: port._candidate._failures >= 4)
    finally:
        port.stop()

    (record,) = caplog.records
    assert "192.0.2.1" in record.getMessage()


def test_losing_to_a_sibling_is_not_worth_a_line(number, workers):
    """A worker that finds another one of its site on the port waits in silence."""
    loser = workers(number)
    # Its workplace is this process's, and so is its settings module: it is the same site.
    time.sleep(3 * port.RETRY)
    loser.stdin.close()
    assert loser.wait(10) == 0
    assert loser.stderr.read() == ""
    assert fetch(number)[0] == 200


def test_another_worker_takes_over_within_two_seconds(workers):
    """Two processes compete for the port; when the one that serves is killed, the other one serves."""
    found = free_port()
    processes = {process.pid: process for process in (workers(found), workers(found))}
    first = until(lambda: serving_pid(found))
    assert first in processes
    assert {serving_pid(found) for _ in range(10)} == {first}

    killed = time.monotonic()
    processes[first].send_signal(signal.SIGKILL)
    second = until(lambda: (pid := serving_pid(found)) != first and pid, seconds=2.0)
    assert {first, second} == set(processes)
    assert time.monotonic() - killed < 2.0


def test_forked_children_take_over_from_their_parent(workers):
    """Children forked by the process that serves hold no copy of its socket, and one of them takes over."""
    found = free_port()
    parent = workers(found, children=2)
    assert until(lambda: serving_pid(found)) == parent.pid
    held = socket.create_connection(("127.0.0.1", found))

    parent.send_signal(signal.SIGKILL)
    second = until(lambda: (pid := serving_pid(found)) != parent.pid and pid, seconds=2.5)
    assert second in parent.pids - {parent.pid}
    held.close()


def test_a_connection_open_during_a_fork_is_closed_by_its_owner(tmp_path):
    """A child keeps no copy of a client's connection: the client sees the end when the serving process dies."""
    found = free_port()
    script = f"""
import os, sys, time, socket
from prometheus_client import CollectorRegistry
from djmetrics import port
port.start({found}, "127.0.0.1", CollectorRegistry)
while port._candidate.server is None or not port._candidate.server.connections:
    time.sleep(0.01)
time.sleep(0.1)  # its thread opens files on the connection
child = os.fork()
if child == 0:
    links = [os.readlink(f"/proc/self/fd/{{name}}") for name in os.listdir("/proc/self/fd") if
             os.path.exists(f"/proc/self/fd/{{name}}")]
    os.write(1, b"%d\\n" % sum(link.startswith("socket:") for link in links))
    os._exit(0)
os.waitpid(child, 0)
"""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    client = until(lambda: socket.create_connection(("127.0.0.1", found)))
    assert process.stdout.readline().strip() == "0"
    client.close()
    process.wait(10)
    process.stdout.close()


def test_the_server_asks_no_name_server(number, monkeypatch):
    """Neither binding nor a scrape looks a name up."""
    asked = []
    for name in ("getfqdn", "gethostbyaddr", "getnameinfo", "gethostname"):
        monkeypatch.setattr(socket, name, lambda *arguments, name=name: asked.append(name))
    registry = CollectorRegistry()
    other = free_port()
    port.start(other, "127.0.0.1", lambda: registry)
    until(lambda: answers(other))
    fetch(other)

    assert asked == []


def test_clients_that_dawdle_make_room(monkeypatch):
    """Clients that send a byte now and then, and so never time out, do not keep a scrape out."""
    monkeypatch.setattr(page_server, "CONNECTIONS", 2)
    monkeypatch.setattr(page_server, "TIMEOUT", 0.2)
    server = page_server.Server(("127.0.0.1", 0), CollectorRegistry)
    place = server.server_address[:2]
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    dawdlers = [socket.create_connection(place) for _ in range(2)]
    try:
        for dawdler in dawdlers:
            dawdler.sendall(b"G")
        time.sleep(0.4)
        with urllib.request.urlopen(f"http://{place[0]}:{place[1]}/metrics", timeout=5) as answer:
            assert answer.status == 200
    finally:
        for dawdler in dawdlers:
            dawdler.close()
        server.shutdown()
        server.server_close()
