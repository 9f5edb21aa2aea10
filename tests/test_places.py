"""Where in a site's code something is asked for."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.template import Context, Engine

from djmetrics.places import code_place


def passing_on(module: str, folder: str, call: Callable[[], str]) -> Callable[[], str]:
    """A call of a function of a module in a folder that makes the ``call``."""
    known: dict[str, Any] = {"__name__": module}
    exec(compile("def passes_on(call): return call()", f"/{folder}/file.py", "exec"), known)
    return partial(known["passes_on"], call)


def asked() -> str:
    """The place that Django, asked by the frame around, would be told."""
    return code_place(sys._getframe(1))


@pytest.mark.parametrize(
    "frames, expected",
    [
        # From the outermost to the innermost, by module and folder.
        ([("shop", "srv"), ("rest_framework", "lib/site-packages")], "/srv/file.py:1 in passes_on"),
        ([("shop", "srv"), ("sentry_sdk.integrations.django", "lib")], "/srv/file.py:1 in passes_on"),
        ([("django.core.handlers.base", "lib"), ("shop", "site-packages")], "/site-packages/file.py:1 in passes_on"),
        ([("gunicorn.workers.sync", "srv"), ("django.core.handlers.wsgi", "lib")], ""),
        ([("shop.middleware", "srv"), ("django.core.handlers.exception", "lib"), ("django.db", "lib")], ""),
        ([("manage", "srv"), ("django.core.management.base", "lib"), ("django.db", "lib")], ""),
        ([("gunicorn.workers.sync", "srv"), ("djmetrics.streaming", "lib"), ("django.http", "lib")], ""),
        ([("django.core.handlers.base", "lib"), ("django.db", "lib")], ""),
    ],
)  # fmt: skip
def test_whose_code_it_is(frames, expected):
    """The site's code is named before a package's, and nothing that only stands around what runs."""
    call = asked
    for module, folder in reversed(frames):
        call = passing_on(module, folder, call)
    assert call() == expected


def test_work_of_another_thread():
    """What waits on a thread for work of a coroutine's did not ask for it."""
    assert async_to_sync(sync_to_async(passing_on("django.db", "lib", asked)))() == ""


def test_a_template(tmp_path: Path):
    """A line of a template is the site's code too; one from a string has no place."""
    text = "{% for each in all %}\n{% if each %}{{ ask }}{% endif %}{% endfor %}"
    (tmp_path / "runs.html").write_text(text)
    engine = Engine(dirs=[str(tmp_path)], autoescape=False)
    given = Context({"all": [1], "ask": passing_on("django.db", "lib", asked)})
    render = partial(engine.get_template("runs.html").render, given)
    assert (
        passing_on("django.core.handlers.base", "lib", render)().strip()
        == f"{tmp_path}/runs.html:2 in runs.html"
    )
    render = partial(engine.from_string(text).render, given)
    assert passing_on("django.core.handlers.base", "lib", render)().strip() == ""


def test_a_jinja2_template(tmp_path: Path):
    """So is one of Jinja2's, by the line of the template and not of what it was compiled to."""
    (tmp_path / "runs.html").write_text("{% for each in all %}\n\n{{ ask() }}{% endfor %}")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(tmp_path))
    given = {"all": [1], "ask": passing_on("django.db", "lib", asked)}
    for template, expected in (
        (environment.get_template("runs.html"), f"{tmp_path}/runs.html:3 in runs.html"),
        (environment.from_string("{{ ask() }}"), ""),
    ):
        render = partial(template.render, given)
        found = passing_on("django.core.handlers.base", "lib", render)().strip()
        assert found == expected
