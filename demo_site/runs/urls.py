"""URLs of the pages."""

from django.urls import path

from .views import employees, export, leaderboard, patterns, runs, statistics, trouble

app_name = "runs"
urlpatterns = [
    path("", runs.home, name="home"),
    path("runs/", runs.RunList.as_view(), name="list"),
    path("runs/add/", runs.RunCreate.as_view(), name="add"),
    path("runs/export.csv", export.runs_csv, name="export"),
    path("runs/<int:pk>/", runs.RunDetail.as_view(), name="detail"),
    path("employee/", employees.EmployeeList.as_view(), name="employees"),
    # The year first: a slug may consist of digits too.
    path("employee/<int:year>/", employees.year, name="year"),
    path("employee/<slug:name>/", employees.employee, name="employee"),
    path("statistics/", statistics.statistics, name="statistics"),
    path("almanac/", statistics.almanac, name="almanac"),
    path("glance/", statistics.at_a_glance, name="glance"),
    path("leaderboard/", leaderboard.leaderboard, name="leaderboard"),
    path("patterns/n-plus-one/", patterns.n_plus_one, name="n_plus_one"),
    path("patterns/joined/", patterns.joined, name="joined"),
    path("slow/", trouble.slow, name="slow"),
    path("fail/", trouble.fail, name="fail"),
]
