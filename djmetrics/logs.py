"""Which trace, view and release a log line belongs to: for the standard library's logging, and for structlog."""

import logging
import weakref
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

from . import ambient, conf, recorder
from .record import Record

_answered: ContextVar[weakref.ref[Record] | None] = ContextVar("djmetrics_answered", default=None)
"""The record whose request was answered here last with a status from 400 on."""


def answered(record: Record) -> None:
    """A request was answered with a status from 400 on: Django's line on that comes once the middlewares are done."""
    _answered.set(weakref.ref(record))


def _of(request: Any) -> Record | None:
    """The record of ``request``, which the middlewares are done with, where it is known."""
    known = _answered.get()
    record = None if known is None else known()
    return record if record is not None and record.key == id(request) else None


def fields(request: Any = None) -> dict[str, str]:
    """What is known of the unit of work that runs here: ``trace_id`` and ``span_id`` in hex, ``view``, ``release``.

    "" stands for what is unknown, so that a format can name all four anywhere. ``request`` is the one that a log line
    says it is about, if any.
    """
    record = recorder.current_record()
    if record is None and request is not None:
        record = _of(request)
    ids = ambient.identity()
    if ids is None and record is not None and record.trace_id:
        ids = record.trace_id, record.span_id
    return {
        "trace_id": f"{ids[0]:032x}" if ids else "",
        "span_id": f"{ids[1]:016x}" if ids else "",
        "view": "" if record is None else record.view,
        # A log line may be written before there are settings, and while they are read.
        "release": conf.get_settings().release if conf.is_configured() else "",
    }


class RecordFilter(logging.Filter):
    """Gives each log record ``trace_id``, ``span_id``, ``view`` and ``release``; it lets all of them pass.

    Put it on a handler: filters of a logger do not see what its children log. What a log record already has stays.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields."""
        for name, value in fields(getattr(record, "request", None)).items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


def add_fields(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor for structlog: adds the fields that are known to the event."""
    of_logging = event.get("_record")  # of the standard library's, by structlog's ProcessorFormatter
    for name, value in fields(getattr(of_logging, "request", None)).items():
        if value:
            event.setdefault(name, value)
    return event
