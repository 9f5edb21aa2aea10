"""Employees: all of them, one by name, and all in one year."""

from django.db.models import Avg, Count, Max, Q, QuerySet, Sum
from django.db.models.functions import ExtractYear
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.generic import ListView

from ..models import Employee, Run


def years() -> list[int]:
    """The years that have runs, the newest first."""
    return [day.year for day in Run.objects.dates("date", "year", order="DESC")]


class EmployeeList(ListView):
    """Every employee with what they ran."""

    template_name = "runs/employees.html"
    context_object_name = "employees"

    def get_queryset(self) -> QuerySet[Employee]:
        """Employees with the count of their runs and their miles."""
        return Employee.objects.annotate(count=Count("runs"), miles=Sum("runs__miles"))

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        """The employees, and the years there are pages for."""
        return super().get_context_data(years=years(), **kwargs)


def employee(request: HttpRequest, name: str) -> HttpResponse:
    """One employee: what they ran, year by year, and their newest runs."""
    person = get_object_or_404(Employee, slug=name)
    by_year = (
        person.runs.order_by()
        .annotate(year=ExtractYear("date"))
        .values("year")
        .annotate(runs=Count("pk"), total=Sum("miles"), longest=Max("miles"), mean_pace=Avg("pace"))
        .order_by("-year")
    )
    return render(
        request,
        "runs/employee.html",
        {"employee": person, "by_year": by_year, "runs": person.runs.select_related("employee")[:15]},
    )


def year(request: HttpRequest, year: int) -> HttpResponse:
    """All employees in one year, the one with the most miles first; 404 for a year without runs."""
    in_year = Q(runs__date__year=year)
    employees = (
        Employee.objects.annotate(
            count=Count("runs", filter=in_year),
            miles=Sum("runs__miles", filter=in_year),
            mean_pace=Avg("runs__pace", filter=in_year),
            longest=Max("runs__miles", filter=in_year),
        )
        .filter(count__gt=0)
        .order_by("-miles", "name")
    )
    if not employees:
        raise Http404("Nobody ran in that year.")
    return render(request, "runs/year.html", {"year": year, "years": years(), "employees": employees})
