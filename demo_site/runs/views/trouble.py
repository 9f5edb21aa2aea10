"""What no site wants and every site has: a slow page and a failing one."""

import time

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

WAIT_SECONDS = 0.3
BUSY_SECONDS = 0.1


class ShoelaceError(Exception):
    """The failing page's own exception."""


def slow(request: HttpRequest) -> HttpResponse:
    """Waits, then computes: slow by the clock, and partly by the processor."""
    time.sleep(WAIT_SECONDS)
    steps = busy(BUSY_SECONDS)
    return render(request, "runs/slow.html", {"wait": WAIT_SECONDS, "busy": BUSY_SECONDS, "steps": steps})


def busy(seconds: float) -> int:
    """Use ``seconds`` of this thread's CPU time; how many steps that took."""
    end = time.thread_time() + seconds
    steps = 0
    while time.thread_time() < end:
        steps += 1
    return steps


def fail(request: HttpRequest) -> HttpResponse:
    """Raises, as a bug would."""
    raise ShoelaceError("Somebody tripped over a shoelace.")
