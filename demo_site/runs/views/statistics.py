"""The log added up: heavy aggregation, a Jinja2 page, and an async page."""

import asyncio

from django.db.models import Avg, Count, F, Max, Min, QuerySet, StdDev, Sum, Window
from django.db.models.functions import ExtractMonth, ExtractYear, Rank
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ..models import Employee, Run


def statistics(request: HttpRequest) -> HttpResponse:
    """Teams, months, and each employee's rank in each year."""
    teams = (
        Run.objects.order_by()
        .values(team=F("employee__team"))
        .annotate(
            runs=Count("pk"),
            people=Count("employee", distinct=True),
            total=Sum("miles"),
            mean_pace=Avg("pace"),
            heart=Avg("heart_rate"),
            spread=StdDev("heart_rate"),
        )
        .order_by("-total")
    )
    months = (
        Run.objects.order_by()
        .annotate(month=ExtractMonth("date"))
        .values("month")
        .annotate(runs=Count("pk"), total=Sum("miles"), climbed=Sum("elevation"))
        .order_by("month")
    )
    most = max((month["total"] for month in months), default=1)
    return render(
        request,
        "runs/statistics.html",
        {"teams": teams, "months": months, "most": most, "champions": champions()},
    )


def champions() -> list[dict[str, object]]:
    """The three employees with the most miles of each year, the newest year first."""
    ranked = (
        Run.objects.order_by()
        .annotate(year=ExtractYear("date"))
        .values("year", "employee__name", "employee__slug")
        .annotate(total=Sum("miles"))
        .annotate(place=Window(Rank(), partition_by=F("year"), order_by=F("total").desc()))
        .order_by("-year", "place")
    )
    return [row for row in ranked if row["place"] <= 3]


def almanac(request: HttpRequest) -> HttpResponse:
    """The records of the log, drawn by Jinja2."""
    runs = Run.objects.select_related("employee")
    records = [
        ("The longest", runs.order_by("-miles", "pk").first()),
        ("The fastest", runs.order_by("pace", "pk").first()),
        ("The steepest", runs.order_by("-elevation", "pk").first()),
        ("The hungriest", runs.order_by("-calories", "pk").first()),
        ("The hardest", runs.order_by("-heart_rate", "pk").first()),
        ("The calmest", runs.order_by("heart_rate", "pk").first()),
    ]
    years = (
        Run.objects.order_by()
        .annotate(year=ExtractYear("date"))
        .values("year")
        .annotate(runs=Count("pk"), total=Sum("miles"), best=Min("pace"), longest=Max("miles"))
        .order_by("-year")
    )
    context = {"records": [(title, run) for title, run in records if run], "years": years}
    return render(request, "runs/almanac.html", context, using="jinja2")


async def at_a_glance(request: HttpRequest) -> HttpResponse:
    """The newest of everything, asked for at once by an async view."""
    newest, longest, totals, people = await asyncio.gather(
        rows(Run.objects.select_related("employee")[:6]),
        rows(Run.objects.select_related("employee").order_by("-miles", "pk")[:6]),
        Run.objects.aaggregate(miles=Sum("miles"), runs=Count("pk"), pace=Avg("pace")),
        Employee.objects.acount(),
    )
    context = {
        "newest": newest,
        "longest": longest,
        "totals": totals,
        "people": people,
        # The base template shows who is logged in, and a template cannot await.
        "user": await request.auser(),
    }
    return render(request, "runs/glance.html", context)


async def rows(queryset: QuerySet[Run]) -> list[Run]:
    """All rows of a query, without blocking the event loop."""
    return [run async for run in queryset]
