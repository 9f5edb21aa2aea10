"""Exceptions that are large, that hold objects of the site's, or that cannot be asked for anything."""

import logging
import sys
from collections import deque
from typing import Any

import pytest
import sentry_sdk
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import ProtectedError
from django.urls import path
from django.utils.functional import SimpleLazyObject

from djmetrics import guard
from djmetrics.exporters.sentry import exceptions
from tests.exporters.sentry import site as views

pytestmark = pytest.mark.django_db


class Deaf(Exception):
    """Whatever is asked of it fails."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


class Mute(Exception):
    """It has no attribute that it should have."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Spoken(Exception):
    """It words its text itself."""

    def __init__(self, user: User) -> None:
        self.user = user

    def __str__(self) -> str:
        return f"user {self.user.pk} is out"


class Talkative(User):
    """A user whose text takes a statement."""

    class Meta:
        proxy = True
        app_label = "auth"

    def __str__(self) -> str:
        return str(User.objects.count())


def chain(length: int) -> Exception:
    error = ValueError("0")
    for number in range(1, length):
        outer = ValueError(str(number))
        outer.__cause__ = error
        error = outer
    return error


def nested(depth: int) -> Exception:
    error: Exception = ValueError("leaf")
    for _ in range(depth):
        error = ExceptionGroup("group", [error])
    return error


@pytest.fixture
def event(site: Any, client: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that raises what ``make`` makes in a view, and gives the one event that comes of it."""

    def of(make: Any) -> dict[str, Any]:
        def view(request: Any) -> None:
            raise make()

        monkeypatch.setattr(views, "urlpatterns", [path("odd/", view, name="odd")])
        with site(), connection.execute_wrapper(refuse):
            client.get("/odd/")
            sentry_sdk.flush()
        [event] = receiver.events
        assert event["transaction"] == "odd"
        return event

    return of


def refuse(*args: Any) -> None:
    raise AssertionError("a statement")


@pytest.mark.parametrize(
    "make",
    [
        lambda: chain(5_000),
        lambda: nested(1_000),
        lambda: ExceptionGroup("w", [ValueError(n) for n in range(5_000)]),
    ],
    ids=["chain", "deep", "wide"],
)
def test_how_many(event, make):
    """Of thousands that hang together those nearest to the one that was raised are reported."""
    found = event(make)
    assert len(found["exception"]["values"]) == exceptions.MOST
    assert found["extra"][exceptions.CUT] == exceptions.MOST
    raised = make()
    assert found["exception"]["values"][-1]["type"] == type(raised).__name__
    if type(raised) is ValueError:
        assert [each["value"] for each in found["exception"]["values"][-2:]] == ["4998", "4999"]


def test_a_group_is_told_as_the_sdk_tells_it():
    """Places, parents and sources of a group that is cut are those of the SDK for the whole."""
    inner = ExceptionGroup("inner", [ValueError("a"), KeyError("b")])
    outer = ExceptionGroup("outer", [inner, ValueError("c")])
    options = sentry_sdk.Client(dsn=None, default_integrations=False).options
    links = exceptions.linked(outer)
    ours = exceptions._values(links, options, {"type": "m"})
    (theirs, _) = sentry_sdk.utils.event_from_exception(
        outer, client_options=options, mechanism={"type": "m"}
    )
    named = lambda values: sorted((each["type"], each["value"]) for each in values)  # noqa: E731
    assert named(ours) == named(theirs["exception"]["values"])
    by_text = {each["value"]: each["mechanism"] for each in ours}
    place = {text: each["exception_id"] for text, each in by_text.items()}
    assert by_text["'b'"]["parent_id"] == place["inner"]
    assert by_text["c"]["parent_id"] == place["outer"] == 0
    assert by_text["c"]["source"] == "exceptions[1]"
    assert ours[-1]["value"] == "outer"
    assert "parent_id" not in ours[-1]["mechanism"] or ours[-1]["mechanism"]["parent_id"] == 0


def test_cycles():
    """Each is told once, wherever it hangs."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert [each.error for each in exceptions.linked(first)] == [first, second]


def test_how_many_frames(event):
    """Of a recursion without end the innermost frames are reported."""

    def recursion() -> Any:
        return recursion()

    [value] = event(recursion)["exception"]["values"]
    assert value["type"] == "RecursionError"
    assert len(value["stacktrace"]["frames"]) == exceptions.MOST_FRAMES < sys.getrecursionlimit()
    assert value["stacktrace"]["frames"][-1]["function"] == "recursion"


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: ValueError(User.objects.all()), "<django.db.models.query.QuerySet>"),
        (lambda: KeyError(Talkative()), "Talkative>"),
        (lambda: ValueError("of", [Talkative()]), "of, <builtins.list>"),
        (lambda: ValueError({"user": Talkative()}), "<builtins.dict>"),
        (lambda: ValueError({Talkative(pk=1)}), "<builtins.set>"),
        (lambda: ValueError({"a": [(Talkative(),)]}), "<builtins.dict>"),
        (lambda: ValueError(deque([Talkative()])), "<collections.deque>"),
        (lambda: ValueError({Talkative(pk=1): 1}.items()), "<builtins.dict_items>"),
        (lambda: ValueError(list(range(2_000))), "<builtins.list>"),
        (lambda: ValueError([[1], {2}]), "[[1], {2}]"),
        (lambda: ProtectedError("table in use", {Talkative(pk=1)}), "table in use, <builtins.set>"),
        (lambda: ValueError(SimpleLazyObject(refuse)), "<django.utils.functional.SimpleLazyObject>"),
        (lambda: Spoken(User(pk=5)), "user 5 is out"),
        (lambda: ValueError("plain"), "plain"),
    ],
)
def test_no_statement(event, make, says):
    """The text of an exception that holds query sets or objects is made without any; a site's own text stays."""
    [value] = event(make)["exception"]["values"]
    assert value["value"].endswith(says)
    assert value["type"] == type(make()).__name__
    assert value["stacktrace"]["frames"][-1]["function"] == "view"


def test_nothing_can_be_asked(event, monkeypatch):
    """What cannot be described is reported all the same."""
    monkeypatch.setattr(guard, "strict", False)
    # Python before 3.13 cannot print it, so that a handler which would is not asked to.
    monkeypatch.setattr(logging.getLogger("django.request"), "disabled", True)
    [value] = event(Mute)["exception"]["values"]
    assert value["type"].endswith("Mute")
    assert value["mechanism"] == {"type": "djmetrics", "handled": False}


def test_nothing_at_all_can_be_asked(monkeypatch):
    """Of a class that fails at each attribute its name is told; the SDK is not handed what it would fail on."""
    monkeypatch.setattr(guard, "strict", False)
    options = sentry_sdk.Client(dsn=None, default_integrations=False).options
    event, hint = exceptions.event_of(Deaf(), options, {"type": "m"})
    [value] = event["exception"]["values"]
    assert (value["type"].rpartition(".")[2], hint) == ("Deaf", {})
