"""What the page says of statements is what the database server's own log says."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction
from django.db.utils import ConnectionHandler

from djmetrics import runtime
from tests.components.mariadb import MariaDB
from tests.components.postgresql import PostgreSQL

from .site import request_record

ALIAS = "logged"
COUNT = "db_client_operation_duration_seconds_count"


@dataclass(frozen=True)
class Logged:
    """A database under the alias ``logged``, whose server writes down what it is sent."""

    name: str
    server: PostgreSQL | MariaDB


@pytest.fixture(params=["postgresql", "mariadb"])
def logged(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[Logged]:
    """Each of the servers as one of the site's databases."""
    server = request.getfixturevalue(request.param)
    connections.settings[ALIAS] = ConnectionHandler({"default": server.settings}).settings["default"]
    try:
        with django_db_blocker.unblock():
            yield Logged(request.param, server)
    finally:
        ContentType.objects.clear_cache()
        connections[ALIAS].close()
        del connections[ALIAS], connections.settings[ALIAS]


def exported() -> Counter[str]:
    """How many operations on the logged database the page has, by their names."""
    found: Counter[str] = Counter()
    for family in runtime.page_registry().restricted_registry([COUNT]).collect():
        for sample in family.samples:
            if sample.name == COUNT and sample.labels["alias"] == ALIAS:
                found[sample.labels["db_operation_name"]] += int(sample.value)
    return found


def compared(logged: Logged, work: Callable[[], None]) -> tuple[Counter[str], Counter[str]]:
    """Do some work in a request: what came onto the page, and what came into the log."""
    before, sent = exported(), logged.server.operations()
    with request_record():
        work()
    return exported() - before, logged.server.operations() - sent


users, groups, permissions = (model.objects.using(ALIAS) for model in (User, Group, Permission))


def migrate() -> None:
    """Connect, and make Django's own tables."""
    call_command("migrate", database=ALIAS, verbosity=0)


def write() -> None:
    """One row, many rows, changes, and a deletion that takes others along."""
    ada = users.create(username="ada")
    users.bulk_create([User(username=f"runner {number}") for number in range(7)], batch_size=3)
    users.filter(username__startswith="runner").update(first_name="Ben")
    groups.get_or_create(name="Early birds")
    early, _ = groups.update_or_create(name="Early birds", defaults={"name": "Larks"})
    early.user_set.set(users.all())
    ada.delete()


def read() -> None:
    """Joins, prefetches, one query for each row, a plan."""
    for user in users.all():
        user.groups.count()
    list(users.prefetch_related("groups"))
    list(permissions.select_related("content_type"))
    users.filter(username="ada").explain()


def transact() -> None:
    """Transactions that are kept and given up, savepoints likewise, and statements that fail."""
    with transaction.atomic(using=ALIAS):
        groups.create(name="Cleo")
        with transaction.atomic(using=ALIAS):
            groups.create(name="Dan")
        with pytest.raises(IntegrityError), transaction.atomic(using=ALIAS):
            groups.create(name="Dan")
    with transaction.atomic(using=ALIAS):
        groups.create(name="Eve")
        transaction.set_rollback(True, using=ALIAS)
    with pytest.raises(IntegrityError):
        groups.create(name="Cleo")


def test_statements_are_those_in_the_server_s_log(logged: Logged) -> None:
    """By operation they are as many as in the log. A connect is an operation and no statement."""
    for work in (migrate, write, read, transact):
        page, log = compared(logged, work)
        page.pop("CONNECT", None)
        assert (work.__name__, page) == (work.__name__, log)


def test_executemany_is_one_operation(logged: Logged) -> None:
    """However often the driver sends the statement: psycopg does for each row, PyMySQL puts plain INSERTs together."""
    names = [("Fay",), ("Gus",), ("Hal",)]

    def work() -> None:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE entry (name varchar(10))")
            cursor.executemany("INSERT INTO entry (name) VALUES (%s)", names)
            cursor.executemany("DELETE FROM entry WHERE name = %s", names)

    connections[ALIAS].ensure_connection()
    page, log = compared(logged, work)

    assert page == {"CREATE": 1, "INSERT": 1, "DELETE": 1}
    assert log == {"CREATE": 1, "INSERT": 1 if logged.name == "mariadb" else 3, "DELETE": 3}


def test_rows_in_portions_are_one_operation(logged: Logged) -> None:
    """``iterator()`` is the SELECT that it runs, also on PostgreSQL, where psycopg makes a cursor of it.

    The second fetch finds nothing. They are the SELECT's own fetches, as on any other database.
    """
    migrate()
    sent = len(logged.server.statements())

    page, log = compared(logged, lambda: list(permissions.iterator(chunk_size=1000)))

    assert page == log == {"SELECT": 1}
    words = [text.split()[0] for text in logged.server.statements()[sent:]]
    assert words == (["SELECT"] if logged.name == "mariadb" else ["DECLARE", "FETCH", "FETCH", "CLOSE"])
