"""What spans say: the conventions' names, seconds, and nothing that is a person's."""

import pytest

from djmetrics import recorder, units
from djmetrics.exporters.opentelemetry import attributes
from djmetrics.exporters.opentelemetry.tree import Node
from djmetrics.record import Operation, Record, Statement, Subject

DB = Subject("db", "SELECT t", {"db.system.name": "postgresql", "alias": "default", "empty": ""})


class SiteError(Exception):
    """An exception of the site's."""


class Hostile(type):
    """A class of exceptions that says anything of itself."""

    @property
    def __module__(cls):
        raise AssertionError


def finished(**known) -> Record:
    record = units.open(view="runs:list")
    for name, value in known.items():
        setattr(record, name, value)
    record.root.record = None
    record.end = record.start
    return record


def node(subject: Subject, *, detail=None, error=None, resumed=0, count=1) -> Node:
    record = units.open()
    operation = Operation(subject, record.root, record.root)
    operation.start, operation.end = 0, 1_000_000_000
    operation.detail, operation.error, operation.resumed_ns = detail, error, resumed
    made = Node(operation, None, False, 0)
    for _ in range(count - 1):
        made.take(operation)
    return made


def test_request_of_which_nothing_is_known():
    """What is unknown is left out."""
    found = attributes.of_request(finished(), capture_path=True)
    assert {"http.route", "http.response.status_code", "error.type", "url.path"}.isdisjoint(found)
    assert found["django.view"] == "runs:list"
    assert not [name for name in found if name.startswith("django.request.phase.")]


def test_request_of_which_all_is_known():
    """Totals are there, times in seconds."""
    record = finished(
        **{"method": "GET", "route": "runs/<int:pk>/", "status": 200, "scheme": "https", "path": "/runs/5/"},
        **{"request_size": 10, "response_size": 0, "queue_ns": 500_000_000, "first_byte_ns": 250_000_000},
        **{"cpu_ns": 2_000_000_000, "queries": 3, "repeated_queries": 2, "kept": True, "reason": "slow"},
        annotations={"tenant": "a", "odd": object(), "n": 1},
        flags={"basket": True},
        _phases={"db": 1_000_000_000, "view": 0},
    )
    assert attributes.of_request(record, capture_path=False) == {
        "http.request.method": "GET",
        "http.route": "runs/<int:pk>/",
        "http.response.status_code": 200,
        "http.request.body.size": 10,
        "http.response.body.size": 0,
        "url.scheme": "https",
        "django.view": "runs:list",
        "django.request.outcome": "completed",
        "django.request.cpu.time": 2.0,
        "django.request.queue.duration": 0.5,
        "django.request.first_byte.duration": 0.25,
        "django.request.db.queries": 3,
        "django.request.db.repeated_queries": 2,
        "django.request.phase.db": 1.0,
        "django.cache.hits": 0,
        "django.cache.misses": 0,
        "djmetrics.sampling.decision": "kept",
        "djmetrics.sampling.reason": "slow",
        "django.annotation.tenant": "a",
        "django.annotation.n": 1,
        "django.annotation.flag.basket": True,
    }
    assert attributes.of_request(record, capture_path=True)["url.path"] == "/runs/5/"
    record.path = "/" + "x" * 100_000
    assert len(attributes.of_request(record, capture_path=True)["url.path"]) == 4_096


@pytest.mark.parametrize(
    "known, expected",
    [
        ({"status": 404}, None),
        ({"status": 500}, "500"),
        ({"status": 500, "error": ValueError}, "ValueError"),
        ({"error": SiteError}, f"{__name__}.SiteError"),
        ({"outcome": "failed", "status": 200}, "_OTHER"),
        ({"outcome": "disconnected", "status": 200}, None),
    ],
)
def test_error_type(known, expected):
    """The class of an exception, else a status from 500 on."""
    assert attributes.of_request(finished(**known), False).get("error.type") == expected


def test_hostile_class():
    """A class's own code is not asked for its name."""
    made = Hostile("Bad", (Exception,), {})
    assert attributes.error_name(made).endswith("Bad")


def test_cache_totals():
    """Hits and misses are added up over the request."""
    record = finished()
    outer = recorder.make_current(record.root)
    for kind, detail in (("cache", (3, 1)), ("cache", (0, 2)), ("cache", None), ("db", (5, 5))):
        operation = recorder.begin(Subject(kind, "x"))
        operation.detail = detail
        recorder.end(operation)
    recorder.make_current(outer)
    found = attributes.of_request(record, False)
    assert (found["django.cache.hits"], found["django.cache.misses"]) == (3, 3)


def test_statement():
    """A statement's summary, its text without literals, and where it comes from if it ran too often."""
    statement = Statement(DB, "SELECT a FROM t WHERE b = 'secret'", True)
    found = attributes.of_operation(node(DB, detail=statement, resumed=500_000_000), set())
    assert found == {
        "db.system.name": "postgresql",
        "django.db.alias": "default",
        "db.query.summary": "SELECT t",
        "db.query.text": "SELECT a FROM t WHERE b = ?",
        "django.db.fetch.duration": 0.5,
    }
    statement.count, statement.location = 7, "/site/a:b/views.py:12 in get_list"
    found = attributes.of_operation(node(DB, detail=statement), set())
    assert found["django.db.statement.count"] == 7
    assert found["code.file.path"] == "/site/a:b/views.py"
    assert found["code.line.number"] == 12
    assert found["code.function.name"] == "get_list"
    again = attributes.of_operation(node(DB, detail=statement), {statement})
    assert not [
        name for name in again if name.startswith("code") or name.endswith("count")
    ]  # another span says it


def test_statement_that_cannot_be_shown():
    """Without a text, or in doubt, the summary is all; an odd place has no line."""
    for sql in ("", "SELECT 'a\\' OR secret"):
        statement = Statement(DB, sql, True)
        statement.location = "somewhere in f"
        found = attributes.of_operation(node(DB, detail=statement), set())
        assert "db.query.text" not in found
        assert "code.line.number" not in found


def test_other_operations():
    """Failures, steps and those that are counted together."""
    view = Subject("view", "view")
    found = attributes.of_operation(node(view, error=SiteError, resumed=250_000_000), set())
    assert found == {"error.type": f"{__name__}.SiteError", "django.resumed.duration": 0.25}
    found = attributes.of_operation(
        node(Subject("cache", "get", {"alias": "a"}), detail=(2, 1), resumed=5, count=3), set()
    )
    assert found["djmetrics.folded.count"] == 3
    assert found["djmetrics.folded.duration"] == pytest.approx(3.000000015)
    assert (found["django.cache.hits"], found["django.cache.misses"]) == (2, 1)
    assert found["django.cache.alias"] == "a"
    assert "django.resumed.duration" not in found


@pytest.mark.parametrize(
    "subject, expected",
    [
        (Subject("view", "view"), "view runs:list"),
        (Subject("db", "SELECT t"), "SELECT t"),
        (Subject("middleware", "a.B"), "a.B"),
        (Subject("template", "template", {"template": "a.html"}), "template a.html"),
        (Subject("fragment", "fragment", {"fragment": "menu"}), "fragment menu"),
        (Subject("cache", "get", {}), "cache get"),
        (Subject("stream", "stream"), "stream"),
    ],
)
def test_names(subject, expected):
    """A span is named for what is done, and with what."""
    record = units.open()
    assert attributes.name_of(Operation(subject, record.root, record.root), "runs:list") == expected
