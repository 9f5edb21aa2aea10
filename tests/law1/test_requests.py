"""Requests through middlewares and views of every kind, sync and async, well and badly."""

import asyncio
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.law1 import site
from tests.law1.site import DEEDS, FAULTS, KINDS, VIEWS, Block
from tests.law1.worlds import World, note, same, told

NO_EXCEPTIONS = "fatal", "interrupt", "exit", "generator exit", "cancelled"
# Before Python 3.13 asyncio may wait for ever for a thread that raised StopIteration, with and without us.
STUCK = ("stop",) if sys.version_info < (3, 13) else ()
ORDINARY = [name for name in FAULTS if name not in (*NO_EXCEPTIONS, *STUCK)]
blocks = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(DEEDS), st.sampled_from(ORDINARY)), max_size=4
).map(lambda drawn: [Block(f"m{number}", *each) for number, each in enumerate(drawn)])


def both_servers(view, stack=()):
    """The same requests through WSGI and ASGI."""

    def scenario(world: World) -> None:
        site.show(view)
        paths = site.stack(list(stack))
        for method, path in ("GET", "/v/1/"), ("POST", "/v/1/"), ("HEAD", "/v/1/"), ("GET", "/nowhere/"):
            for serve in (
                lambda: world.wsgi({"PATH_INFO": path, "REQUEST_METHOD": method}, *paths),  # noqa: B023
                lambda: world.asgi(path, *paths, method=method),  # noqa: B023
            ):
                note("request", method, path)
                site.trail.set(())
                try:
                    serve()
                except BaseException as error:
                    note("server got", told(error))
                note("trail", site.trail.get())

    return scenario


@pytest.mark.parametrize("name", VIEWS)
def test_view(name):
    """Every kind of view gives the same under both servers."""
    same(
        both_servers(
            VIEWS[name], [Block("outer", "class", "pass", "404"), Block("inner", "both", "pass", "404")]
        )
    )


# In a task asyncio lets these two end the whole loop in the middle; so only of a sync view.
LOOP_ENDING = "interrupt", "exit"


@pytest.mark.parametrize(
    "fault, is_async",
    [(fault, a) for fault in FAULTS for a in (False, True) if fault not in (LOOP_ENDING if a else STUCK)],
)
def test_failing_view(fault, is_async):
    """Every kind of exception comes out the same: its type, its chain, what is logged, what is answered."""
    outer, inner = Block("outer", "class", "catch", "404"), Block("inner", "both", "pass", "404")
    same(both_servers(site.raising(fault, is_async=is_async), [outer, inner]))


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(
    stack=blocks,
    view=st.sampled_from(list(VIEWS)),
    fault=st.none() | st.sampled_from(ORDINARY),
    a=st.booleans(),
)
@example(
    stack=[Block("m0", "class", "pass", "404"), Block("m1", "class", "pass", "404")],
    view="plain",
    fault=None,
    a=False,
)
@example(stack=[Block("m0", "function", "return none", "404")], view="plain", fault=None, a=False)
@example(stack=[Block("m0", "none", "pass", "404")], view="plain", fault=None, a=False)
def test_random_stack(stack, view, fault, a):
    """Middlewares of any kind in any order, with any fault, see and give the same."""
    shown = VIEWS[view] if fault is None else site.raising(fault, is_async=a)
    same(both_servers(shown, stack), empty=True)


@pytest.mark.parametrize("shielded", [False, True])
def test_client_goes_away(shielded):
    """A request whose client goes away is cancelled at the same place with the same consequences."""
    begun = asyncio.Event()

    async def work():
        begun.set()
        try:
            await asyncio.sleep(5)
            note("work done")
        except asyncio.CancelledError as error:
            note("work cancelled", error.args)
            raise

    async def view(request, **kwargs):
        try:
            await (asyncio.shield(work()) if shielded else work())
        except asyncio.CancelledError:
            note("view cancelled", asyncio.current_task().cancelling())
            raise
        finally:
            note("view cleans up")

    def scenario(world):
        begun.clear()
        site.show(view)
        paths = site.stack(
            [Block("outer", "both", "catch", "404"), Block("inner", "async class", "pass", "404")]
        )
        world.asgi("/v/1/", *paths, begun=begun)

    same(scenario)


def test_view_that_swallows_its_cancellation_and_timeouts():
    """``asyncio.timeout``, ``wait_for`` and a task group work as before inside a view."""

    async def view(request, **kwargs):
        from django.http import HttpResponse

        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(1)
        except TimeoutError as error:
            note("timeout", type(error.__cause__ or error.__context__).__name__)
        try:
            await asyncio.wait_for(asyncio.sleep(1), 0.01)
        except TimeoutError:
            note("waited")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(1))
                group.create_task(_fails())
        except* ValueError as errors:
            note("group", errors.exceptions)
        results = await asyncio.gather(_fails(), asyncio.sleep(0, 5), return_exceptions=True)
        note("gathered", results, asyncio.current_task().cancelling())
        return HttpResponse("done")

    def scenario(world):
        site.show(view)
        world.asgi("/v/1/", *site.stack([Block("m", "both", "pass", "404")]))
        world.wsgi({"PATH_INFO": "/v/1/"})

    same(scenario)


async def _fails():
    raise ValueError("in a task")


def test_concurrent_requests_keep_their_context():
    """Requests that share a loop see their own context variables and nobody else's."""
    from django.http import HttpResponse

    async def view(request, n, **kwargs):
        site.trail.set((*site.trail.get(), str(n)))
        await asyncio.sleep(0.02 * (4 - n))
        note("view", n, site.trail.get())
        return HttpResponse(str(n))

    def scenario(world):
        from django.core.handlers.base import BaseHandler
        from django.test import AsyncRequestFactory, override_settings

        site.show(view)
        # Without a server: its threads would end in any order.
        handler = BaseHandler()
        with override_settings(MIDDLEWARE=world.middleware(*site.stack([Block("m", "both", "pass", "404")]))):
            handler.load_middleware(is_async=True)

        async def all_at_once():
            requests = [AsyncRequestFactory().get(f"/v/{n}/") for n in range(4)]
            responses = await asyncio.gather(*map(handler.get_response_async, requests))
            note("after", site.trail.get(), [response.content for response in responses])
            for response in responses:
                response.close()

        asyncio.run(all_at_once())

    same(scenario)


def test_sync_part_of_an_async_view_stays_outside_the_loop():
    """An async class-based view's ``setup`` and ``dispatch`` may use the database under WSGI, as without us."""
    from django.http import HttpResponse
    from django.utils.asyncio import async_unsafe
    from django.views import View

    query = async_unsafe("no queries on the loop")(lambda: note("query"))

    class Page(View):
        def setup(self, request, *args, **kwargs):
            query()
            super().setup(request, *args, **kwargs)

        async def get(self, request, **kwargs):
            return HttpResponse("page")

    def scenario(world):
        site.show(Page.as_view())
        world.wsgi({"PATH_INFO": "/v/1/"}, *site.stack([Block("m", "class", "pass", "404")]))
        world.asgi("/v/1/")

    same(scenario)
