"""The front page, and runs: list, detail, form."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import CreateView, DetailView, ListView

from ..forms import RunForm
from ..models import Employee, Run


def home(request: HttpRequest) -> HttpResponse:
    """The log in four figures, and its newest runs."""
    totals = Run.objects.aggregate(
        runs=Count("pk"), miles=Sum("miles"), time=Sum("time"), climbed=Sum("elevation")
    )
    context = {
        "totals": totals,
        "employees": Employee.objects.count(),
        "runs": Run.objects.select_related("employee")[:8],
    }
    return render(request, "runs/home.html", context)


class RunList(ListView):
    """Runs, page by page, the newest first; ``?q=`` looks for a name or a team."""

    model = Run
    paginate_by = 25
    template_name = "runs/list.html"
    context_object_name = "runs"

    def get_queryset(self) -> QuerySet[Run]:
        """The runs that ``?q=`` asks for, with their employees."""
        runs = Run.objects.select_related("employee")
        if sought := self.request.GET.get("q", "").strip():
            runs = runs.filter(Q(employee__name__icontains=sought) | Q(employee__team__iexact=sought))
        return runs

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The page's runs, and its neighbours in the pagination."""
        context = super().get_context_data(**kwargs)
        page = context["page_obj"]
        context["numbers"] = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
        return context


class RunDetail(DetailView):
    """One run, with its distance in every unit."""

    queryset = Run.objects.select_related("employee")
    template_name = "runs/detail.html"
    context_object_name = "run"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The run, and the same employee's runs just before it."""
        context = super().get_context_data(**kwargs)
        run = context["run"]
        context["earlier"] = run.employee.runs.filter(date__lt=run.date)[:5]
        return context


class RunCreate(CreateView):
    """The form to add a run."""

    form_class = RunForm
    template_name = "runs/add.html"

    def form_valid(self, form: ModelForm) -> HttpResponse:
        """Save the run, say so, and show it; all of it or nothing."""
        messages.success(self.request, "The run is in the log.")
        with transaction.atomic():
            return super().form_valid(form)
