"""What urllib3 says of a Sentry that our own client does not reach: told once, in one line."""

import logging
import threading
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("djmetrics")

_pool = logging.getLogger("urllib3.connectionpool")
_told = threading.Event()


class Failures(logging.Filter):
    """Stands before urllib3's logger, for what it logs while our own ``transport`` sends and nothing else.

    A Sentry that is away makes it warn three times for each event: with nothing configured, on the standard error.
    """

    def __init__(self, transport: Any) -> None:
        super().__init__()
        self._here = threading.local()
        send = getattr(transport, "_send_envelope", None)
        if send is not None:
            transport._send_envelope = self._noted(send)

    def _noted(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def send_envelope(*args: Any, **kwargs: Any) -> Any:
            self._here.sends = True
            try:
                return send(*args, **kwargs)
            finally:
                self._here.sends = False

        return send_envelope

    def filter(self, record: logging.LogRecord) -> bool:
        """Let pass what others log, and what is no failure; keep back the rest, and tell of the first."""
        if record.levelno < logging.WARNING or not getattr(self._here, "sends", False):
            return True
        if not _told.is_set():
            _told.set()
            logger.warning(
                "djmetrics cannot send events to Sentry: %s. What is not sent is counted in "
                "djmetrics_exporter_items_total. This is logged once per process.",
                " ".join(record.getMessage().split())[:500].rstrip("."),
            )
        return False

    def watch(self) -> None:
        """Stand before the logger."""
        _pool.addFilter(self)

    def leave(self) -> None:
        """Leave the logger as it was."""
        _pool.removeFilter(self)
