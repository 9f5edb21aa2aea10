"""How many requests a process can serve at once, as each server says it. Real servers: tests/servers."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from djmetrics import capacity, workers


def module(name: str, **values: Any) -> ModuleType:
    found = ModuleType(name)
    vars(found).update(values)
    return found


def test_nobody_says() -> None:
    """A process without such a server."""
    assert capacity.capacity() == 0


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"threads": b"4"}, 4),
        ({}, 1),
        ({"gevent": b"100"}, 0),
        ({"async": b"10"}, 0),
        ({"threads": b"many"}, 0),
    ],
)
def test_uwsgi(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], expected: int) -> None:
    """uWSGI gives its options as bytes; greenlets have no number."""
    monkeypatch.setitem(sys.modules, "uwsgi", module("uwsgi", opt=options))
    assert capacity.capacity() == expected


def test_mod_wsgi(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside Apache's processes, and only there."""
    monkeypatch.setitem(
        sys.modules, "mod_wsgi", module("mod_wsgi", process_group="site", threads_per_process=5)
    )
    assert capacity.capacity() == 5
    monkeypatch.setitem(sys.modules, "mod_wsgi", module("mod_wsgi"))
    assert capacity.capacity() == 0


@pytest.mark.parametrize("kind, expected", [("gthread", 8), ("sync", 1), ("ggevent", 0), ("base", 0)])
def test_gunicorn(monkeypatch: pytest.MonkeyPatch, kind: str, expected: int) -> None:
    """By the kind of worker, a site's own subclass of it too."""
    made = type(
        "Worker", (type("Base", (), {"__module__": f"gunicorn.workers.{kind}"}),), {"__module__": "site"}
    )
    worker = made()
    worker.cfg = SimpleNamespace(threads=8)
    monkeypatch.setattr(workers, "gunicorn_worker", lambda: worker)
    assert capacity.capacity() == expected
