"""Requests: each is observed exactly once, with its final status, whatever becomes of it."""

import asyncio
import io
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.handlers.asgi import ASGIHandler
from django.http import FileResponse, Http404, HttpResponse
from django.template.response import TemplateResponse
from django.test import Client, override_settings
from django.urls import path
from hypothesis import given
from hypothesis import strategies as st

from djmetrics import current_record, runtime
from djmetrics.hooks.request import queue_time, trace_context
from djmetrics.testing import fake_clock, record

from . import site
from .conftest import in_flight
from .site import asgi, the_one

OURS = "djmetrics.middleware.DjmetricsMiddleware"
MIDDLEWARE = [OURS, f"{__name__}.Fragile"]
SIZE = 300_000
NOW = 1_700_000_000_000_000_000

pytestmark = pytest.mark.urls(__name__)


class Trouble(Exception):
    """What a middleware of these tests raises."""


class Fragile:
    """Raises Trouble at the point that the request names, and answers by itself where it is asked to."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        if self.is_async:
            return self.answer(request)
        if early := self.at("before", request):
            return early
        response = self.get_response(request)
        self.at("after", request)
        return response

    async def answer(self, request: Any) -> Any:
        if early := self.at("before", request):
            return early
        response = await self.get_response(request)
        self.at("after", request)
        return response

    def process_view(self, request: Any, *args: Any) -> None:
        self.at("process_view", request)

    def process_exception(self, request: Any, exception: Exception) -> Any:
        self.at("process_exception", request)
        return HttpResponse("handled", status=202) if request.headers.get("X-Handle") else None

    def process_template_response(self, request: Any, response: Any) -> Any:
        self.at("process_template_response", request)
        return response

    def at(self, point: str, request: Any) -> Any:
        if request.headers.get("X-At") == point:
            raise Trouble
        return HttpResponse(status=429) if request.headers.get("X-At") == f"answer {point}" else None


def home(request: Any) -> HttpResponse:
    return HttpResponse("welcome")


def fails(request: Any) -> HttpResponse:
    raise ValueError


async def async_fails(request: Any) -> HttpResponse:
    raise ValueError


def missing(request: Any, number: int) -> HttpResponse:
    raise Http404


def denied(request: Any) -> HttpResponse:
    raise PermissionDenied


def templated(request: Any) -> TemplateResponse:
    return TemplateResponse(request, "none.html", status=201)


def nested(request: Any) -> HttpResponse:
    response = Client().get("/")
    assert current_record() is not None
    return HttpResponse(response.content, status=203)


async def slow(request: Any) -> HttpResponse:
    await asyncio.sleep(60)
    return HttpResponse()


def big(request: Any) -> HttpResponse:
    return HttpResponse(b"x" * SIZE)


def file(request: Any) -> FileResponse:
    return FileResponse(io.BytesIO(b"x" * SIZE), filename="big.bin")


urlpatterns = [
    path("big/", big, name="big"),
    path("file/", file, name="file"),
    path("", home, name="home"),
    path("fails/", fails),
    path("async-fails/", async_fails),
    path("missing/<int:number>/", missing, name="missing"),
    path("denied/", denied),
    path("templated/", templated),
    path("nested/", nested),
    path("slow/", slow, name="slow"),
]


@pytest.fixture(autouse=True)
def middleware(settings: Any) -> None:
    settings.MIDDLEWARE = MIDDLEWARE


def by_wsgi(path: str = "/", **headers: str) -> int:
    status: int = Client(raise_request_exception=False).get(path, headers=headers).status_code
    return status


def by_asgi(path: str = "/", **headers: str) -> int:
    return asgi(path, headers=[(name.encode(), value.encode()) for name, value in headers.items()]).status


both_roads = pytest.mark.parametrize("ask", [by_wsgi, by_asgi])


@both_roads
@pytest.mark.parametrize(
    "at, where",
    [
        ("before", "/"),
        ("after", "/"),
        ("process_view", "/"),
        ("process_exception", "/fails/"),
        ("process_exception", "/async-fails/"),
        ("process_template_response", "/templated/"),
    ],
)
def test_exception_in_middleware(ask, at, where):
    """Whatever method of a middleware fails, the request is one 500 with the exception's class."""
    with record() as seen:
        assert ask(where, **{"X-At": at}) == 500

    only = the_one(seen.records)
    assert (only.status, only.error, only.outcome, only.method) == (500, Trouble, "completed", "GET")


@both_roads
@pytest.mark.parametrize("where", ["/fails/", "/async-fails/"])
def test_exception_in_view(ask, where):
    """A view's exception that nothing handles is a 500 with the exception's class."""
    with record() as seen:
        assert ask(where) == 500

    only = the_one(seen.records)
    assert (only.status, only.error, only.outcome) == (500, ValueError, "completed")


@both_roads
def test_exception_that_middleware_handles(ask):
    """An exception that process_exception turns into a response is not the request's."""
    with record() as seen:
        assert ask("/fails/", **{"X-Handle": "1"}) == 202

    only = the_one(seen.records)
    assert (only.status, only.error) == (202, None)


@both_roads
@pytest.mark.parametrize(
    "where, status, view, route",
    [
        ("/", 200, "home", ""),
        ("/nothing/here", 404, "(unresolved)", ""),
        ("/missing/7/", 404, "missing", "missing/<int:number>/"),
        ("/denied/", 403, f"{__name__}.denied", "denied/"),
    ],
)
def test_final_status(ask, where, status, view, route):
    """Responses that Django makes of exceptions it knows have their status, and no error."""
    with record() as seen:
        assert ask(where) == status

    only = the_one(seen.records)
    assert (only.status, only.view, only.route, only.error) == (status, view, route, None)


@both_roads
def test_middleware_that_answers_by_itself(ask):
    """A request that a middleware answers has no view."""
    with record() as seen:
        assert ask("/", **{"X-At": "answer before"}) == 429

    only = the_one(seen.records)
    assert (only.status, only.view) == (429, "(no view)")


@pytest.mark.parametrize("get", [Client().get, asgi])
def test_exception_that_leaves_the_chain(get, settings):
    """Where Django makes no response of an exception, the request failed with it."""
    settings.DEBUG_PROPAGATE_EXCEPTIONS = True
    with site.files_left_open(), record() as seen, pytest.raises(ValueError, match=r"^$"):
        get("/fails/")

    only = the_one(seen.records)
    assert (only.outcome, only.error, only.view) == ("failed", ValueError, f"{__name__}.fails")


@both_roads
def test_listed_twice(ask, settings):
    """Listed twice it records once."""
    settings.MIDDLEWARE = [OURS, f"{__name__}.Fragile", OURS]
    with record() as seen:
        assert ask("/") == 200

    assert the_one(seen.records).status == 200


def test_request_inside_a_request():
    """A view that asks the site itself: two requests, each with its own status, both out of the gauge."""
    with record() as seen:
        assert by_wsgi("/nested/") == 203

    assert [each.status for each in seen.records] == [200, 203]
    assert [each.view for each in seen.records] == ["home", f"{__name__}.nested"]
    assert seen.records[0].duration < seen.records[1].duration


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]
)
def test_methods(method):
    """Methods that the conventions name are kept."""
    with record() as seen:
        Client().generic(method, "/")

    assert (the_one(seen.records).method, the_one(seen.records).status) == (method, 200)


@pytest.mark.parametrize("method", ["BREW", "X" * 5000, "ǴET"])
def test_method_that_nobody_knows(method):
    """A client cannot make up a method."""
    with record() as seen:
        Client().generic(method, "/")

    assert the_one(seen.records).method == "_OTHER"


@pytest.mark.parametrize(
    "error, status",
    [(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "made up"), 400), (RequestDataTooBig(), 413)],
)
def test_malformed_request(error, status):
    """What the ASGI handler refuses before any middleware is observed too, once."""

    class Handler(ASGIHandler):
        def request_class(self, scope: Any, body: Any) -> Any:
            raise error

    async def talk() -> site.Client:
        client = site.Client()
        await Handler()(site.scope(), client.receive, client.send)
        return client

    with record() as seen:
        assert asyncio.run(talk()).status == status

    only = the_one(seen.records)
    assert (only.status, only.view, only.outcome) == (status, "(no view)", "completed")


def test_malformed_path():
    """A path that is no UTF-8 is answered by Django with 400 or 404, and observed once."""
    with record() as seen:
        status = asgi("/\udcff").status

    assert the_one(seen.records).status == status


def disconnect(path: str, cancel: bool = False) -> None:
    """A client goes away while its request is being served, or the server cancels the request."""

    async def main() -> None:
        client = site.Client()
        request = asyncio.create_task(ASGIHandler()(site.scope(path), client.receive, client.send))
        while not in_flight():
            await asyncio.sleep(0.001)
        if cancel:
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
        else:
            client.gone.set()
            await request
        assert client.sent == []

    asyncio.run(main())


@pytest.mark.parametrize("cancel", [False, True])
def test_client_goes_away(cancel):
    """A request that ends before it is answered is disconnected: no status, no error."""
    with site.files_left_open(), record() as seen:
        disconnect("/slow/", cancel)

    only = the_one(seen.records)
    assert (only.outcome, only.status, only.error, only.view) == ("disconnected", None, None, "slow")


def cut(path: str, *, by_error: bool) -> int:
    """Break off a response at its body's first message: the client disconnects, or sending raises ``OSError``.

    Returns how many bytes of the body were sent before.
    """

    async def main() -> int:
        client = site.Client()
        sent = 0

        async def send(message: dict[str, Any]) -> None:
            nonlocal sent
            if message["type"] == "http.response.body":
                if by_error:
                    raise OSError("the connection was reset")
                client.gone.set()
                await asyncio.sleep(60)
            sent += len(message.get("body", b""))

        request = ASGIHandler()(site.scope(path), client.receive, send)
        if by_error:
            with pytest.raises(OSError, match="reset"):
                await request
        else:
            await asyncio.wait_for(request, 20)
        return sent

    return asyncio.run(main())


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators:Warning")
@pytest.mark.parametrize("by_error", [False, True])
@pytest.mark.parametrize("view", ["big", "file"])
def test_client_goes_away_while_it_is_answered(view, by_error):
    """A plain or a file response that cannot be sent to its end was cut off: disconnected, with its status."""
    # Django closes no response whose sending failed: it is counted once it is forgotten.
    with record() as seen, site.files_left_open():
        assert cut(f"/{view}/", by_error=by_error) == 0

    only = the_one(seen.records)
    assert (only.outcome, only.status, only.error, only.view) == ("disconnected", 200, None, view)
    assert in_flight() == 0


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators:Warning")
@pytest.mark.parametrize("view", ["big", "file"])
def test_response_that_is_sent_to_its_end(view):
    """The same responses are complete for a client that stays."""
    with record() as seen:
        assert len(asgi(f"/{view}/").body) == SIZE

    only = the_one(seen.records)
    assert (only.outcome, only.status, only.response_size) == ("completed", 200, SIZE)


def test_client_goes_away_before_the_body():
    """A request whose body never came does not reach Django's handlers, and is not counted."""

    async def main() -> None:
        client = site.Client()
        client._messages.clear()
        client.gone.set()
        await ASGIHandler()(site.scope(), client.receive, client.send)

    with site.files_left_open(), record() as seen:
        asyncio.run(main())

    assert seen.records == []


@both_roads
def test_in_flight(ask):
    """While a request is served it is in the gauge."""
    now: list[float] = []

    def look(request: Any) -> HttpResponse:
        now.append(in_flight())
        return HttpResponse()

    class Urls:
        urlpatterns = [path("", look)]

    with override_settings(ROOT_URLCONF=Urls):
        ask("/")

    assert (now, in_flight()) == ([1], 0)


def test_excluded_view():
    """A view that is left out of all data is neither recorded nor left in the gauge."""
    with override_settings(DJMETRICS={"EXCLUDE_VIEWS": ["home"]}), record() as seen:
        assert by_wsgi("/") == 200
        assert by_wsgi("/denied/") == 403
        assert in_flight() == 0

    assert the_one(seen.records).status == 403


def test_switched_off():
    """With ENABLED false the middleware is not used, and nothing is recorded."""
    with override_settings(DJMETRICS={"ENABLED": False}):
        with record() as seen:
            assert by_wsgi("/") == 200
        assert not runtime.started()

    assert (seen.records, seen.operations) == ([], [])


def test_request_hook_off():
    """Requests are recorded by the middleware; without the hook only their exceptions are unknown."""
    with override_settings(DJMETRICS={"HOOKS": {"request": False}}), record() as seen:
        assert by_wsgi("/fails/") == 500

    only = the_one(seen.records)
    assert (only.status, only.error) == (500, None)


@pytest.mark.parametrize(
    "header, nanoseconds",
    [
        ("1699999999", 1_000_000_000),
        ("1699999999.5", 500_000_000),
        ("t=1699999999.250000", 750_000_000),
        ("1699999999750", 250_000_000),
        ("1699999999999.5", 500_000),
        ("t=1699999999750000", 250_000_000),
        ("t=1699999999999999", 1_000),
        (" 1699999999750 ", 250_000_000),
        ("1700000000", 0),
        ("1699996400", 3600_000_000_000),
        ("1699996399", None),  # more than an hour
        ("1700000001", None),  # yet to come
        ("", None),
        ("t=", None),
        ("yesterday", None),
        ("-1699999999", None),
        ("0x1699999999", None),
        ("1e9", None),
        ("nan", None),
        ("12345", None),
        ("123456789", None),  # 1973
        ("9" * 20, None),
        ("9" * 5000, None),
        ("\u0661\u0666" * 5, None),
        ("1699999999, 1699999998", None),
    ],
)
def test_queue_time(header, nanoseconds):
    """Seconds, milliseconds and microseconds are told apart; nonsense, future and too old are unknown."""
    assert queue_time(header, NOW) == nanoseconds


@given(st.text(max_size=60))
def test_queue_time_of_anything(header):
    """Whatever a client writes, the figure is unknown or between nothing and an hour."""
    found = queue_time(header, NOW)
    assert found is None or 0 <= found <= 3600_000_000_000


@given(st.integers(min_value=0, max_value=3_599_000_000))
def test_queue_time_in_every_unit(microseconds):
    """The three units give the same figure, to their own precision."""
    sent = NOW // 1000 - microseconds
    assert queue_time(str(sent), NOW) == microseconds * 1000
    assert queue_time(f"{sent // 1000}.{sent % 1000:03}", NOW) == microseconds * 1000
    assert queue_time(f"t={sent // 10**6}.{sent % 10**6:06}", NOW) == microseconds * 1000


@pytest.mark.parametrize("header", ["X-Request-Start", "X-Queue-Start"])
def test_queue_time_of_a_request(header):
    """Both headers are read."""
    with fake_clock() as clock, record() as seen:
        clock.since_1970 = NOW
        Client().get("/", headers={header: "t=1699999998"})

    assert the_one(seen.records).queue_ns == 2_000_000_000


def test_nonsense_in_one_header_does_not_hide_the_other():
    """Where the first header makes no sense the second is read."""
    with fake_clock() as clock, record() as seen:
        clock.since_1970 = NOW
        Client().get("/", headers={"X-Request-Start": "soon", "X-Queue-Start": "t=1699999998"})

    assert the_one(seen.records).queue_ns == 2_000_000_000


def test_no_queue_time():
    """Without a header the time is unknown, not nothing."""
    with record() as seen:
        Client().get("/")

    assert the_one(seen.records).queue_ns is None


@pytest.mark.parametrize(
    "length, size",
    [
        ("17", 17),
        ("0", 0),
        ("", None),
        ("-1", None),
        ("1e3", None),
        ("many", None),
        ("9" * 30, None),
        ("٣", None),
    ],
)
def test_request_size(length, size):
    """The request's size is its Content-Length, where that is a sensible number."""
    with record() as seen:
        Client().generic("GET", "/", CONTENT_LENGTH=length)

    assert the_one(seen.records).request_size == size


@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
def test_response_size(charset):
    """A response's size is in bytes."""

    class Urls:
        urlpatterns = [path("", lambda request: HttpResponse("très", charset=charset))]

    with override_settings(ROOT_URLCONF=Urls), record() as seen:
        response = Client().get("/")

    assert the_one(seen.records).response_size == len(response.content) > 4


IDS = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header, ids",
    [
        (f"00-{IDS}-01", (0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)),
        (f"00-{IDS}-03", (0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)),
        (f"00-{IDS}-00", (0, 0)),  # not sampled: there is no trace to look at
        (f"ff-{IDS}-01", (0, 0)),
        (f"00-{IDS.upper()}-01", (0, 0)),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", (0, 0)),
        (f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01", (0, 0)),
        ("", (0, 0)),
        (f"00-{IDS}-01-more", (0, 0)),
        (f"00-{IDS}-01\n", (0, 0)),
    ],
)
def test_trace_context(header, ids):
    """A sampled W3C traceparent gives its ids; anything else none."""
    assert trace_context(header) == ids


def test_trace_of_a_request():
    """The record knows the trace that its request belongs to."""
    with record() as seen:
        Client().get("/", headers={"traceparent": f"00-{IDS}-01"})

    only = the_one(seen.records)
    assert f"{only.trace_id:032x}-{only.span_id:016x}" == IDS


@both_roads
def test_nothing_lazy_is_touched(ask):
    """Neither the body nor the host nor the query is read for us."""
    looked: list[set[str]] = []

    def look(request: Any) -> HttpResponse:
        looked.append(
            {"GET", "COOKIES", "_body", "_post", "_files", "_cached_user", "session"} & set(vars(request))
        )
        return HttpResponse()

    class Urls:
        urlpatterns = [path("", look)]

    with override_settings(ROOT_URLCONF=Urls, MIDDLEWARE=[OURS], ALLOWED_HOSTS=["elsewhere"]):
        assert ask("/") == 200

    assert looked == [set()]


def test_phases_sum_to_the_duration():
    """Of every kind of request of this file."""
    with record() as seen:
        for where in "/", "/fails/", "/async-fails/", "/missing/1/", "/denied/", "/nested/", "/nowhere/":
            by_wsgi(where)
            if where != "/nested/":
                by_asgi(where)
        with site.files_left_open():
            disconnect("/slow/")

    assert len(seen.records) == 15
    for each in seen.records:
        assert sum(each.phases.values()) == each.duration
        assert min(each.phases.values()) >= 0
