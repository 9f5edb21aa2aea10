"""The leaderboard: its rows in the low-level cache, its page in a ``{% cache %}`` fragment."""

from django.core.cache import cache
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from djmetrics import timed

from ..models import Employee

SECONDS = 20
KEY = "leaderboard"


@timed("rank")
def leaders() -> list[dict[str, object]]:
    """The twenty employees with the most miles of all time."""
    ranked = Employee.objects.annotate(count=Count("runs"), total=Sum("runs__miles")).filter(count__gt=0)
    return list(ranked.order_by("-total", "name").values("name", "slug", "team", "count", "total")[:20])


def leaderboard(request: HttpRequest) -> HttpResponse:
    """The leaderboard, at most ``SECONDS`` old; how often it was looked at is counted in the cache."""
    cache.add("leaderboard-views", 0, timeout=None)
    views = cache.incr("leaderboard-views")
    rows = cache.get_or_set(KEY, leaders, timeout=SECONDS)
    return render(request, "runs/leaderboard.html", {"rows": rows, "views": views, "seconds": SECONDS})
