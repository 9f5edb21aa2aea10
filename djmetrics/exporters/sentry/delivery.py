"""What becomes of events: counted where the SDK's transport knows it, on its own thread."""

import inspect
import os
import threading
from collections.abc import Callable
from typing import Any

from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from ... import catalogue, tally

NAME = "sentry"
SENT, FAILED, LIMITED, DROPPED = "sent", "failed", "limited", "dropped"

_LIMITED = frozenset({"status_429", "self_rate_limits"})
# Why an event never came to the transport: the site wanted it so, or its hook failed.
_REFUSED = frozenset({"before_send", "callback_error", "event_processor", "sample_rate"})
_PID = "djmetrics_pid"
"""The attribute of an envelope that says which process captured it."""

_MISSING = object()

_suppressed = threading.local()


def suppress() -> None:
    """The event that this thread is about to lose was sent before: it is no loss."""
    _suppressed.here = True


def count(result: str, events: int = 1) -> None:
    """Count events by how they ended."""
    if events:
        tally.add(catalogue.EXPORTED, (NAME, result), events)


class Delivery:
    """Watches one transport, whoever made it, by attributes of that one object.

    The SDK's HTTP transport says what happens to what it sends in ``on_dropped_event``. Of a transport of another
    kind it is known only what it was given.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._replaced: dict[str, tuple[Any, Any]] = {}
        self._outcome = ""
        self._replace("record_lost_event", self._lost)
        send = getattr(transport, "_send_envelope", None)
        if send is not None and not inspect.iscoroutinefunction(send):
            self._replace("capture_envelope", self._taken)
            self._replace("_send_envelope", self._sent)
            self._replace("on_dropped_event", self._dropped)
        else:
            self._replace("capture_envelope", self._handed_over)

    def restore(self) -> None:
        """Leave the transport as it was."""
        own = vars(self._transport)
        for name, (before, ours) in self._replaced.items():
            if own.get(name) is ours:
                if before is _MISSING:
                    del own[name]
                else:
                    own[name] = before
        self._replaced.clear()

    def _replace(self, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        ours = make(getattr(self._transport, name))
        own = vars(self._transport)
        self._replaced[name] = own.get(name, _MISSING), ours
        own[name] = ours

    def _taken(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def capture_envelope(envelope: Envelope, *args: Any, **kwargs: Any) -> Any:
            setattr(envelope, _PID, os.getpid())
            return original(envelope, *args, **kwargs)

        return capture_envelope

    def _sent(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def send_envelope(envelope: Envelope, *args: Any, **kwargs: Any) -> Any:
            if getattr(envelope, _PID, os.getpid()) != os.getpid():
                return None  # a fork took it along in its queue: it is the parent's to send
            events = _events(envelope)
            self._outcome = SENT
            try:
                return original(envelope, *args, **kwargs)
            except BaseException:
                self._outcome = FAILED
                raise
            finally:
                count(self._outcome, events)
                tally.tell()

        return send_envelope

    def _dropped(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def on_dropped_event(reason: str, *args: Any, **kwargs: Any) -> Any:
            if reason == "full_queue":  # on the thread that captured it
                count(DROPPED)
            else:
                self._outcome = LIMITED if reason in _LIMITED else FAILED
            return original(reason, *args, **kwargs)

        return on_dropped_event

    def _lost(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def record_lost_event(reason: str, data_category: Any = None, *args: Any, **kwargs: Any) -> Any:
            if data_category == "error" and reason in _REFUSED:
                if getattr(_suppressed, "here", False):
                    _suppressed.here = False  # Sentry has it already
                else:
                    count(DROPPED)
            return original(reason, data_category, *args, **kwargs)

        return record_lost_event

    def _handed_over(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def capture_envelope(envelope: Envelope, *args: Any, **kwargs: Any) -> Any:
            count(SENT, _events(envelope))
            return original(envelope, *args, **kwargs)

        return capture_envelope


def _events(envelope: Envelope) -> int:
    """How many events an envelope holds; it may also hold what is none: reports, sessions."""
    return sum(item.type == "event" for item in envelope.items)
