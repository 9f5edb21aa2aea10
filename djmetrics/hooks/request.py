"""Requests: what is known of one at its start and at its end; exceptions; what is refused before any view."""

import re
import sys
from asyncio import CancelledError
from collections.abc import Callable
from typing import Any

from django.core.handlers import exception
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse
from django.template.response import SimpleTemplateResponse

from .. import ambient, guard, recorder, semconv, units
from ..record import Record
from ..streaming import broken_off, cut_off
from . import Hook

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
"""The methods that the conventions name; any other is ``_OTHER``."""

_QUEUE_HEADERS = ("HTTP_X_REQUEST_START", "HTTP_X_QUEUE_START")
_TIMESTAMP = re.compile(r"(?:t=)?(\d{9,20})(?:\.(\d{1,9}))?\Z")
# Front servers write seconds, milliseconds or microseconds; by magnitude they can't be confused until the year
# 2286.
_UNITS = ((1e14, 1_000), (1e11, 1_000_000), (1e8, 1_000_000_000))
_MAX_QUEUE = 3600 * 1_000_000_000
_MAX_SIZE = 1 << 40

# Responses that hold their body as Django's do; another class's ``content`` is the site's code.
_PLAIN_CONTENT = (HttpResponse.content, SimpleTemplateResponse.content)

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})\Z")


class RequestHook(Hook):
    """Learns of exceptions that nothing handled, and of requests that are refused before any middleware."""

    name = "request"

    def patch(self) -> None:
        # Where Django turns an exception into a page. It sends a signal just before, but a receiver would show in what
        # ``send`` returns, and Django's way to find its receivers costs more than all that we do for such a request.
        self.patches.replace(exception, "handle_uncaught_exception", _remembering_exceptions)
        # A malformed path or a body that is too big is answered by the ASGI handler alone; no signal says so.
        self.patches.replace(ASGIHandler, "create_request", _recording_refusals)
        # A client that goes away while its response is sent cancels this; what is sent may be no stream of ours.
        self.patches.replace(ASGIHandler, "send_response", _noticing_cuts)


def describe(record: Record, request: Any) -> None:
    """Take from a request what is known at its start, without touching anything that is lazy."""
    meta = request.META
    method = request.method
    record.method = method if method in METHODS else semconv.OTHER
    for header in _QUEUE_HEADERS:
        if header in meta:
            record.queue_ns = queue_time(meta[header], record.started_at)
            if record.queue_ns is not None:
                break
    length = meta.get("CONTENT_LENGTH")
    if length and type(length) is str:
        record.request_size = _size(length)
    if ambient.contexts:
        record.path, record.scheme, record.carrier = request.path, request._get_scheme(), meta
    parent = meta.get("HTTP_TRACEPARENT")
    if parent is not None:
        record.trace_id, record.span_id = trace_context(parent)


def _size(length: str) -> int | None:
    """Bytes that a Content-Length names; None for nonsense, and for more than a TiB, which nobody sends to a site."""
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        return None
    size = int(length)
    return size if size <= _MAX_SIZE else None


def queue_time(header: str, now: int) -> int | None:
    """Nanoseconds from the front server's timestamp to ``now`` (since 1970); None where it makes no sense."""
    found = _TIMESTAMP.match(header.strip()) if len(header) < 50 else None
    if found is None:
        return None
    whole, fraction = int(found[1]), found[2] or ""
    for least, unit in _UNITS:
        if whole >= least:
            sent = whole * unit + (int(fraction.ljust(9, "0")) * unit // 1_000_000_000 if fraction else 0)
            waited = now - sent
            return waited if 0 <= waited <= _MAX_QUEUE else None
    return None


def trace_context(header: str) -> tuple[int, int]:
    """Trace and span id of a sampled W3C ``traceparent`` (https://www.w3.org/TR/trace-context/); zeros of any other."""
    found = _TRACEPARENT.match(header)
    if found is None or not int(found[3], 16) & 1:
        return 0, 0
    trace_id, span_id = int(found[1], 16), int(found[2], 16)
    return (trace_id, span_id) if trace_id and span_id else (0, 0)


def answered(record: Record, response: Any) -> None:
    """Take from a response what is known when the outermost middleware returns it."""
    record.status = response.status_code
    if getattr(type(response), "content", None) in _PLAIN_CONTENT and getattr(response, "is_rendered", True):
        record.response_size = sum(map(len, response._container))
        return
    length = response.headers.get("Content-Length")
    if type(length) is str:
        record.response_size = _size(length)


def _remembering_exceptions(original: Callable[..., Any]) -> Callable[..., Any]:
    def handle_uncaught_exception(*args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        record = recorder.current_record()
        if record is not None:
            error = sys.exc_info()[1]
            if error is not None:
                units.broke(record, error)
        return original(*args, **kwargs)

    return handle_uncaught_exception


def _recording_refusals(original: Callable[..., Any]) -> Callable[..., Any]:
    def create_request(self: ASGIHandler, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        request, response = original(self, *args, **kwargs)
        if request is None:
            try:
                _refused(response)
            except Exception:
                guard.failed("hooks.request.create_request")
        return request, response

    return create_request


def _noticing_cuts(original: Callable[..., Any]) -> Callable[..., Any]:
    async def send_response(self: ASGIHandler, response: Any, *args: Any, **kwargs: Any) -> Any:
        __traceback_hide__ = True  # Django's error pages leave out such frames
        try:
            return await original(self, response, *args, **kwargs)
        except (CancelledError, OSError):
            cut_off(response)
            raise
        except Exception:
            try:
                broken_off(response)  # Django closes no response that failed here
            except Exception:
                guard.failed("hooks.request.send_response")
            raise

    return send_response


def _refused(response: Any) -> None:
    """Record a request that was answered before it was one."""
    record = units.open()
    record.method = semconv.OTHER
    record.status = response.status_code
    units.announce(record)
    units.close(record)
