"""JSON over HTTP, with a token that goes to one server only, and bounds on time and size."""

import json
import ssl
import time
from http.client import HTTPException, HTTPResponse, IncompleteRead
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from .errors import TOKEN, GrafanaError

TIMEOUT = 30.0
"""Seconds that one answer may take, to its last byte."""

LIMIT = 16 * 1024 * 1024
"""Bytes of an answer; the largest board has some 100 KB."""

_SAID = 300


class _NoRedirects(HTTPRedirectHandler):
    """Elsewhere nobody must learn the token."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow none: the answer then counts as an error."""


class Wire:
    """The server at ``url``, which may have a path; raises GrafanaError if that is no address of a server."""

    def __init__(self, url: str, token: str, timeout: float = TIMEOUT) -> None:
        parts = _parts(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GrafanaError(f"{url} is not the address of a Grafana: it begins with http:// or https://.")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise GrafanaError("Give Grafana's address without a user, a query or a fragment.")
        if not token.isascii() or not token.isprintable():
            raise GrafanaError(f"{TOKEN} holds no token: a token is one line of plain letters.")
        self.url = url.rstrip("/")
        self.host = parts.hostname
        self.in_the_clear = parts.scheme == "http" and not is_loopback(self.host)
        self._token = token
        self._timeout = timeout
        # A proxy is for what is far away, and would learn the token of what is near.
        near = [ProxyHandler({})] if is_loopback(self.host) else []
        self._opener = build_opener(_NoRedirects, *near)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any, str]:
        """An answer's status, its JSON (None if it is none), and in few words what it says.

        Raises GrafanaError if there is no answer in time, or one that is too large.
        """
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = Request(self.url + path, data, headers, method=method)  # noqa: S310 - the scheme is checked
        end = time.monotonic() + self._timeout
        try:
            with self._opened(request) as answer:
                text = self._read(answer, end)
                return answer.status, *self._understood(text)
        except TimeoutError:
            raise GrafanaError(f"{self.url} does not answer within {self._timeout:g} seconds.") from None
        except (OSError, ValueError, HTTPException) as error:
            raise GrafanaError(f"{self.url} cannot be asked: {_reason(error)}.") from None

    def _opened(self, request: Request) -> Any:
        try:
            return self._opener.open(request, timeout=self._timeout)
        except HTTPError as error:
            return error
        except URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise error.reason from None
            raise

    def _read(self, answer: HTTPResponse, end: float) -> bytes:
        """The whole body: a server that sends a byte now and then does not hold us up for ever."""
        found = bytearray()
        while chunk := answer.read1(65536):
            found += chunk
            if len(found) > LIMIT:
                raise GrafanaError(f"{self.url} answers with more than {LIMIT} bytes.")
            if time.monotonic() > end:
                raise TimeoutError
        if len(found) < int(answer.headers.get("Content-Length") or 0):
            raise IncompleteRead(b"")
        return bytes(found)

    def _understood(self, text: bytes) -> tuple[Any, str]:
        try:
            body = json.loads(text) if text else None
        except (ValueError, RecursionError):
            return None, ""
        said = body.get("message") if isinstance(body, dict) else None
        plain = " ".join(said.split()) if isinstance(said, str) else ""
        return body, plain.replace(self._token, "…")[:_SAID].rstrip(".")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # A port that is no number is told only when it is read.
        port = parts.port
    except ValueError:
        raise GrafanaError(f"{url} is not the address of a Grafana.") from None
    if port == 0:
        raise GrafanaError(f"{url} is not the address of a Grafana: no server has port 0.")
    return parts


def _reason(error: Exception) -> str:
    """Why there was no answer: the cause below urllib's wrapping, without anything that we sent."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"no TLS with it: {cause.reason or type(cause).__name__}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(cause).__name__
