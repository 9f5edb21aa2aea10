"""What events say: oracles and edges."""

from operator import itemgetter
from typing import Any

import django
import pytest
import sentry_relay.processing
import sentry_sdk
from django.contrib.auth.models import User
from django.core.exceptions import FieldError, ValidationError
from django.core.management import BaseCommand, CommandError, call_command
from django.db import IntegrityError
from django.db.models import UUIDField
from django.test import override_settings
from sentry_sdk.feature_flags import add_feature_flag
from sentry_sdk.utils import event_from_exception

from djmetrics import clock, recorder, units
from djmetrics.exporters.sentry.crumbs import add_crumbs
from djmetrics.exporters.sentry.privacy import scrub_messages, scrubbed
from djmetrics.record import Subject
from tests.docs_pages import leaves

pytestmark = pytest.mark.django_db


def problems(event: dict[str, Any]) -> Any:
    """What Sentry's own normaliser finds wrong with an event."""
    normalized = sentry_relay.processing.StoreNormalizer(project_id=1).normalize_event(dict(event))
    return normalized.get("errors"), normalized.get("_meta")


def test_sentry_accepts_every_kind(site, client, receiver):
    """Sentry's own normaliser finds no fault with any kind of event, and changes nothing."""
    with site({"RELEASE": "v7"}, LOCAL_VARIABLES=True, SLOW_THRESHOLD=0, N_PLUS_ONE=2, MAX_QUERIES=0):
        for path in (
            "/fail/5/",
            "/handled/",
            "/unspeakable/",
            "/group/",
            "/n-plus-one/",
            "/stream/",
            "/nowhere/",
        ):
            response = client.get(path)
            if response.streaming:
                with pytest.raises(Exception, match="midway"):
                    list(response)
                response.close()
        nested("command")
        sentry_sdk.flush()
    assert len(receiver.events) >= 12
    for event in receiver.events:
        errors, meta = problems(event)
        assert errors in (None, []), event["transaction"]
        assert "err" not in str(meta), event["transaction"]


def test_what_leaves_is_documented(site, client, receiver):
    """The page that says what leaves the site names each field of each kind of event."""
    caller = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    with site({"RELEASE": "v7"}, SLOW_THRESHOLD=0, N_PLUS_ONE=2, MAX_QUERIES=0):
        for path in ("/fail/5/", "/n-plus-one/", "/fine/"):
            client.get(path, headers=caller)
        nested("command")
        sentry_sdk.flush()
    fields, contexts = set(), set()
    for event in receiver.events:
        fields |= {*event} - {"contexts", "request"} | {
            f"request.{each}" for each in event.get("request", ())
        }
        contexts |= {f"contexts.{each}" for each in event["contexts"]}
    assert {"fingerprint", "exception", "request.url", "extra"} <= fields
    assert {"contexts.djmetrics", "contexts.trace"} <= contexts
    assert (fields | contexts) - leaves("Sentry") == {"tags"}  # each of which is named


def nested(kind: str) -> None:
    """A unit of work that fails."""
    record = units.open(Subject(kind, kind), f"{kind} nightly")
    units.announce(record)
    outer = recorder.make_current(record.root)
    try:
        raise RuntimeError(f"a {kind} failed")
    except RuntimeError as error:
        units.broke(record, error)
        units.close(record)
        failed = error
    finally:
        recorder.make_current(outer)
    assert failed is not None


@pytest.mark.parametrize("kind", ["command", "task", "consumer"])
def test_other_units_of_work(site, receiver, kind):
    """Whatever is recorded can be reported: the transaction is what the record calls its view."""
    with site():
        nested(kind)
        sentry_sdk.flush()
    [event] = receiver.events
    assert (event["transaction"], event["tags"]["kind"]) == (f"{kind} nightly", kind)
    assert "request" not in event


def test_a_command_in_a_request(site, receiver):
    """An exception that ends a command and then the request around it is one event."""
    with site():
        outer = units.open()
        units.announce(outer)
        before = recorder.make_current(outer.root)
        inner = units.open(Subject("command", "command"), "inner")
        units.announce(inner)
        try:
            raise ValueError("both")
        except ValueError as error:
            for record in (inner, outer):
                units.broke(record, error)
                units.close(record)
                recorder.make_current(before if record is outer else outer.root)
        recorder.make_current(before)
        sentry_sdk.flush()
    assert [event["transaction"] for event in receiver.events] == ["inner"]


def test_nothing_is_kept(site, client, receiver):
    """Once a record is closed nothing of it holds on to its exception or its scopes."""
    with site():
        client.get("/fail/1/")
        assert units._broken == {}
        sentry_sdk.flush()


def test_annotations_are_tags(site, receiver):
    """What the site said of a unit of work is searchable; what Sentry would refuse is made fit or left out."""
    with site():
        record = units.open(Subject("task", "task"), "work")
        units.announce(record)
        record.annotations = {
            "tenant": "acme", "plan id": 7, "view": "not this", "lines": "a\nb", "list": [1], "long" * 20: "x" * 999,
            "": "nothing", "nothing": "",
        }  # fmt: skip
        units.broke(record, ValueError("x"))
        units.close(record)
        sentry_sdk.flush()
    [event] = receiver.events
    assert event["tags"] == {
        "view": "work", "kind": "task", "annotation.view": "not this",
        "tenant": "acme", "plan_id": "7", "lines": "a b", ("long" * 20)[:32]: "x" * 200,
    }  # fmt: skip
    assert problems(event)[0] in (None, [])


def test_flags(site, receiver):
    """Those that are on or off stand among the site's own, whose word holds; others are tags."""
    with site():
        add_feature_flag("theirs", True)
        add_feature_flag("both", True)
        record = units.open(Subject("task", "task"), "work")
        units.announce(record)
        record.flags = {"both": False, "basket": True, "button": "blue", "gone": None}
        units.broke(record, ValueError("x"))
        units.close(record)
        sentry_sdk.flush()
    [event] = receiver.events
    assert sorted(event["contexts"]["flags"]["values"], key=itemgetter("flag")) == [
        {"flag": "basket", "result": True}, {"flag": "both", "result": True}, {"flag": "theirs", "result": True},
    ]  # fmt: skip
    assert {name: value for name, value in event["tags"].items() if "flag" in name} == {"flag.button": "blue"}
    assert problems(event)[0] in (None, [])


def test_crumbs_are_bounded():
    """The last operations, in the order of time, and never more than the client keeps."""
    record = units.open()
    outer = recorder.make_current(record.root)
    for each in range(100):
        recorder.end(recorder.begin(Subject("timed", f"step {each}")))
    recorder.make_current(outer)
    units.close(record)
    theirs = {"message": "theirs", "timestamp": "not a time"}
    for most, expected in (100, 51), (11, 11), (1, 1), (0, 1):
        event: dict[str, Any] = {"breadcrumbs": {"values": [theirs]}}
        add_crumbs(event, record, most)
        values = event["breadcrumbs"]["values"]
        assert len(values) == expected
        assert theirs in values
    assert clock.now() > 0


@pytest.mark.parametrize(
    "message, expected",
    [
        ("UNIQUE constraint failed: runs_run.name", "UNIQUE constraint failed: runs_run.name"),
        ("no such table: runs_run", "no such table: runs_run"),
        ('relation "runs_run" does not exist\nLINE 1: SELECT 1', 'relation "runs_run" does not exist …'),
        (
            'duplicate key value violates unique constraint "x"\nDETAIL:  Key (email)=(a@b.c) already exists.',
            'duplicate key value violates unique constraint "x" …',
        ),
        ('invalid input syntax for type integer: "s3cret"', "invalid input syntax for type integer: ?"),
        (
            "(1062, \"Duplicate entry 's3cret' for key 'name'\")",
            "(1062, ?)",
        ),
        ("Duplicate entry 'O'Brien-alice' for key 'name'", "Duplicate entry ?"),
        (
            'value "99999999999 alice" is out of range for type integer',
            "value ? is out of range for type integer",
        ),
        (
            'null value in column "a" of relation "b" violates',
            'null value in column "a" of relation "b" violates',
        ),
        ('value "constraint "alice" x" is bad', "value ? is bad"),
        ('syntax error at or near "\'alice secret"', "syntax error at or near ?"),
        ('near "alice": syntax error', "near ?: syntax error"),
        ('time zone "secret/alice" not recognized', "time zone ? not recognized"),
        ("malformed JSON path alice", "…"),
        ("it's", "…"),
        ("", ""),
    ],
)
def test_what_databases_say(message, expected):
    """Databases quote the row that they refuse; what they say of it leaves without."""
    assert scrubbed(message) == expected


@pytest.mark.parametrize("given", ["alice@example.com", 'o\'brien\n"x"'])
def test_what_django_says_of_look_ups(given):
    """What a look-up was given may be a person's data; what the site's own code says stays."""
    errors: list[BaseException] = [LookupError("the site's 'own' words"), ValueError("no 'such' thing")]
    for ask in (
        lambda: User.objects.filter(pk=given),
        lambda: User.objects.filter(pk__in=[given]),
        lambda: User.objects.order_by(given),
        lambda: UUIDField().to_python(given),
    ):
        with pytest.raises((ValueError, FieldError, ValidationError)) as raised:
            ask()
        errors.append(raised.value)

    def said(error: BaseException) -> str:
        event: Any = event_from_exception(error)[0]
        scrub_messages(event)
        values: list[str] = [each["value"] for each in event["exception"]["values"]]
        assert not any(given[:7] in value for value in values)
        return values[-1]

    own, also_own, pk, pk_in, order_by, uuid = map(said, errors)
    assert (own, also_own) == ("the site's 'own' words", "no 'such' thing")
    assert pk == pk_in == "Field 'id' expected a number but got ?"
    assert order_by.startswith("Cannot resolve keyword ? into field. Choices are: ")
    assert uuid == "? is not a valid UUID."


class Refused(Exception):
    """What a driver that nobody knows raises."""


@pytest.mark.parametrize("grouped", [False, True])
def test_what_an_unknown_driver_says(site, receiver, grouped):
    """The cause of one of Django's errors of the database is the driver's, by whatever name."""
    with site():
        record = units.open()
        units.announce(record)
        try:
            try:
                raise Refused("Key (email)=(a@b.c) already exists")
            except Refused as refused:
                raise IntegrityError("Key (email)=(a@b.c) already exists") from refused
        except IntegrityError as error:
            units.broke(record, ExceptionGroup("several", [KeyError("theirs"), error]) if grouped else error)
        units.close(record)
        sentry_sdk.flush()
    [event] = receiver.events
    said = {each["type"]: each["value"] for each in event["exception"]["values"]}
    assert (said["Refused"], said["IntegrityError"]) == ("…", "…")
    assert said.get("KeyError", "'theirs'") == "'theirs'"


def test_local_variables(site, client, receiver):
    """Only where the site asks for them."""
    for asked in False, True:
        with site(LOCAL_VARIABLES=asked), override_settings(DEBUG=False):
            client.get("/huge/")
            sentry_sdk.flush()
    without, having = (each["exception"]["values"][0]["stacktrace"]["frames"] for each in receiver.events)
    assert not any("vars" in frame for frame in without)
    assert "nested" in having[-1]["vars"]


def test_a_management_command(site, receiver):
    """A command that fails is reported by its name; one that a request calls and whose failure it deals with is not."""

    class Failing(BaseCommand):
        def handle(self, *args: Any, **options: Any) -> None:
            raise KeyError("in a command") if options.get("verbosity") == 1 else CommandError("as it should")

    Failing.__module__ = "shop.management.commands.bill"
    with site():
        with pytest.raises(KeyError):
            call_command(Failing())
        with pytest.raises(CommandError):
            call_command(Failing(), verbosity=0)
        record = units.open()
        units.announce(record)
        outer = recorder.make_current(record.root)
        with pytest.raises(KeyError):
            call_command(Failing())
        recorder.make_current(outer)
        units.close(record)
        sentry_sdk.flush()
    assert [event["transaction"] for event in receiver.events] == ["(command bill)"]


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has tasks from 6.0 on")
def test_a_task(site, client, receiver):
    """A task that a view runs at once and that fails, while its page is fine, is reported with the request."""
    with site():
        assert client.get("/task/").status_code == 200
        sentry_sdk.flush()
    [event] = receiver.events
    assert (event["transaction"], event["exception"]["values"][0]["value"]) == ("task", "in a task")


def test_statements_of_a_long_record(site, client, receiver):
    """What a record holds no longer, as it is long, still counts for its slowest statements."""
    with site({"MAX_OPERATIONS": 2}, N_PLUS_ONE=5):
        client.get("/n-plus-one/")
        sentry_sdk.flush()
    [event] = receiver.events
    known = event["contexts"]["djmetrics"]
    [statement] = known["slowest_statements"]
    assert statement["runs"] == known["queries"] == 6
    assert statement["duration_ms"] == pytest.approx(known["phases_ms"]["db"], abs=1e-4)
