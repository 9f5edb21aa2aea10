"""Views whose time, CPU, queries and bytes are known without djmetrics."""

import asyncio
import contextvars
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from django.core.cache import cache
from django.db import connection
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from prometheus_client import Counter

from djmetrics import workers

CHUNK_BYTES = 4096
BACKGROUND_QUERIES = 10
ORDERS = Counter("site_orders", "A metric of the site's own.")


def hello(request: HttpRequest) -> HttpResponse:
    """Almost nothing."""
    return HttpResponse("hello")


async def hello_async(request: HttpRequest) -> HttpResponse:
    """Almost nothing, on the loop where there is one."""
    return HttpResponse("hello")


def sleep(request: HttpRequest, ms: int) -> HttpResponse:
    """Wait, without using the CPU."""
    time.sleep(ms / 1000)
    return HttpResponse("slept")


async def sleep_async(request: HttpRequest, ms: int) -> HttpResponse:
    """Wait, leaving the loop to others."""
    await asyncio.sleep(ms / 1000)
    return HttpResponse("slept")


def burn(request: HttpRequest, ms: int) -> HttpResponse:
    """Use the CPU for so many ms of this thread's own clock; say how many it became."""
    return JsonResponse({"seconds": _burn(ms)})


async def burn_async(request: HttpRequest, ms: int) -> HttpResponse:
    """Use the CPU in ten steps, and let others run in between."""
    seconds = 0.0
    for _ in range(10):
        seconds += _burn(ms / 10)
        await asyncio.sleep(0)
    return JsonResponse({"seconds": seconds})


def queries(request: HttpRequest, n: int) -> HttpResponse:
    """Run n different statements; say how many the database itself saw."""
    return JsonResponse({"seen": _seen(f"SELECT {i}" for i in range(n))})


def repeated(request: HttpRequest, n: int) -> HttpResponse:
    """Run one statement n times, as an N+1 page does."""
    return JsonResponse({"seen": _seen("SELECT 1" for _ in range(n))})


def stream(request: HttpRequest, chunks: int, ms: int) -> StreamingHttpResponse:
    """Send chunks, each after a pause of so many ms; each begins with this worker's pid."""
    chunk = str(os.getpid()).encode().ljust(CHUNK_BYTES)

    def slowly() -> Iterator[bytes]:
        for _ in range(chunks):
            time.sleep(ms / 1000)
            yield chunk

    async def slowly_async() -> AsyncIterator[bytes]:
        for _ in range(chunks):
            await asyncio.sleep(ms / 1000)
            yield chunk

    return StreamingHttpResponse(slowly_async() if hasattr(request, "scope") else slowly())


def file(request: HttpRequest) -> FileResponse:
    """Send a real file, which servers can leave to the kernel."""
    return FileResponse(Path(os.environ["SITE_FILE"]).open("rb"))


def upload(request: HttpRequest) -> HttpResponse:
    """Read the body; say how long it was."""
    return JsonResponse({"bytes": len(request.body)})


def error(request: HttpRequest) -> HttpResponse:
    """Fail."""
    raise RuntimeError("on purpose")


def missing(request: HttpRequest) -> HttpResponse:
    """Find nothing."""
    raise Http404


def cached(request: HttpRequest, n: int) -> HttpResponse:
    """Miss n keys, set them, and hit them."""
    for i in range(n):
        key = f"{os.getpid()}-{i}"
        cache.delete(key)
        cache.get(key)
        cache.set(key, 0)
        cache.get(key)
    return HttpResponse("cached")


def order(request: HttpRequest) -> HttpResponse:
    """Count in a metric that djmetrics knows nothing of."""
    ORDERS.inc()
    return HttpResponse("ordered")


def background(request: HttpRequest) -> HttpResponse:
    """Run some queries on a thread of its own, which knows nothing of this request; say how many were seen."""
    seen: list[int] = []

    def work() -> None:
        seen.append(_seen(f"SELECT {i}" for i in range(BACKGROUND_QUERIES)))
        connection.close()

    # From Python 3.14 on a thread may be given the context of who starts it.
    thread = threading.Thread(target=contextvars.Context().run, args=(work,))
    thread.start()
    thread.join()
    return JsonResponse({"seen": seen[0]})


def worker(request: HttpRequest) -> HttpResponse:
    """Say which process answers, and where it keeps its figures."""
    folder = workers.shared_folder()
    return JsonResponse({"pid": os.getpid(), "folder": str(folder) if folder else None})


def _burn(ms: float) -> float:
    start = time.thread_time()
    while (used := time.thread_time() - start) < ms / 1000:
        sum(range(100))
    return used


def _seen(statements: Iterator[str]) -> int:
    """Run the statements; return how many SQLite's own trace saw."""
    trace: list[str] = []
    with connection.cursor() as cursor:
        connection.connection.set_trace_callback(trace.append)
        try:
            for statement in statements:
                cursor.execute(statement)
                cursor.fetchall()
        finally:
            connection.connection.set_trace_callback(None)
    return len(trace)
