"""Which client of Sentry's SDK is used: the one that the site made, or else one of ours."""

import logging
import os
import threading

import sentry_sdk
from sentry_sdk.client import BaseClient
from sentry_sdk.utils import BadDsn, Dsn

from .choices import Choices, Event, Hint, Hook
from .delivery import Delivery
from .failures import Failures

_UNKNOWN = "unknown"
"""A release for ``init``, which else would start git to find one, in the middle of a request."""

_LONGEST = 4_000
"""Characters of one text in an event: the SDK itself sends texts of any length."""

logger = logging.getLogger("djmetrics")


class Clients:
    """Finds the client each time it is needed: a site may make its own at any time.

    Ours is made with the first unit of work and not when Django starts: until then the site may still make its own,
    and what forks in between carries nothing over. ``scrub`` is the site's scrubbing hook.
    """

    def __init__(self, choices: Choices, release: str, scrub: Hook | None) -> None:
        self._choices = choices
        self._release = release
        self._scrub = scrub
        self._lock = threading.RLock()
        self._tried = False
        self._known: BaseClient | None = None
        self._own: BaseClient | None = None
        self._delivery: Delivery | None = None
        self._failures: Failures | None = None

    def current(self) -> BaseClient | None:
        """The client that is active here; None where there is none and no DSN to make one for."""
        client = sentry_sdk.get_client()
        if client is self._known:
            return client
        if not client.is_active():
            if self._tried:
                return None
            client = self._made()
            if not client.is_active():
                return None
        self._adopt(client)
        return client

    def is_ours(self, client: BaseClient) -> bool:
        """Whether ``client`` is the one that we made."""
        return client is self._own

    def after_fork(self) -> None:
        """In a child: a thread that was here is no more."""
        self._lock = threading.RLock()

    def close(self) -> None:
        """Leave the site's client as it was, and end ours."""
        with self._lock:
            if self._delivery is not None:
                self._delivery.restore()
            own, self._own, self._known, self._tried = self._own, None, None, False
        if own is not None:
            own.close(timeout=self._choices.shutdown_timeout)
            scope = sentry_sdk.get_global_scope()
            if scope.client is own:
                scope.set_client(None)
        if self._failures is not None:
            self._failures.leave()
            self._failures = None

    def _adopt(self, client: BaseClient) -> None:
        with self._lock:
            if client is self._known:
                return
            if self._delivery is not None:
                self._delivery.restore()
            self._delivery = None if client.transport is None else Delivery(client.transport)
            self._known = client

    def _made(self) -> BaseClient:
        with self._lock:
            if not self._tried:
                dsn = written(self._choices.dsn)
                if dsn:
                    self._init(dsn)
                self._tried = True  # last: until then others wait
        return sentry_sdk.get_client()

    def _init(self, dsn: str) -> None:
        release = self._release or os.environ.get("SENTRY_RELEASE")
        try:
            sentry_sdk.init(
                dsn,
                release=release or _UNKNOWN,
                environment=self._choices.environment or None,
                before_send=self._scrub,  # type: ignore[arg-type] # its events are plain dicts to us
                # None is needed. They replace functions of Python's and of libraries' for good, and cost with each
                # call: log records, threads, HTTP. What waits at a process's end is sent by ``close``.
                default_integrations=False,
                auto_enabling_integrations=False,
                include_local_variables=self._choices.local_variables,
                max_request_body_size="never",
                max_value_length=_LONGEST,
                in_app_exclude=["djmetrics"],
                shutdown_timeout=self._choices.shutdown_timeout,
                enable_backpressure_handling=False,  # a thread, for tracing only
                auto_session_tracking=False,
            )
            self._own = sentry_sdk.get_client()
            self._failures = Failures(self._own.transport)
            self._failures.watch()
            self._own.options["release"] = release or None
        except Exception as error:  # the DSN is the site's, and wrong
            logger.warning(
                "djmetrics reports nothing to Sentry: %s. See the system check djmetrics.W023.",
                type(error).__name__,
            )


def written(dsn: str) -> str:
    """The DSN of the settings, else that of Sentry's own variable; "" for none."""
    return dsn or os.environ.get("SENTRY_DSN", "")


def mistake_in(dsn: str) -> str:
    """What is wrong with a DSN, without its text; "" for nothing."""
    try:
        Dsn(dsn)
    except (BadDsn, ValueError) as error:
        return f"{error}" if isinstance(error, BadDsn) and dsn not in str(error) else type(error).__name__
    return ""


def not_needed() -> bool:
    """Whether there is a client already, so that no DSN is needed."""
    return sentry_sdk.get_client().is_active()


def allows_personal_data(client: BaseClient) -> bool:
    """Whether the site lets personal data go to Sentry."""
    return client.should_send_default_pii()


def reports_requests(client: BaseClient) -> bool:
    """Whether the SDK's own Django integration reports requests' exceptions, in scopes of its own."""
    return "django" in client.integrations


def ignores(client: BaseClient, error: BaseException) -> bool:
    """Whether the site's ``ignore_errors`` names the class of ``error``, as the SDK reads it: by class or by name."""
    kind = type(error)
    names = {kind.__name__, kind.__qualname__, f"{kind.__module__}.{kind.__name__}"}
    return any(
        each in names if isinstance(each, str) else issubclass(kind, each)
        for each in client.options.get("ignore_errors") or ()
    )


def scrubbing(hook: Hook) -> Hook:
    """``hook`` such that an event on which it fails does not leave."""

    def scrub(event: Event, hint: Hint) -> Event | None:
        try:
            return hook(event, hint)
        except Exception:
            logger.exception("DJMETRICS['SENTRY']['BEFORE_SEND'] failed: the event is not sent.")
            return None

    return scrub
