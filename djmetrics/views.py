"""GET /metrics: the page for Prometheus, closed to all but those that the settings name."""

from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseNotAllowed
from django.urls import Resolver404
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from . import page, recorder, runtime
from .access import may_read
from .conf import get_settings
from .hooks.url import guard_view


# Without these three, middleware and ATOMIC_REQUESTS would answer before access is judged: with a redirect to
# the login page, a 403 for a POST without a CSRF token, or an error when the database is down.
@login_not_required
@csrf_exempt
@transaction.non_atomic_requests
def metrics(request: Any) -> Any:
    """The metrics page, for those who may read it; for all others this URL does not exist.

    Raises Http404 for them. It reads the request's headers and query only.
    """
    recorder.discard()
    refuse_strangers(request)
    if request.method not in page.METHODS:
        return HttpResponseNotAllowed(page.METHODS)
    body, headers = page.render(
        runtime.page_registry(),
        request.META.get("HTTP_ACCEPT", ""),
        request.META.get("HTTP_ACCEPT_ENCODING", ""),
        request.GET.getlist("name[]"),
    )
    response = HttpResponse(body if request.method == "GET" else b"", headers=headers)
    patch_vary_headers(response, ("Accept", "Accept-Encoding"))
    # A cache in front of this view would hand the page to those who may not read it.
    add_never_cache_headers(response)
    return response


def refuse_strangers(request: Any) -> None:
    """Raise Http404 unless the request may read the metrics."""
    if not may_read(request.META, get_settings(), django_settings.DEBUG):
        raise _not_found(request)


def _not_found(request: Any) -> Http404:
    """What Django raises for a path that no pattern matches, so that the site's 404 page tells nothing."""
    if django_settings.DEBUG:
        return Http404("This client may not read the metrics: see METRICS_ALLOWED_IPS and METRICS_TOKEN.")
    request.resolver_match = None
    return Resolver404({"tried": [], "path": request.path_info.removeprefix("/")})


guard_view(metrics, refuse_strangers)
