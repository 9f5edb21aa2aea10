"""The admin of employees and runs."""

from django.contrib import admin

from .models import Employee, Run


@admin.register(Employee)
class EmployeeAdmin(admin.ModelAdmin):
    """Employees by name and team."""

    list_display = ["name", "team"]
    list_filter = ["team"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Run)
class RunAdmin(admin.ModelAdmin):
    """Runs, the newest first."""

    list_display = ["date", "employee", "miles", "time", "pace", "heart_rate"]
    list_filter = ["employee__team"]
    list_select_related = ["employee"]
    autocomplete_fields = ["employee"]
    date_hierarchy = "date"
