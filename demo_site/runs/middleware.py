"""The reader's unit of distance, remembered in a cookie."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from djmetrics import annotate

from . import units

COOKIE = "unit"
A_YEAR = 365 * 24 * 3600
GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


def chosen_unit(request: HttpRequest) -> str:
    """The unit of ``?unit=``, else of the cookie, else miles; units that do not exist do not count."""
    wanted = (request.GET.get("unit"), request.COOKIES.get(COOKIE))
    return next((name for name in wanted if name in units.UNITS), units.DEFAULT)


@sync_and_async_middleware
def remember_unit(get_response: GetResponse) -> GetResponse:
    """Keep the unit of ``?unit=`` for the pages that follow."""

    def remember(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        annotate(unit=chosen_unit(request))  # who reads in kilometres, and are they served as fast?
        if request.GET.get("unit") in units.UNITS:
            response.set_cookie(COOKIE, request.GET["unit"], max_age=A_YEAR, samesite="Lax")
        return response

    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            return remember(request, await get_response(request))
    else:

        def middleware(request: HttpRequest) -> HttpResponseBase:
            return remember(request, get_response(request))

    return middleware
