"""What the exporters that we make say of their failures: told once, in one line, and known before they give up."""

import logging
import threading

logger = logging.getLogger("djmetrics")

THREAD = "djmetrics-spans"
"""The name of the thread on which exporters of ours work."""

PREFIX = "opentelemetry.exporter."
"""What the names of the exporters' modules and loggers begin with."""


class NotInstalledError(LookupError):
    """An exporter that the variables ask for is not there. The log said so, with what to do, when it was looked for."""


class Failures(logging.Filter):
    """Stands before the loggers of OpenTelemetry's exporters, for what they log on our thread and nothing else.

    A collector that is away makes them warn at each attempt: with nothing configured, on the standard error of every
    management command. And that a first attempt failed they say nowhere else until they have tried for 10 seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.happened = threading.Event()
        """Set once an attempt failed, until the next success."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let pass what other threads log, and what is no failure; keep back the rest, and tell of the first."""
        if record.levelno < logging.WARNING or threading.current_thread().name != THREAD:
            return True
        self.happened.set()
        if not _told.is_set():
            _told.set()
            logger.warning(
                "djmetrics cannot send traces: %s. What is not sent is counted in djmetrics_exporter_items_total. "
                "This is logged once per process.",
                " ".join(record.getMessage().split())[:500].rstrip("."),
            )
        return False

    def watch(self) -> None:
        """Stand before the loggers of all exporters that are imported by now."""
        for logger_ in _loggers():
            logger_.addFilter(self)

    def leave(self) -> None:
        """Leave the loggers as they were."""
        for logger_ in _loggers():
            logger_.removeFilter(self)


def _loggers() -> list[logging.Logger]:
    # At once: another thread may make loggers meanwhile.
    known = list(logging.root.manager.loggerDict.items())
    # A name that only stands for its children is none yet.
    return [each for name, each in known if name.startswith(PREFIX) and isinstance(each, logging.Logger)]


_told = threading.Event()
