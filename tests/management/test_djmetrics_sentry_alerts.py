"""The command ``djmetrics_sentry_alerts``, against an API of a few lines."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from djmetrics.exporters.sentry.alerts import TITLES
from djmetrics.management.sentry.rules import rules

TOKEN = "t0ken-of-the-test"
PATH = "/api/0/projects/my-org/my%20site/rules/"


class Project:
    """A project's rules; ``status`` is how the API answers, ``asked`` what it was asked."""

    def __init__(self) -> None:
        self.rules: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, str]] = []
        self.status = 200
        self.url = ""
        self.answer: Any = None
        self.refusals = 0
        self.retry_after = ""
        self.length = ""


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    project = Project()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, method: str) -> None:
            path, _, query = self.path.partition("?")
            project.asked.append((method, path, self.headers["Authorization"]))
            if method == "POST" and project.status == 200:
                project.rules.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            said = project.answer
            if project.refusals:
                project.refusals -= 1
                self.send_response(429)
                self.send_header("Retry-After", project.retry_after)
                self.end_headers()
                return
            if said is None:
                start = int(query.split("cursor=0:")[1].split(":")[0]) if "cursor" in query else 0
                said = project.rules[start : start + 100] if method == "GET" else {"id": "1"}
            self.send_response(project.status)
            if project.status == 302:
                self.send_header("Location", project.url)
            if project.length:
                self.send_header("Content-Length", project.length)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def do_GET(self) -> None:
            self.answer("GET")

        def do_POST(self) -> None:
            self.answer("POST")

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        project.url = f"http://127.0.0.1:{server.server_address[1]}"
        for name, value in (
            ("SENTRY_AUTH_TOKEN", TOKEN), ("SENTRY_ORG", "my-org"), ("SENTRY_PROJECT", "my site"),
            ("SENTRY_URL", project.url),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("SENTRY_ENVIRONMENT", raising=False)
        yield project
        server.shutdown()
        thread.join()


def alerts(*arguments: str) -> str:
    out = StringIO()
    call_command("djmetrics_sentry_alerts", *arguments, stdout=out)
    return out.getvalue()


def test_it_is_a_dry_run(project):
    """Without --create the rules are printed, per environment, and Sentry is not asked."""
    printed = json.loads(alerts("--environment", "production", "--environment", "staging"))

    assert len(printed) == 10
    assert {each["environment"] for each in printed} == {"production", "staging"}
    assert project.asked == []


def test_the_rules():
    """Errors fire when they are new or come back; alerts, told by their tag, each time the period allows."""
    made = {each["name"]: each for each in rules(["production"], 30)}

    assert made["djmetrics: new issues (production)"] == {
        "name": "djmetrics: new issues (production)",
        "environment": "production",
        "frequency": 30,
        "actionMatch": "any",
        "conditions": [{"id": "sentry.rules.conditions.first_seen_event.FirstSeenEventCondition"}],
        "filterMatch": "all",
        "filters": [
            {
                "id": "sentry.rules.filters.tagged_event.TaggedEventFilter",
                "key": "djmetrics.alert", "match": "ns", "value": "",
            }
        ],
        "actions": [
            {
                "id": "sentry.mail.actions.NotifyEmailAction",
                "targetType": "IssueOwners", "fallthroughType": "ActiveMembers",
            }
        ],
    }  # fmt: skip
    values = [each["filters"][0]["value"] for each in made.values()]
    assert [each for each in values if each] == list(TITLES)


def test_create(project):
    """Those that are missing are created, once; a second run leaves them."""
    project.rules.append({"name": "djmetrics: regressions (production)", "frequency": 1})
    said = alerts("--create").splitlines()

    assert said == [
        "created   djmetrics: new issues (production)",
        "is there  djmetrics: regressions (production)",
        "created   djmetrics: slow views (production)",
        "created   djmetrics: N+1 queries (production)",
        "created   djmetrics: too many queries (production)",
    ]
    assert set(project.asked) == {("GET", PATH, f"Bearer {TOKEN}"), ("POST", PATH, f"Bearer {TOKEN}")}
    assert all(line.startswith("is there") for line in alerts("--create").splitlines())
    assert len(project.rules) == 5


def test_an_environment_that_is_named_twice(project):
    """One set of rules is enough."""
    assert len(json.loads(alerts("--environment", "a", "--environment", "a"))) == 5


@pytest.mark.parametrize("seconds, created", [("0", 5), ("x", 0), ("3600", 0)])
def test_too_many_questions(project, seconds, created):
    """Sentry may ask for a little patience, once; for more, whoever runs the command is told."""
    project.refusals, project.retry_after = 1, seconds
    if created:
        assert alerts("--create").count("created") == created
        return
    with pytest.raises(CommandError, match="answers 429"):
        alerts("--create")


def test_too_many_questions_again(project):
    """Patience has an end."""
    project.refusals, project.retry_after = 2, "0"
    with pytest.raises(CommandError, match="answers 429"):
        alerts("--create")


def test_an_answer_that_breaks_off(project):
    """The connection may end anywhere."""
    project.length = "100000"
    with pytest.raises(CommandError, match="IncompleteRead"):
        alerts("--create")


def test_many_rules(project):
    """A project's rules come in pages."""
    project.rules = [{"name": f"rule {each}"} for each in range(250)]
    project.rules.append({"name": "djmetrics: slow views (production)"})
    assert "is there  djmetrics: slow views (production)" in alerts("--create")


@pytest.mark.parametrize("status, said", [(403, "answers 403"), (302, "answers 302"), (500, "answers 500")])
def test_refused(project, status, said):
    """What Sentry says is told, without the token, and nobody else learns it."""
    project.status, project.answer = status, {"detail": f"no {TOKEN}"}
    with pytest.raises(CommandError, match=said) as raised:
        alerts("--create")
    assert TOKEN not in str(raised.value)
    assert len(project.asked) == 1


@pytest.mark.parametrize("answer", [{"detail": "x"}, "x"])
def test_no_list(project, answer):
    """What is no Sentry is told apart."""
    project.answer = answer
    with pytest.raises(CommandError, match="no list"):
        alerts("--create")


def test_what_is_missing(project, monkeypatch):
    """Each thing that --create needs is asked for."""
    with pytest.raises(CommandError, match="URLError"):
        alerts("--create", "--url", "http://127.0.0.1:9")
    for url in "file:///etc/passwd", "http://a b/", "http://[::1/":
        with pytest.raises(CommandError, match="not the address"):
            alerts("--create", "--url", url)
    with pytest.raises(CommandError, match="5 to 43200"):
        alerts("--minutes", "1")
    monkeypatch.delenv("SENTRY_AUTH_TOKEN")
    with pytest.raises(CommandError, match="SENTRY_AUTH_TOKEN"):
        alerts("--create")
    monkeypatch.delenv("SENTRY_ORG")
    with pytest.raises(CommandError, match="--organization"):
        alerts("--create")


def test_the_environment(project, monkeypatch):
    """Of the settings, else of Sentry's variable."""
    monkeypatch.setenv("SENTRY_ENVIRONMENT", "of-the-variable")
    assert "(of-the-variable)" in alerts()
    with override_settings(DJMETRICS={"SENTRY": {"ENVIRONMENT": "of-the-settings"}}):
        assert "(of-the-settings)" in alerts()
