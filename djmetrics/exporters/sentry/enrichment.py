"""What each event is given that is captured while a record is open, or at its end."""

import re
from collections.abc import Callable
from typing import Any

import sentry_sdk
from sentry_sdk.client import BaseClient
from sentry_sdk.tracing_utils import has_tracing_enabled

from ... import guard
from ...record import FLAG, Record
from .choices import Event, Hint, Hook
from .clients import Clients, allows_personal_data
from .crumbs import add_crumbs
from .delivery import suppress
from .flags import add_flags
from .notes import noted
from .privacy import scrub_messages
from .summary import summary

CONTEXT = "djmetrics"
RECORD = "djmetrics_record"
"""Under which name a hint holds the record of an event that is captured at the record's end."""

Find = Callable[[BaseException | None], Record | None]

_KEY = re.compile(r"[^\w.:-]", re.ASCII)
_MOST_KEY, _MOST_VALUE = 32, 200
APART = "annotation."
"""What the tag of an annotation begins with whose key is that of another tag."""
# Ours, and those that the SDK sets or Sentry makes of other parts of an event and drops where they come as tags.
_TAKEN = frozenset(
    {"dist", "environment", "filename", "kind", "release", "route", "server_name", "user", "view"}
)
# Where the SDK's integrations name a transaction by its path or route; a site's own call names no source, or another.
_GUESSED = frozenset({"url", "route"})


class Enrichment:
    """An event processor for the SDK's global scope.

    ``find`` gives the record of the exception that is given to it, or the one that is open where it is called; ``now``
    the monotonic time.
    """

    def __init__(
        self, clients: Clients, find: Find, now: Callable[[], int], release: str, scrub: Hook | None
    ) -> None:
        self._clients = clients
        self._find = find
        self._now = now
        self._release = release
        self._scrub = scrub

    def __call__(self, event: Event, hint: Hint) -> Event | None:
        """The event with what is known, or None where we have told Sentry of its exception."""
        if event.get("type") not in (None, "event"):
            return event  # a transaction, a check-in
        client = sentry_sdk.get_client()
        if not allows_personal_data(client):
            _scrub(event)
        try:
            if self._was_reported(event, hint, client):
                suppress()
                return None
        except Exception:
            guard.failed("exporters.sentry.enrichment")
        if self._scrub is not None and not self._clients.is_ours(client):
            return self._scrub(event, hint)
        return event

    def _was_reported(self, event: Event, hint: Hint, client: BaseClient) -> bool:
        """Whether we have told Sentry of the event's exception; if not, the event is enriched.

        What the site itself reports twice is its own affair, and that of the SDK's integration for it.
        """
        error = (hint.get("exc_info") or (None, None))[1]
        record = hint.get(RECORD)
        if record is None:
            record = self._find(error)
            # A record that is over has let go of its exceptions, and reports no more of them.
            if record is not None and error is not None and record.root.record is not None:
                note = noted(record)
                if note.has_reported(error):
                    return True
                note.told(error)
        if record is not None:
            self._enrich(event, record, client)
        return False

    def _enrich(self, event: Event, record: Record, client: BaseClient) -> None:
        chosen = client.options
        if not event.get("transaction") or (event.get("transaction_info") or {}).get("source") in _GUESSED:
            event["transaction"] = record.view
            event["transaction_info"] = {"source": "component"}  # a source that no integration overrides
        if self._release and chosen.get("release") is None:
            event.setdefault("release", self._release)
        tags = event.setdefault("tags", {})
        if isinstance(tags, dict):
            for name, value in _tags(record).items():
                tags.setdefault(name, value)
        contexts = event.setdefault("contexts", {})
        contexts.setdefault(CONTEXT, summary(record, self._now()))
        if record.flags:
            add_flags(contexts, record)
        if record.trace_id:
            _link(contexts, record, _is_traced(chosen))
        if record.method and not event.get("request"):
            event["request"] = {"method": record.method, "url": f"/{record.route.lstrip('/')}"}
        add_crumbs(event, record, chosen.get("max_breadcrumbs") or 0)


def _scrub(event: Event) -> None:
    """Take values out of messages; where that fails, the messages."""
    try:
        scrub_messages(event)
    except Exception:
        for each in (event.get("exception") or {}).get("values") or ():
            each["value"] = ""
        guard.failed("exporters.sentry.privacy")


def _is_traced(options: dict[str, Any]) -> bool:
    """Whether Sentry traces here, and keeps what it traces."""
    span = sentry_sdk.get_current_span()
    return has_tracing_enabled(options) and span is not None and getattr(span, "sampled", True) is not False


def _link(contexts: dict[str, Any], record: Record, sentry_traces: bool) -> None:
    """Name the record's trace, so that Sentry and the tracing backend lead to each other.

    Where Sentry keeps a trace of its own, the event stays with Sentry's trace, and names the record's beside it.
    """
    ids = {"trace_id": f"{record.trace_id:032x}", "span_id": f"{record.span_id:016x}"}
    if sentry_traces:
        contexts[CONTEXT] = {**contexts[CONTEXT], **ids}
    else:
        contexts["trace"] = ids


def _tags(record: Record) -> dict[str, str]:
    """What Sentry searches by: the view, the route, and what the site said of the request."""
    tags = {"view": record.view, "route": record.route, "kind": record.kind}
    # Flags that are on or off have a place of their own in an event.
    flags = {FLAG + name: value for name, value in (record.flags or {}).items() if type(value) is not bool}
    for key, value in {**(record.annotations or {}), **flags}.items():
        if type(value) in (str, int, float, bool):
            # As metrics have it, so that one text finds both.
            text = str(value).lower() if type(value) is bool else str(value)
            name = _KEY.sub("_", str(key))
            tags.setdefault((f"{APART}{name}" if name in _TAKEN else name)[:_MOST_KEY], text)
    return {
        name: " ".join(value.split())[:_MOST_VALUE] for name, value in tags.items() if name and value.strip()
    }
