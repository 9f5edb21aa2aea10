"""Fields for log lines."""

import io
import logging
import subprocess
import sys
from typing import Any

import pytest
from django.test import override_settings

from djmetrics import ambient
from djmetrics.logs import RecordFilter, add_fields

from .hooks.site import request_record


@pytest.fixture
def said():
    """What a logger with the filter on its handler wrote."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("[%(trace_id)s][%(span_id)s][%(view)s][%(release)s] %(message)s"))
    handler.addFilter(RecordFilter())
    logger = logging.getLogger("a.site")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def test_outside(said):
    """A format may name all fields anywhere."""
    logger, stream = said
    logger.warning("hello")
    assert stream.getvalue() == "[][][][] hello\n"


def test_inside(said):
    """Ids in hex, as traces show them; the view; the release."""
    logger, stream = said
    with override_settings(DJMETRICS={"RELEASE": "1.2"}), request_record() as request:
        request.trace_id, request.span_id = 0xABC, 0xDE
        logger.warning("hello")
    assert stream.getvalue() == f"[{0xABC:032x}][{0xDE:016x}][a-view][1.2] hello\n"


def test_what_is_there_stays(said):
    """Another filter's value is not overwritten."""
    logger, stream = said
    logger.warning("hello", extra={"view": "mine"})
    assert stream.getvalue() == "[][][mine][] hello\n"


def test_current_span_first(said, monkeypatch):
    """A tracing library knows better which span runs."""

    class Context:
        def identity(self) -> tuple[int, int]:
            return 1, 2

    logger, stream = said
    with request_record() as request:
        request.trace_id, request.span_id = 0xABC, 0xDE
        monkeypatch.setattr(ambient, "contexts", (Context(),))
        logger.warning("hello")
        monkeypatch.undo()
    assert stream.getvalue().startswith(f"[{1:032x}][{2:016x}]")


def test_structlog():
    """Only what is known, and not over what is there."""
    event: dict[str, Any] = {"event": "hello", "view": "mine"}
    with request_record() as request:
        request.trace_id, request.span_id = 1, 2
        assert add_fields(None, "info", event) == {
            "event": "hello", "view": "mine", "trace_id": f"{1:032x}", "span_id": f"{2:016x}",
        }  # fmt: skip


UNCONFIGURED = """
import logging
from djmetrics.logs import RecordFilter
handler = logging.StreamHandler()
handler.setFormatter(logging.Formatter("[%(view)s][%(release)s] %(message)s"))
handler.addFilter(RecordFilter())
logging.getLogger().addHandler(handler)
logging.warning("early")
"""


def test_before_there_are_settings():
    """A log line that is written while a process starts passes as it did."""
    done = subprocess.run([sys.executable, "-c", UNCONFIGURED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "[][] early\n")
