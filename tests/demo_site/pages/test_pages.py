"""Every page answers, with what belongs on it."""

import csv
import html
import inspect
import re
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from runs.models import Employee, Run
from runs.views import export, statistics, trouble

from .conftest import EMPLOYEES, RUNS

PAGES = {
    "/": "The running log",
    "/runs/": "Runs",
    "/runs/add/": "Add a run",
    "/employee/": "Employees",
    "/employee/2024/": "The year 2024",
    "/statistics/": "Statistics",
    "/almanac/": "Almanac",
    "/glance/": "At a glance",
    "/leaderboard/": "Leaderboard",
    "/patterns/n-plus-one/": "N+1",
    "/patterns/joined/": "N+1, fixed",
    "/slow/": "That took a while",
    "/accounts/login/": "Log in",
}


def body(client: Client, path: str, status: int = 200, **query: str) -> str:
    """The page's text, its entities resolved."""
    answer = client.get(path, query)
    assert answer.status_code == status
    return html.unescape(answer.content.decode())


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(trouble, "BUSY_SECONDS", 0.01)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers(client: Client, path: str) -> None:
    """Each page has its heading, a title of one form, the navigation and the footer."""
    text = body(client, path)
    assert re.search(r"<h1[^>]*>([^<]*)</h1>", text)[1] == PAGES[path]  # type: ignore[index]
    assert re.search(r"<title>[^<]+ · The running log</title>", text)
    assert 'aria-label="Main"' in text
    assert "Distances in" in text


@pytest.mark.parametrize("path", [*PAGES, "/fail/", "/nowhere/"])
def test_a_page_needs_no_other_host(path: str) -> None:
    """Style sheets and links stay on the site: there is no CDN to wait for."""
    text = Client(raise_request_exception=False).get(path).content.decode()
    links = re.findall(r'(?:href|src|action)="([^"]*)"', text)
    assert links
    assert [link for link in links if "//" in link] == []


def test_the_style_sheets_are_served(client: Client) -> None:
    """Each page's style sheets come from the site itself, under any server."""
    for path in re.findall(r'<link rel="stylesheet" href="([^"]*)"', body(client, "/")):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/css")
        assert len(b"".join(answer.streaming_content)) > 500


def test_the_front_page_adds_up(client: Client) -> None:
    """The front page counts every run and every mile."""
    text = body(client, "/")
    miles = sum(Run.objects.values_list("miles", flat=True))
    assert f"{RUNS}" in text
    assert f"{EMPLOYEES} colleagues" in text
    assert f"{miles:,.2f} mi" in text


def test_the_failing_page_fails(client: Client) -> None:
    """The failing page raises its exception; visitors see a page with status 500."""
    with pytest.raises(trouble.ShoelaceError):
        client.get("/fail/")
    answer = Client(raise_request_exception=False).get("/fail/")
    assert (answer.status_code, b"Something broke" in answer.content) == (500, True)


@pytest.mark.parametrize("path", ["/nowhere/", "/runs/999999999/", "/employee/nobody/", "/employee/1812/"])
def test_what_does_not_exist(client: Client, path: str) -> None:
    """Paths, runs, employees and years that do not exist are not found."""
    assert "There is no such page" in body(client, path, 404)


def test_the_list_is_in_pages(client: Client) -> None:
    """Each run is on exactly one page of the list, the newest first."""
    seen: list[int] = []
    for page in range(1, RUNS // 25 + 1):
        text = body(client, "/runs/", page=str(page))
        seen += map(int, re.findall(r'href="/runs/(\d+)/"', text))
    assert seen == list(Run.objects.values_list("pk", flat=True))
    body(client, "/runs/", 404, page="17")


def test_the_list_can_be_searched(client: Client, somebody: Employee) -> None:
    """A search finds by any part of a name, by a team, and sometimes nothing; pages keep the search."""
    found = Run.objects.filter(employee__name__icontains=somebody.name[1:-1].upper()).count()
    assert f"{found} runs" in body(client, "/runs/", q=somebody.name[1:-1].upper())
    assert "No runs." in body(client, "/runs/", q="nobody at all")
    text = body(client, "/runs/", q=somebody.team)
    assert f"q={somebody.team}" in text or "page=2" not in text


def test_a_run_in_every_unit(client: Client, somebody: Employee) -> None:
    """A run's page shows its distance in miles, kilometres, yards and feet."""
    run = somebody.runs.first()
    assert run is not None
    text = body(client, run.get_absolute_url())
    metres = run.miles * Decimal("1609.344")
    shown = [
        f"{run.miles} mi",
        f"{metres / 1000:,.2f} km",
        f"{metres / Decimal('0.9144'):,.0f} yd",
        f"{metres / Decimal('0.3048'):,.0f} ft",
    ]
    assert all(distance in text for distance in shown)
    assert f"{run.heart_rate} bpm" in text


def test_the_unit_is_remembered(client: Client) -> None:
    """?unit= holds for the pages that follow; one that does not exist changes nothing."""
    assert " km" not in body(client, "/runs/")
    assert " km" in body(client, "/runs/", unit="km")
    assert " km" in body(client, "/runs/", unit="league")
    for path in ("/runs/", "/almanac/"):
        text = body(client, path)
        assert re.search(r"\d km", text)
        assert not re.search(r"\d mi\b", text)


def test_an_employee(client: Client, somebody: Employee) -> None:
    """An employee's page adds up the years and shows the newest runs."""
    text = body(client, reverse("runs:employee", args=[somebody.slug]))
    miles: dict[int, Decimal] = defaultdict(Decimal)
    for run in somebody.runs.all():
        miles[run.date.year] += run.miles
    for year, total in miles.items():
        assert f'href="/employee/{year}/"' in text
        assert f"{total:,.2f} mi" in text
    assert somebody.team in text


def test_a_year(client: Client) -> None:
    """A year's page ranks everybody who ran by their miles."""
    miles: dict[str, Decimal] = defaultdict(Decimal)
    for run in Run.objects.filter(date__year=2024).select_related("employee"):
        miles[run.employee.name] += run.miles
    names = re.findall(r'<td><a href="/employee/[a-z-]+/">([^<]*)</a>', body(client, "/employee/2024/"))
    assert names == sorted(miles, key=lambda name: (-miles[name], name))


def test_the_champions(client: Client) -> None:
    """Statistics name the three with the most miles of each year, as counted by hand."""
    miles: dict[int, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for run in Run.objects.select_related("employee"):
        miles[run.date.year][run.employee.name] += run.miles
    expected = [
        (year, name)
        for year in sorted(miles, reverse=True)
        for name in sorted(miles[year], key=lambda name: -miles[year][name])[:3]
    ]
    assert [(row["year"], row["employee__name"]) for row in statistics.champions()] == expected
    text = body(client, "/statistics/")
    assert all(name in text for _, name in expected)
    assert all(team in text for team in Employee.objects.values_list("team", flat=True))


def test_the_almanac_is_drawn_by_jinja2(client: Client) -> None:
    """The records are right, and Django's own templates have no part in the page."""
    answer = client.get("/almanac/")
    longest = Run.objects.order_by("-miles", "pk").select_related("employee")[0]
    assert f"{longest.employee.name}, {longest.date.year}" in answer.content.decode()
    assert answer.templates == []


def test_the_glance_is_async() -> None:
    """The async view answers under ASGI too, also for somebody who is logged in."""
    assert inspect.iscoroutinefunction(statistics.at_a_glance)
    client = AsyncClient()
    assert client.login(username="demo", password="demo")
    answer = async_to_sync(client.get)("/glance/")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert f"{EMPLOYEES} people, {RUNS} runs" in text
    assert "Log out" in text


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_twins(client: Client) -> None:
    """The N+1 page asks twice for every row; its twin shows the same rows from two queries."""
    assert queries(client, "/patterns/n-plus-one/") == 1 + 2 * 40
    assert queries(client, "/patterns/joined/") == 2
    rows = [
        re.findall(r"<tr><td>.*?</tr>", body(client, f"/patterns/{name}/"))
        for name in ("n-plus-one", "joined")
    ]
    assert len(rows[0]) == 40
    assert rows[0] == rows[1]


def test_the_leaderboard_is_cached(client: Client) -> None:
    """Only the first visit asks the database; visits are counted, and each unit has a fragment of its own."""
    assert queries(client, "/leaderboard/") == 1
    assert queries(client, "/leaderboard/") == 0
    assert "Looked at 3 times" in body(client, "/leaderboard/")
    assert re.search(r"\d km", body(client, "/leaderboard/", unit="km"))
    Run.objects.all().delete()
    assert re.search(r"\d mi", body(client, "/leaderboard/", unit="mi"))


def test_the_export_is_every_run(client: Client) -> None:
    """The CSV holds every run once, each cell as the log has it."""
    answer = client.get("/runs/export.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))
    assert list(rows[0]) == export.HEADER
    expected = [
        (str(run.date), run.employee.name, str(run.miles), str(run.time), str(run.heart_rate))
        for run in Run.objects.select_related("employee").order_by("pk")
    ]
    assert [
        (row["date"], row["employee"], row["miles"], row["time"], row["heart_rate"]) for row in rows
    ] == expected


def test_the_export_asks_while_it_streams(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read when they are sent, piece by piece: nothing is asked before, nor all at once."""
    monkeypatch.setattr(export, "PIECE", 150)
    with CaptureQueriesContext(connection) as captured:
        stream = iter(client.get("/runs/export.csv").streaming_content)
        counts = [len(captured)] + [len(captured) for _ in stream]
    assert counts == [0, 0, 1, 2, 3]
    assert len(captured) == 4  # the last one finds nothing


def test_login_and_logout(client: Client) -> None:
    """demo may log in, and finds the admin and the way out; a wrong password is told."""
    wrong = client.post("/accounts/login/", {"username": "demo", "password": "wrong"})
    assert b'role="alert"' in wrong.content
    answer = client.post("/accounts/login/", {"username": "demo", "password": "demo"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "Log out" in body(client, "/")
    assert "Log out" in body(client, "/almanac/")
    assert client.post("/accounts/logout/").status_code == 302
    assert "Log in" in body(client, "/")


@pytest.mark.parametrize("path", ["", "runs/run/", "runs/run/add/", "runs/employee/"])
def test_the_admin(admin_client: Client, path: str) -> None:
    """The admin has its pages for runs and employees."""
    assert admin_client.get(f"/admin/{path}").status_code == 200


def test_djmetrics_is_installed_as_the_readme_says() -> None:
    """The app, the middleware first of all, and the URL of the metrics."""
    assert "djmetrics" in settings.INSTALLED_APPS
    assert settings.MIDDLEWARE[0] == "djmetrics.middleware.DjmetricsMiddleware"
    assert reverse("djmetrics-metrics") == "/metrics"


def test_there_is_a_migration_for_every_change(capsys: Any) -> None:
    """The models and their migrations agree."""
    from django.core.management import call_command

    call_command("makemigrations", "runs", check=True, dry_run=True)
