"""Sentry's HTTP API, as far as alert rules need it."""

import json
import time
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from .rules import Rule

TIMEOUT = 30
_PAGES = 20
_TOO_MANY = 429


class ApiError(Exception):
    """Sentry refused, or did not answer; the message never holds the token."""


class _NoRedirects(HTTPRedirectHandler):
    """Elsewhere nobody must learn the token."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow none: the answer then counts as an error."""


class Api:
    """The alert rules of one project of an organisation on the Sentry at ``url``."""

    def __init__(self, url: str, token: str, organization: str, project: str) -> None:
        if not _is_address(url):
            raise ApiError(f"{url} is not the address of a Sentry.")
        self._token = token
        self._rules = (
            f"{url.rstrip('/')}/api/0/projects/{quote(organization, '')}/{quote(project, '')}/rules/"
        )
        self._opener = build_opener(_NoRedirects)

    def names(self) -> set[str]:
        """What the rules that are there are called."""
        found: set[str] = set()
        for page in range(_PAGES):
            answered = self._ask(f"{self._rules}?per_page=100&cursor=0:{page * 100}:0")
            if not isinstance(answered, list):
                raise ApiError(f"{self._rules} answers with no list.")
            new = {str(each.get("name")) for each in answered if isinstance(each, dict)}
            if not new - found:
                break
            found |= new
        return found

    def create(self, rule: Rule) -> None:
        """Add a rule."""
        self._ask(self._rules, rule)

    def _ask(self, url: str, body: Rule | None = None, patient: bool = True) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        try:
            with self._opener.open(Request(url, data, headers), timeout=TIMEOUT) as answer:  # noqa: S310 - checked
                return json.load(answer)
        except HTTPError as error:
            seconds = error.headers.get("Retry-After", "")
            if error.code == _TOO_MANY and patient and seconds.isdecimal() and int(seconds) <= TIMEOUT:
                error.close()
                time.sleep(int(seconds))
                return self._ask(url, body, patient=False)
            with error:
                said = error.read(500).decode(errors="replace").replace(self._token, "…")
            raise ApiError(f"{self._rules} answers {error.code}: {said}") from None
        except (HTTPException, OSError, ValueError) as error:
            raise ApiError(f"{self._rules}: {type(error).__name__}") from None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and url.isprintable() and " " not in url
