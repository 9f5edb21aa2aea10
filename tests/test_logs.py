"""Fields for log lines."""

import asyncio
import io
import json
import logging
import subprocess
import sys
from typing import Any

import pytest
import structlog
from django.http import Http404, HttpResponse
from django.test import override_settings
from django.urls import path

from djmetrics import ambient
from djmetrics.logs import RecordFilter, add_fields

from .hooks.site import request_record


def missing(request: Any) -> HttpResponse:
    raise Http404


def down(request: Any) -> HttpResponse:
    return HttpResponse(status=503)


urlpatterns = [path("missing/", missing, name="missing"), path("down/", down, name="down")]


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


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("view", ["missing", "down"])
def test_what_django_says_of_an_answer(view, client, async_client):
    """Its line on a status from 400 on comes when the middlewares are done; it carries that request's fields."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("[%(trace_id)s][%(view)s]"))
    handler.addFilter(RecordFilter())
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        header = {"traceparent": f"00-{0xABC:032x}-{0xDE:016x}-01"}
        client.get(f"/{view}/", headers=header)
        asyncio.run(async_client.get(f"/{view}/", headers=header))
        logger.warning("a line of nobody's", extra={"request": object()})
        logger.warning("a line of nobody's")
    finally:
        logger.removeHandler(handler)
    assert stream.getvalue().split() == [f"[{0xABC:032x}][{view}]"] * 2 + ["[][]"] * 2


def test_structlog():
    """Only what is known, and not over what is there."""
    event: dict[str, Any] = {"event": "hello", "view": "mine"}
    with request_record() as request:
        request.trace_id, request.span_id = 1, 2
        assert add_fields(None, "info", event) == {
            "event": "hello", "view": "mine", "trace_id": f"{1:032x}", "span_id": f"{2:016x}",
        }  # fmt: skip


@pytest.mark.urls(__name__)
def test_structlog_on_what_django_says(client):
    """So do those that structlog formats for the standard library."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    rest = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()]
    formatter = structlog.stdlib.ProcessorFormatter(processors=[add_fields, *rest])
    handler.setFormatter(formatter)
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        client.get("/missing/")
    finally:
        logger.removeHandler(handler)
    assert json.loads(stream.getvalue())["view"] == "missing"


def test_a_real_structlog():
    """As the how-to configures it, each line names its request."""
    stream = io.StringIO()
    chain = [add_fields, structlog.processors.JSONRenderer()]
    logger = structlog.wrap_logger(structlog.PrintLogger(stream), processors=chain)
    with request_record() as request:
        request.trace_id, request.span_id = 1, 2
        logger.info("hello")
    logger.info("outside")
    inside, outside = map(json.loads, stream.getvalue().splitlines())
    assert inside == {"event": "hello", "trace_id": f"{1:032x}", "span_id": f"{2:016x}", "view": "a-view"}
    assert outside == {"event": "outside"}


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
