"""The site that both worlds run: views of every kind, and middlewares to be put together."""

import asyncio
import contextvars
import functools
import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import BadRequest, MiddlewareNotUsed, PermissionDenied, SuspiciousOperation
from django.http import FileResponse, Http404, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.deprecation import MiddlewareMixin
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from tests.law1.worlds import note, told

urlpatterns: list[Any] = []
trail: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("law1_trail", default=())


def show(view: Any) -> None:
    """Serve ``view`` at /v/<n>/."""
    urlpatterns[:] = [path("v/<int:n>/", view, {"extra": "e"}, name="shown")]


class Fatal(BaseException):
    """No ``Exception``."""


class OddMeta(type):
    """Its classes have no proper name, and no hash."""

    __name__ = property(lambda cls: 5)  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


class Odd(Exception, metaclass=OddMeta):
    """An exception whose class is odd."""


class Liar(Exception):
    """Claims to be something else."""

    __class__ = property(lambda self: Http404)  # type: ignore[assignment]


def _caused() -> Exception:
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second", 2) from error
    except ValueError as error:
        return error


FAULTS: dict[str, Callable[[], BaseException]] = {
    "404": lambda: Http404("no such run"),
    "denied": lambda: PermissionDenied("no"),
    "bad": lambda: BadRequest("bad"),
    "suspicious": lambda: SuspiciousOperation("odd"),
    "caused": _caused,
    "stop": lambda: StopIteration("stopped"),
    "group": lambda: ExceptionGroup("many", [ValueError(1), KeyError(2)]),
    "odd": lambda: Odd("odd"),
    "liar": lambda: Liar("liar"),
    "fatal": lambda: Fatal("fatal"),
    "interrupt": lambda: KeyboardInterrupt("ctrl-c"),
    "exit": lambda: SystemExit(3),
    "generator exit": lambda: GeneratorExit("left"),
    "cancelled": lambda: asyncio.CancelledError("cancelled"),
}


def _seen(request: Any, kwargs: Any) -> None:
    match = request.resolver_match
    note("view", kwargs, match.view_name, match.route, trail.get(), sorted(vars(request)))
    trail.set((*trail.get(), "view"))


def plain(request: Any, **kwargs: Any) -> HttpResponse:
    _seen(request, kwargs)
    response = HttpResponse("body é", headers={"X-B": "2", "X-A": "1"})
    response.set_cookie("c", "v", httponly=True)
    response.set_cookie("a", "w")
    return response


async def plain_async(request: Any, **kwargs: Any) -> HttpResponse:
    task = asyncio.current_task()
    _seen(request, kwargs)
    await asyncio.sleep(0)
    note("same task", task is asyncio.current_task())
    return HttpResponse("async")


class Classy(View):
    def get(self, request: Any, **kwargs: Any) -> HttpResponse:
        _seen(request, kwargs)
        return HttpResponseRedirect("/elsewhere")


class ClassyAsync(View):
    async def get(self, request: Any, **kwargs: Any) -> HttpResponse:
        _seen(request, kwargs)
        return HttpResponse("classy async", status=201)


class Callable_:
    """An object as a view."""

    def __call__(self, request: Any, **kwargs: Any) -> HttpResponse:
        _seen(request, kwargs)
        return HttpResponse(b"object")


class UnmarkedAsync:
    """An object that only seems to be a sync view."""

    async def __call__(self, request: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse(b"never")


class MarkedAsync(UnmarkedAsync):
    def __init__(self) -> None:
        markcoroutinefunction(self)


def partly(number: int, request: Any, **kwargs: Any) -> HttpResponse:
    _seen(request, kwargs)
    return HttpResponse(f"{number}")


def none(request: Any, **kwargs: Any) -> None:
    _seen(request, kwargs)


def templated(request: Any, **kwargs: Any) -> TemplateResponse:
    _seen(request, kwargs)
    response = TemplateResponse(request, engines["django"].from_string("{{ a }}{{ nothing }}"), {"a": 1})
    response.add_post_render_callback(lambda response: note("rendered", response.content))
    return response


def stream(request: Any, **kwargs: Any) -> StreamingHttpResponse:
    def parts() -> Iterator[Any]:
        try:
            for part in "one", b"two", 3:
                note("makes", part)
                yield part
        finally:
            note("stream closed")

    _seen(request, kwargs)
    return StreamingHttpResponse(parts())


async def stream_async(request: Any, **kwargs: Any) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[Any]:
        try:
            for part in "one", b"two", 3:
                note("makes", part)
                yield part
                await asyncio.sleep(0)
        finally:
            note("stream closed")

    return StreamingHttpResponse(parts())


def file(request: Any, **kwargs: Any) -> FileResponse:
    return FileResponse(io.BytesIO(b"x" * 9000), filename="f.txt", as_attachment=True)


VIEWS: dict[str, Any] = {
    "plain": plain,
    "async": plain_async,
    "class": Classy.as_view(),
    "async class": ClassyAsync.as_view(),
    "object": Callable_(),
    "unmarked async object": UnmarkedAsync(),
    "marked async object": MarkedAsync(),
    "partial": functools.partial(partly, 7),
    "exempt": csrf_exempt(plain),
    "none": none,
    "template": templated,
    "stream": stream,
    "async stream": stream_async,
    "file": file,
}


def raising(fault: str, *, is_async: bool) -> Any:
    """A view that raises."""

    def view(request: Any, **kwargs: Any) -> Any:
        _seen(request, kwargs)
        raise FAULTS[fault]()

    async def view_async(request: Any, **kwargs: Any) -> Any:
        _seen(request, kwargs)
        await asyncio.sleep(0)
        raise FAULTS[fault]()

    return view_async if is_async else view


# What a middleware does besides passing on.
DEEDS = (
    "pass",
    "raise before",
    "raise after",
    "answer",
    "return none",
    "answer in process_view",
    "raise in process_view",
    "answer the exception",
    "raise in process_exception",
    "change the template response",
    "no template response",
    "catch",
)
KINDS = (
    "function",
    "async function",
    "both",
    "class",
    "async class",
    "mixin",
    "partial",
    "not used",
    "none",
    "hook only",
)


def _neighbour(name: str, get_response: Any) -> None:
    """What a middleware can see of the next one."""
    wrapped = getattr(get_response, "__wrapped__", None)
    qualname = getattr(get_response, "__qualname__", "")
    note(
        name,
        "wraps",
        qualname if qualname.startswith(("Block.", "BaseHandler.")) else "a function of the chain's own",
        (getattr(get_response, "__doc__", None) or "").split("\n")[0],
        getattr(get_response, "mark", None),
        type(wrapped).__qualname__,
        sorted(vars(get_response)),
        iscoroutinefunction(get_response),
    )


class Block:
    """One middleware of some kind that does some deed; called with ``get_response`` like any factory."""

    def __init__(self, name: str, kind: str, deed: str, fault: str) -> None:
        self.name, self.kind, self.deed, self.fault = name, kind, deed, fault
        self.sync_capable = kind not in ("async function", "async class")
        self.async_capable = kind in ("async function", "async class", "both", "mixin")

    def __repr__(self) -> str:
        return f"Block({self.name}, {self.kind}, {self.deed}, {self.fault})"

    def __call__(self, get_response: Any) -> Any:
        _neighbour(self.name, get_response)
        if self.kind == "not used":
            raise MiddlewareNotUsed("not today")
        if self.kind == "none":
            return None
        if self.kind == "function":
            return self._function(get_response)
        if self.kind == "async function":
            return self._async_function(get_response)
        if self.kind == "both":
            return (
                self._async_function(get_response)
                if iscoroutinefunction(get_response)
                else self._function(get_response)
            )
        if self.kind == "partial":
            return functools.partial(self._function(get_response))
        if self.kind == "mixin":
            return _Mixin(get_response, self)
        if self.kind == "async class":
            return _AsyncClass(get_response, self)
        return (_HooksOnly if self.kind == "hook only" else _Class)(get_response, self)

    def before(self, request: Any) -> HttpResponse | None:
        trail.set((*trail.get(), self.name))
        note(self.name, "in", trail.get(), sorted(vars(request)))
        if self.deed == "raise before":
            raise FAULTS[self.fault]()
        return HttpResponse(f"answer of {self.name}") if self.deed == "answer" else None

    def after(self, response: Any) -> Any:
        note(self.name, "out", trail.get(), type(response).__name__, getattr(response, "status_code", None))
        if response is not None:
            note(
                self.name,
                "sees",
                dict(response.headers),
                response.streaming,
                response.closed,
                len(response._resource_closers),
                sorted(vars(response)),
                type(getattr(response, "_iterator", 0)).__name__,
            )
            response[f"X-{self.name}"] = "seen"
        if self.deed == "raise after":
            raise FAULTS[self.fault]()
        return None if self.deed == "return none" else response

    def _function(self, get_response: Any) -> Any:
        def middleware(request: Any) -> Any:
            """A middleware."""
            answer = self.before(request)
            if self.deed != "catch":
                return self.after(answer or get_response(request))
            try:
                return self.after(answer or get_response(request))
            except BaseException as error:
                note(self.name, "caught", told(error))
                raise

        middleware.mark = f"mark of {self.name}"  # type: ignore[attr-defined]
        return middleware

    def _async_function(self, get_response: Any) -> Any:
        async def middleware(request: Any) -> Any:
            """A middleware."""
            answer = self.before(request)
            if self.deed != "catch":
                return self.after(answer or await get_response(request))
            try:
                return self.after(answer or await get_response(request))
            except BaseException as error:
                note(self.name, "caught", told(error))
                raise

        return middleware

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> Any:
        very = request.resolver_match.func is view and any(each.callback is view for each in urlpatterns)
        note(self.name, "process_view", very, args, kwargs, getattr(view, "csrf_exempt", None))
        if self.deed == "raise in process_view":
            raise FAULTS[self.fault]()
        return HttpResponse("from process_view") if self.deed == "answer in process_view" else None

    def process_exception(self, request: Any, exception: Any) -> Any:
        note(self.name, "process_exception", told(exception))
        if self.deed == "raise in process_exception":
            raise FAULTS[self.fault]()
        return HttpResponse("from process_exception") if self.deed == "answer the exception" else None

    def process_template_response(self, request: Any, response: Any) -> Any:
        note(self.name, "process_template_response", response.is_rendered)
        if self.deed == "no template response":
            return None
        if self.deed == "change the template response":
            response.context_data["a"] = self.name
        return response


class _HooksOnly:
    """A middleware that passes on and answers to the handler's own calls."""

    def __init__(self, get_response: Any, block: Block) -> None:
        self.get_response, self.block = get_response, block
        self.mark = f"mark of {block.name}"
        for name in "process_view", "process_exception", "process_template_response":
            setattr(self, name, getattr(block, name))

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)


class _Class(_HooksOnly):
    def __call__(self, request: Any) -> Any:
        return self.block.after(self.block.before(request) or self.get_response(request))


class _AsyncClass(_HooksOnly):
    def __init__(self, get_response: Any, block: Block) -> None:
        super().__init__(get_response, block)
        markcoroutinefunction(self)

    async def __call__(self, request: Any) -> Any:
        return self.block.after(self.block.before(request) or await self.get_response(request))


class _Mixin(MiddlewareMixin):
    def __init__(self, get_response: Any, block: Block) -> None:
        super().__init__(get_response)
        self.block = block
        self.process_view = block.process_view

    def process_request(self, request: Any) -> Any:
        return self.block.before(request)

    def process_response(self, request: Any, response: Any) -> Any:
        return self.block.after(response)


def stack(blocks: list[Block]) -> list[str]:
    """Put middlewares at dotted paths; the value for ``MIDDLEWARE``."""
    for number, block in enumerate(blocks):
        globals()[f"slot{number}"] = block
    return [f"tests.law1.site.slot{number}" for number in range(len(blocks))]
