"""Where a request's record opens and closes, sync and async."""

import logging
from asyncio import CancelledError
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.apps import apps
from django.core.exceptions import MiddlewareNotUsed

from . import ambient, guard, lanes, logs, recorder, runtime, units
from .hooks.request import answered, describe
from .record import Record
from .streaming import kept_for, watch

logger = logging.getLogger("djmetrics")


class DjmetricsMiddleware:
    """Opens a record for each request, and closes it after the response's last byte. First in ``MIDDLEWARE``.

    It changes neither request nor response, and runs in the mode of what is inside it, so that it adds no
    thread hop.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        if not runtime.started():
            if not apps.is_installed("djmetrics"):
                logger.warning(
                    "'djmetrics' is not in INSTALLED_APPS: its middleware does nothing, nothing is measured."
                )
            raise MiddlewareNotUsed("djmetrics is switched off, or not in INSTALLED_APPS.")
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        """Answer ``request`` as the chain inside would: a response, or in async mode an awaitable of one."""
        if self.is_async:
            return self._answer_async(request)
        record = _opened(request)
        if record is None:
            return self.get_response(request)
        stay = lanes.enter(record)
        try:
            response = self.get_response(request)
        except BaseException as error:
            lanes.leave(record, stay)
            _broke(record, error)
            raise
        kept = kept_for(response)
        lanes.leave(record, stay)
        _answered(record, request, response, kept)
        return response

    async def _answer_async(self, request: Any) -> Any:
        record = _opened(request)
        if record is None:
            return await self.get_response(request)
        stay = lanes.enter_task(record)
        try:
            response = await lanes.stepped(self.get_response(request), record)
            kept = kept_for(response)
        except BaseException as error:
            _broke(record, error)
            raise
        finally:
            lanes.leave_task(stay)
        _answered(record, request, response, kept)
        return response


def _opened(request: Any) -> Record | None:
    """A record for ``request``, or None if it has one: the middleware is listed twice, or a handler calls another."""
    try:
        current = recorder.current_record()
        if current is not None and current.key == id(request):
            return None
        record = units.open()
        record.key = id(request)
        describe(record, request)
        runtime.serving(request)
        units.announce(record)
    except Exception:
        guard.failed("middleware.open")
        return None
    return record


def _answered(record: Record, request: Any, response: Any, kept: ambient.Kept) -> None:
    try:
        if not hasattr(response, "status_code"):
            record.outcome = "failed"  # Django is about to complain of it
            units.close(record)
            return
        answered(record, response)
        if ambient.response_header and record.trace_id:
            response.headers[ambient.response_header] = f"{record.trace_id:032x}"
        watch(record, request, response, kept)
        if type(record.status) is int and record.status >= 400:
            logs.answered(record)
    except Exception:
        guard.failed("middleware.answered")
        units.close(record)


def _broke(record: Record, error: BaseException) -> None:
    """What is no ``Exception`` comes here (a cancelled task, an exit), and any that a test client lets through."""
    try:
        cancelled = issubclass(type(error), CancelledError)
        record.outcome = "disconnected" if cancelled else "failed"
        if not cancelled:
            units.broke(record, error)
        units.close(record)
    except Exception:
        guard.failed("middleware.broke")
