"""What goes over the wire to a Grafana, or to what was taken for one."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from djmetrics.management.grafana import wire
from djmetrics.management.grafana.errors import GrafanaError
from djmetrics.management.grafana.wire import Wire, is_loopback

pytestmark = pytest.mark.once

TOKEN = "glsa_of-the-test"

Talk = Callable[[socket.socket], None]


@contextmanager
def listening(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads each request, keeps it, and then talks; its address and what it was asked."""
    asked: list[bytes] = []
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not ended.is_set():
                try:
                    client, _ = server.accept()
                except TimeoutError:
                    continue
                client.settimeout(10)
                try:
                    if context is not None:
                        client = context.wrap_socket(client, server_side=True)
                    with client:
                        asked.append(client.recv(65536))
                        talk(client)
                except OSError:
                    client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}", asked
        finally:
            ended.set()
            thread.join()


def answering(status: str, body: bytes = b"", *headers: str) -> Talk:
    """One answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return lambda client: client.sendall("\r\n".join(lines).encode() + body)


def refused(url: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What the command says of that server; never the token."""
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    with pytest.raises(CommandError) as raised:
        call_command(
            "djmetrics_dashboards", f"--upload={url}", *arguments, stdout=StringIO(), stderr=StringIO()
        )
    said = str(raised.value)
    assert TOKEN not in said
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    "body", [b"<html>It works!</html>", b"", b"[]", b'{"kind": "Status"}', b"[" * 200_000], ids=str
)
def test_no_grafana(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers well, but not as a Grafana does, is told apart."""
    with listening(answering("200 OK", body)) as (where, asked):
        assert "is no Grafana" in refused(f"http://{where}/sub/", monkeypatch)
    paths = [each.split()[1] for each in asked]
    assert paths == [b"/sub/apis/dashboard.grafana.app", b"/sub/api/health"]


def test_nothing_but_404(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has neither page is no Grafana."""
    with listening(answering("404 Not Found")) as (where, _):
        assert "is no Grafana: neither /apis/dashboard.grafana.app nor /api/health" in refused(
            f"http://{where}", monkeypatch
        )


def test_no_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of another protocol."""
    with listening(lambda client: client.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")) as (where, _):
        assert "cannot be asked: BadStatusLine" in refused(f"http://{where}", monkeypatch)


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port at which nobody listens, and a name that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "cannot be asked: Connection refused" in refused(f"http://127.0.0.1:{port}", monkeypatch)
    assert "cannot be asked: " in refused("http://grafana.invalid", monkeypatch)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirect_is_not_followed(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it leads, nobody learns the token."""
    with listening(answering("200 OK", b"{}")) as (elsewhere, asked_elsewhere):
        leads = answering(status, b"", f"Location: http://{elsewhere}/")
        with listening(leads) as (where, asked):
            said = refused(f"http://{where}", monkeypatch)
    assert "it leads elsewhere, where the token is not sent" in said
    assert (len(asked), asked_elsewhere) == (1, [])


def test_answer_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that says nothing is waited for, for a time."""
    with listening(lambda client: time.sleep(1.5)) as (where, _), pytest.raises(GrafanaError) as raised:
        Wire(f"http://{where}", TOKEN, timeout=0.3).ask("GET", "/x")
    assert str(raised.value) == f"http://{where} does not answer within 0.3 seconds."


def test_answer_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a byte now and then hold us up for longer."""

    def drip(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(30):
            client.sendall(b" ")
            time.sleep(0.1)

    start = time.monotonic()
    with listening(drip) as (where, _):
        with pytest.raises(GrafanaError, match=r"does not answer within 0\.5 seconds"):
            Wire(f"http://{where}", TOKEN, timeout=0.5).ask("GET", "/x")
        assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    "head", ["Content-Length: 9", "Transfer-Encoding: chunked\r\n\r\n9", "Content-Length: nine"]
)
def test_answer_that_is_cut_short(head: str) -> None:
    """An answer that ends before its end is none."""
    text = f"HTTP/1.1 200 OK\r\n{head}\r\n" + ("{}" if "chunked" in head else "\r\n{}")
    with (
        listening(lambda client: client.sendall(text.encode())) as (where, _),
        pytest.raises(GrafanaError) as raised,
    ):
        Wire(f"http://{where}", TOKEN).ask("GET", "/x")
    assert "cannot be asked: " in str(raised.value)


def test_answer_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than any board has is not read to its end."""
    monkeypatch.setattr(wire, "LIMIT", 1000)
    with listening(answering("200 OK", b" " * 200_000)) as (where, _):
        assert refused(f"http://{where}", monkeypatch).endswith("answers with more than 1000 bytes.")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A TLS server's context with a certificate that nobody trusts."""
    home = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    subprocess.run([*command, "-keyout", home / "key", "-out", home / "crt"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "crt", home / "key")
    return context


def test_certificate_that_is_not_trusted(
    certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent to whoever cannot say who they are."""
    with listening(answering("200 OK"), certificate) as (where, asked):
        said = refused(f"https://{where}", monkeypatch)
    assert "its certificate is not trusted: self-signed certificate" in said
    assert asked == []


def test_tls_with_a_server_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """https where only http is spoken."""
    with listening(answering("200 OK")) as (where, _):
        assert "no TLS with it" in refused(f"https://{where}", monkeypatch)


@pytest.mark.parametrize(
    "url",
    ["grafana:3000", "ftp://grafana", "file:///etc/passwd", "http://", "http://grafana:x", "http://grafana:0",
     "http://[::1", "http://admin:admin@127.0.0.1", "http://127.0.0.1/?orgId=1", "http://127.0.0.1/#x", "x"],
)  # fmt: skip
def test_what_is_no_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be a Grafana's address is told of before anything is sent."""
    said = refused(url, monkeypatch)
    assert "address" in said


@pytest.mark.parametrize("host", ["grafana.invalid", "10.0.0.1.invalid"])
def test_token_in_the_clear_is_told_of(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far away the token is to go encrypted."""
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    for scheme, told in (("http", f"The token goes to {host} unencrypted; use https.\n"), ("https", "")):
        err = StringIO()
        with pytest.raises(CommandError):
            call_command("djmetrics_dashboards", f"--upload={scheme}://{host}", stdout=StringIO(), stderr=err)
        assert err.getvalue() == told


@pytest.mark.parametrize(
    "host, is_near",
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("a.localhost", True),
     ("10.0.0.1", False), ("localhost.example.com", False), ("example.com", False)],
)  # fmt: skip
def test_what_is_near(host: str, is_near: bool) -> None:
    """This machine needs no encryption, and no proxy."""
    assert is_loopback(host) == is_near


def test_no_proxy_learns_the_token_of_what_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is for what is far away."""
    with (
        listening(answering("200 OK", b"{}")) as (proxy, proxied),
        listening(answering("200 OK", b"{}")) as (
            where,
            asked,
        ),
    ):
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        Wire(f"http://{where}", TOKEN).ask("GET", "/x")
        Wire("http://grafana.invalid", TOKEN).ask("GET", "/x")
    assert (len(asked), len(proxied)) == (1, 1)


def test_token_is_taken_without_its_newline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token from a file ends with a newline, which no header may have."""
    monkeypatch.setenv("GRAFANA_TOKEN", f" {TOKEN}\n")
    with (
        listening(answering("404 Not Found")) as (where, asked),
        pytest.raises(CommandError, match="is no Grafana"),
    ):
        call_command("djmetrics_dashboards", f"--upload=http://{where}", stdout=StringIO())
    assert f"Authorization: Bearer {TOKEN}\r\n".encode() in asked[0]


def test_token_that_no_header_can_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two lines, or letters beyond ASCII: an error, and not a part of the token in it."""
    for token in ("glsa_one\nglsa_two", "glsa_ü", "glsa_\u4e00"):
        monkeypatch.setenv("GRAFANA_TOKEN", token)
        with pytest.raises(CommandError, match="GRAFANA_TOKEN holds no token") as raised:
            call_command("djmetrics_dashboards", "--upload=http://127.0.0.1:9", stdout=StringIO())
        assert "glsa" not in str(raised.value)
