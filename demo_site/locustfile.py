"""Visitors of the running log: most of them read, a few write, some stumble over the pages that fail."""

import random
import re
import time

from locust import HttpUser, between, task
from requests import PreparedRequest

YEARS = range(2021, 2026)
UNITS = ("mi", "km", "yd", "ft")


def stamped(request: PreparedRequest) -> PreparedRequest:
    """Stand for a front server, which says when a request came to it: some milliseconds before it is passed on."""
    request.headers["X-Request-Start"] = f"t={time.time() - random.expovariate(200):.6f}"
    return request


class Visitor(HttpUser):
    """Somebody who clicks through the log, two clicks in three seconds."""

    wait_time = between(0.5, 2.5)

    def on_start(self) -> None:
        """Arrive, choose a unit, and look whom there is to look up."""
        self.client.auth = stamped
        self.client.get("/", params={"unit": random.choice(UNITS)}, name="/")
        self.employees = re.findall(r'<option value="(\d+)"', self.client.get("/runs/add/").text)
        self.names = re.findall(r'href="/employee/([a-z-]+)/"', self.client.get("/employee/").text)

    @task(10)
    def home(self) -> None:
        """The front page."""
        self.client.get("/")

    @task(10)
    def runs(self) -> None:
        """Some page of the list."""
        self.client.get("/runs/", params={"page": random.randint(1, 40)}, name="/runs/")

    @task(3)
    def search(self) -> None:
        """A search in the list."""
        self.client.get("/runs/", params={"q": random.choice(["ada", "elm", "Kitchen"])}, name="/runs/?q=")

    @task(8)
    def detail(self) -> None:
        """A run from the list's first page."""
        keys = re.findall(r'href="/runs/(\d+)/"', self.client.get("/runs/").text)
        self.client.get(f"/runs/{random.choice(keys)}/", name="/runs/<pk>/")

    @task(6)
    def employee(self) -> None:
        """One employee."""
        self.client.get(f"/employee/{random.choice(self.names)}/", name="/employee/<name>/")

    @task(4)
    def year(self) -> None:
        """One year."""
        self.client.get(f"/employee/{random.choice(YEARS)}/", name="/employee/<year>/")

    @task(8)
    def leaderboard(self) -> None:
        """The cached page."""
        self.client.get("/leaderboard/")

    @task(3)
    def statistics(self) -> None:
        """The heavy page."""
        self.client.get("/statistics/")

    @task(3)
    def almanac(self) -> None:
        """The Jinja2 page."""
        self.client.get("/almanac/")

    @task(4)
    def glance(self) -> None:
        """The async page."""
        self.client.get("/glance/")

    @task(2)
    def twins(self) -> None:
        """The N+1 page and its fixed twin."""
        self.client.get("/patterns/n-plus-one/")
        self.client.get("/patterns/joined/")

    @task(1)
    def slow(self) -> None:
        """The slow page."""
        self.client.get("/slow/")

    @task(1)
    def export(self) -> None:
        """The streamed download."""
        self.client.get("/runs/export.csv")

    @task(1)
    def stumble(self) -> None:
        """The failing page, and one that does not exist: both answer as they should."""
        for path, expected in (("/fail/", 500), ("/nowhere/", 404)):
            with self.client.get(path, catch_response=True) as answer:
                if answer.status_code == expected:
                    answer.success()

    @task(2)
    def add(self) -> None:
        """Write a run down."""
        self.client.get("/runs/add/")
        miles = random.randint(2, 12)
        run = {
            "employee": random.choice(self.employees),
            "date": f"2025-12-{random.randint(1, 31):02}",
            "miles": miles,
            "time": f"{miles * 9 // 60}:{miles * 9 % 60:02}:00",
            "calories": miles * 100,
            "elevation": random.randint(0, 900),
            "heart_rate": random.randint(120, 175),
            "csrfmiddlewaretoken": self.client.cookies["csrftoken"],
        }
        with self.client.post("/runs/add/", run, allow_redirects=False, catch_response=True) as answer:
            if answer.status_code != 302:
                answer.failure(f"The form was not accepted: {answer.status_code}")
