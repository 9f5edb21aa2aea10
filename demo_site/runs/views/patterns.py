"""The same page twice: with a query per row, and with one join."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ..models import Run

ROWS = 40


def n_plus_one(request: HttpRequest) -> HttpResponse:
    """Two queries for each row: its employee, and how often that employee ran."""
    runs = []
    for run in Run.objects.all()[:ROWS]:
        runs.append((run, run.employee, run.employee.runs.count()))
    return render(request, "runs/pattern.html", {"rows": runs, "fixed": False})


def joined(request: HttpRequest) -> HttpResponse:
    """The same rows from two queries."""
    newest = list(Run.objects.select_related("employee")[:ROWS])
    ids = {run.employee_id for run in newest}
    counted = Run.objects.order_by().filter(employee__in=ids).values_list("employee").annotate(Count("pk"))
    counts = dict(counted)
    runs = [(run, run.employee, counts[run.employee_id]) for run in newest]
    return render(request, "runs/pattern.html", {"rows": runs, "fixed": True})
