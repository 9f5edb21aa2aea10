"""The system checks: each mistake has an id, a message, a hint and a line in the documentation."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import checks as django_checks
from django.test import override_settings

from djmetrics import checks, trace_checks, view_check
from djmetrics.gunicorn_check import unshared_workers

GOOD = {"METRICS_TOKEN": "a-token-that-is-long-enough"}
OTHER = "django.middleware.common.CommonMiddleware"
INSTRUMENTOR = "opentelemetry.instrumentation.django.middleware.otel_middleware._DjangoMiddleware"
ROOT = Path(checks.__file__).parent.parent


@pytest.fixture(autouse=True)
def no_workers(monkeypatch, tmp_path):
    """No server is configured, whatever the machine's own environment says."""
    for name in (
        "WEB_CONCURRENCY",
        "GUNICORN_CMD_ARGS",
        "PROMETHEUS_MULTIPROC_DIR",
        "DJMETRICS_MULTIPROC_DIR",
        "SENTRY_DSN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def run(middleware=(checks.MIDDLEWARE,), debug=False, **given):
    """The messages of our checks, as ``manage.py check`` collects them."""
    with override_settings(MIDDLEWARE=list(middleware), DEBUG=debug, DJMETRICS={**GOOD, **given}):
        return django_checks.run_checks(tags=["djmetrics"])


def ids(messages):
    return [message.id for message in messages]


def test_a_site_without_mistakes_hears_nothing():
    """Installed as the README says, no check speaks."""
    assert run() == []


@pytest.mark.parametrize(
    "given,id,said",
    [
        ({"METRICS_TOKN": "x"}, "djmetrics.W006", "Did you mean 'METRICS_TOKEN'?"),
        ({"metrics_token": "x"}, "djmetrics.W006", "Did you mean 'METRICS_TOKEN'?"),
        ({"SOMETHING": 1}, "djmetrics.W006", "Remove it"),
        ({"ENABLED": "yes"}, "djmetrics.W007", "must be a bool, not str"),
        ({"HOOKS": {"templates": False}}, "djmetrics.W008", "Did you mean 'template'?"),
        ({"HOOKS": {"Cache": False}}, "djmetrics.W008", "Did you mean 'cache'?"),
        ({"METRICS_PORT": 0}, "djmetrics.W008", "must be at least 1 and at most 65535"),
        (
            {"BUCKETS": {"http.server.request.durations": [1]}},
            "djmetrics.W008",
            "Did you mean 'http.server.request.duration'?",
        ),
        ({"BUCKETS": {"django_request_phase_time_seconds_total": [1]}}, "djmetrics.W008", "not a histogram"),
        (
            {"MAX_SERIES": {"django.views.duration": 9}},
            "djmetrics.W008",
            "Did you mean 'django.view.duration'?",
        ),
        ({"EXTRA_HOOKS": ["nowhere.to.be.found"]}, "djmetrics.W010", "ModuleNotFoundError"),
        ({"EXTRA_EXPORTERS": ["djmetrics.conf.Nothing"]}, "djmetrics.W010", "djmetrics.conf.Nothing"),
        ({"METRICS_TOKEN": "15 characters.".replace(" ", "-")}, "djmetrics.W004", "secrets.token_urlsafe"),
        ({"METRICS_TOKEN": ""}, "djmetrics.W003", "METRICS_ALLOWED_IPS"),
        ({"SENTRY": {}}, "djmetrics.W020", "SENTRY_DSN"),
        ({"SENTRY": {"DSN": "https://secret@/x"}}, "djmetrics.W023", "Copy it anew"),
        ({"SENTRY": {"DSN": "secret"}}, "djmetrics.W023", "Copy it anew"),
        (
            {"SENTRY": {"DSN": "http://a@127.0.0.1:9/1", "BEFORE_SEND": "no.where"}},
            "djmetrics.W022",
            "ModuleNotFoundError",
        ),
        ({"SENTRY": {"DNS": ""}, "ENABLED": False}, "djmetrics.W006", "Did you mean 'DSN'?"),
    ],
    ids=str,
)
def test_each_mistake_in_the_settings_has_its_check(given, id, said):
    """One mistake is one message, which says what to do and where to read on."""
    (message,) = run(**given)

    assert message.id == id
    assert said in f"{message.msg} {message.hint}"
    anchor = id.lower().replace(".", "-")
    assert message.hint.endswith(f"See docs/reference/checks.md#{anchor}.")


def test_several_mistakes_are_several_messages():
    """No mistake hides another one."""
    given = {
        "ENABLE": True,
        "HOOKS": {"url": 1, "sql": True},
        "BUCKETS": {"x": [1], "django.view.duration": [2, 1]},
    }

    assert sorted(ids(run(**given))) == ["djmetrics.W006", "djmetrics.W007", *["djmetrics.W008"] * 3]


def test_a_wrong_dict_is_one_message_and_leaves_the_page_closed():
    """DJMETRICS that is no dict counts as empty."""
    with override_settings(MIDDLEWARE=[checks.MIDDLEWARE], DEBUG=False, DJMETRICS=["ENABLED"]):
        found = django_checks.run_checks(tags=["djmetrics"])

    assert sorted(ids(found)) == ["djmetrics.W003", "djmetrics.W007"]


def test_names_are_shown_as_the_site_spells_them():
    """A message names the key that is in the file, not our own spelling of it."""
    (message,) = run(BUCKETS={"no_such_metric_seconds": [1]})

    assert "DJMETRICS['BUCKETS']['no_such_metric_seconds']" in message.msg


def test_the_default_ceiling_is_no_metric():
    """'default' is a right key of MAX_SERIES."""
    assert run(MAX_SERIES={"default": 5, "django_view_duration_seconds": 6}) == []


def test_no_message_shows_the_token():
    """A token that is refused is not printed into a log."""
    messages = run(METRICS_TOKEN="sup3r secret") + run(METRICS_TOKEN="sup3r") + run(METRICS_TOKN="sup3r")

    assert sorted(ids(messages)) == ["djmetrics.W003", "djmetrics.W004", "djmetrics.W006", "djmetrics.W008"]
    assert "sup3r" not in repr(messages)


@pytest.mark.parametrize(
    "middleware,expected",
    [
        ([], ["djmetrics.W001"]),
        ([OTHER], ["djmetrics.W001"]),
        ([checks.MIDDLEWARE, OTHER], []),
        ([OTHER, checks.MIDDLEWARE], ["djmetrics.W002"]),
        ([checks.MIDDLEWARE, OTHER, checks.MIDDLEWARE], ["djmetrics.W009"]),
        ([OTHER, checks.MIDDLEWARE, checks.MIDDLEWARE], ["djmetrics.W009", "djmetrics.W002"]),
        ([INSTRUMENTOR, checks.MIDDLEWARE, OTHER], []),
        ([INSTRUMENTOR, OTHER, checks.MIDDLEWARE], ["djmetrics.W002"]),
    ],
)
def test_the_middleware_is_there_once_and_first(middleware, expected):
    """Missing and not first are warnings, twice is an error; each is a message of its own."""
    assert ids(run(middleware)) == expected


def test_sentry_has_what_it_needs(monkeypatch):
    """A DSN in the settings or the environment, and the SDK; without the SDK it is said, and nothing else happens."""
    assert run(SENTRY={"DSN": "http://a@127.0.0.1:9/1"}) == []
    monkeypatch.setenv("SENTRY_DSN", "http://a@127.0.0.1:9/1")
    assert run(SENTRY={}) == []
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    monkeypatch.setattr("djmetrics.sentry_check.find_spec", lambda name: None)
    for name in [each for each in sys.modules if each.startswith("djmetrics.exporters.sentry")]:
        monkeypatch.delitem(sys.modules, name)
    assert ids(run(SENTRY={})) == ["djmetrics.W021"]


def test_no_message_shows_the_dsn():
    """Nor a DSN."""
    assert "s3cret" not in repr(
        [run(SENTRY={"DSN": dsn}) for dsn in ("s3cret", "http://s3cret@", "http://s3cret@x/y")]
    )


def test_a_site_that_switched_djmetrics_off_is_not_warned():
    """ENABLED False silences what only matters when something is measured."""
    assert run([], ENABLED=False, METRICS_TOKEN="") == []


@pytest.mark.parametrize("given", [{"METRICS_ALLOWED_IPS": ["::1"]}, {"METRICS_PORT": 9100}])
def test_one_way_in_is_enough(given):
    """The page is closed to everyone only when there is neither address, token nor port."""
    assert run(METRICS_TOKEN="", **given) == []


def test_debug_opens_the_page_to_its_developer():
    """Under DEBUG loopback may read, so that no check speaks."""
    assert run(debug=True, METRICS_TOKEN="") == []


CONFIGURED = "workers = 4\n"
OURS = "from djmetrics.gunicorn import *\n"


@pytest.mark.parametrize(
    "environment,file,source",
    [
        ({}, None, None),
        ({"GUNICORN_CMD_ARGS": "-w 4"}, None, "GUNICORN_CMD_ARGS"),
        ({"GUNICORN_CMD_ARGS": "--workers=4 --bind :80"}, None, "GUNICORN_CMD_ARGS"),
        ({"GUNICORN_CMD_ARGS": "-w4 -k gthread"}, "bind = ':80'\n", "GUNICORN_CMD_ARGS"),
        ({"GUNICORN_CMD_ARGS": "-w 1"}, CONFIGURED, None),
        ({"GUNICORN_CMD_ARGS": "-w 4"}, OURS, None),
        ({"GUNICORN_CMD_ARGS": "-w 'four"}, None, None),
        ({"GUNICORN_CMD_ARGS": "-w four"}, None, None),
        ({}, CONFIGURED, "gunicorn.conf.py"),
        ({}, "workers: int = 4\n", "gunicorn.conf.py"),
        ({}, "import os\nworkers = os.cpu_count() * 2\n", "gunicorn.conf.py"),
        ({}, "workers = 1\n", None),
        ({}, CONFIGURED + OURS, None),
        ({}, "from djmetrics import gunicorn as hooks\n" + CONFIGURED, None),
        ({}, "import djmetrics.gunicorn\n" + CONFIGURED, None),
        ({}, "# from djmetrics.gunicorn import *\n" + CONFIGURED, "gunicorn.conf.py"),
        ({}, "import djmetrics.gunicornish\n" + CONFIGURED, "gunicorn.conf.py"),
        ({}, "this is no Python\n", None),
        ({}, "raw_env = ['PROMETHEUS_MULTIPROC_DIR=/run/x']\n" + CONFIGURED, None),
        ({}, "raw_env = ['MYSITE=/run/x', 3]\n" + CONFIGURED, "gunicorn.conf.py"),
        ({"GUNICORN_CMD_ARGS": "--env DJMETRICS_MULTIPROC_DIR=/run/x -w 4"}, None, None),
        ({"GUNICORN_CMD_ARGS": "--env A=b --workers 4 -e C=d"}, None, "GUNICORN_CMD_ARGS"),
        ({"GUNICORN_CMD_ARGS": "--env --workers=4"}, None, None),
        ({"PROMETHEUS_MULTIPROC_DIR": "/run/x"}, CONFIGURED, None),
        ({"DJMETRICS_MULTIPROC_DIR": "/run/x"}, CONFIGURED, None),
    ],
    ids=str,
)
def test_several_gunicorn_workers_need_our_line(environment, file, source, tmp_path, monkeypatch):
    """Several workers without `djmetrics.gunicorn` in the configuration file are found where they are asked for."""
    if file is not None:
        (tmp_path / "gunicorn.conf.py").write_text(file)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    messages = run()

    assert ids(messages) == ([] if source is None else ["djmetrics.W005"])
    if source is not None:
        assert source in messages[0].msg
        assert "Their figures are added up, but start anew at a binary upgrade" in messages[0].msg
        assert "from djmetrics.gunicorn import *" in messages[0].hint


def test_web_concurrency_counts_where_gunicorn_is_installed(tmp_path, monkeypatch):
    """Other servers read WEB_CONCURRENCY too, and need no line of their own."""
    environment = {"WEB_CONCURRENCY": "3"}
    (tmp_path / "gunicorn.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "gunicorn", raising=False)

    found = unshared_workers(environment, tmp_path)
    assert (found.workers, found.source) == (3, "WEB_CONCURRENCY")
    assert unshared_workers({"WEB_CONCURRENCY": "1"}, tmp_path) is None
    assert unshared_workers({"WEB_CONCURRENCY": "many"}, tmp_path) is None


def test_web_concurrency_says_nothing_of_other_servers(tmp_path, monkeypatch):
    """Without gunicorn the variable is another server's."""
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "gunicorn", raising=False)

    assert unshared_workers({"WEB_CONCURRENCY": "3"}, tmp_path) is None


def test_the_configuration_file_may_be_elsewhere(tmp_path):
    """The file that GUNICORN_CMD_ARGS names is the one that counts, and it is not run."""
    (tmp_path / "deploy.py").write_text(OURS + CONFIGURED + "raise SystemExit('was run')\n")
    (tmp_path / "gunicorn.conf.py").write_text(CONFIGURED)

    assert unshared_workers({"GUNICORN_CMD_ARGS": "-c deploy.py"}, tmp_path) is None
    assert unshared_workers({}, tmp_path).source == "gunicorn.conf.py"


def test_a_named_configuration_that_is_not_here_is_not_judged(tmp_path):
    """What cannot be read from this process may well import djmetrics."""
    for location in ("/no/such/deploy.py", "python:no.such.module"):
        assert unshared_workers({"GUNICORN_CMD_ARGS": f"-w 4 -c {location}"}, tmp_path) is None


FAILS = "raise SystemExit('was run')\n"


@pytest.mark.parametrize(
    "files,source",
    [
        ({"myconf.py": FAILS + CONFIGURED}, "myconf.py"),
        ({"myconf.py": FAILS + OURS + CONFIGURED}, None),
        ({"myconf/__init__.py": FAILS + OURS + CONFIGURED}, None),
        ({"myconf.py": "from base import *\n", "base.py": FAILS + CONFIGURED}, "myconf.py"),
        ({"myconf.py": "from base import *\n" + CONFIGURED, "base.py": FAILS + OURS}, None),
        ({"myconf.py": "import base\n" + CONFIGURED, "base.py": FAILS + OURS}, "myconf.py"),
        (
            {"myconf.py": "from base import *\nfrom gone import *\n", "base.py": "from myconf import *\n"},
            None,
        ),
    ],
    ids=str,
)
def test_the_configuration_may_be_a_module(files, source, tmp_path):
    """`python:NAME` is found on the path, and what it takes over with a star counts; nothing is run."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = unshared_workers({"GUNICORN_CMD_ARGS": "-c python:myconf"}, tmp_path)
    assert (found and found.source) == source


def test_the_configuration_may_be_in_a_package(tmp_path):
    """Neither the packages around a module are run, nor what it imports from beside it."""
    (tmp_path / "mysite").mkdir()
    (tmp_path / "mysite/__init__.py").write_text(FAILS)
    (tmp_path / "mysite/deploy.py").write_text("from .base import *\n" + CONFIGURED)
    (tmp_path / "mysite/base.py").write_text(OURS)
    environment = {"GUNICORN_CMD_ARGS": "--config=python:mysite.deploy"}

    assert unshared_workers(environment, tmp_path) is None
    (tmp_path / "mysite/base.py").write_text("")
    assert unshared_workers(environment, tmp_path).source == "deploy.py"


@pytest.mark.parametrize(
    "line,workers",
    [
        ("/venv/bin/gunicorn -w 4 mysite.wsgi", 4),
        ("gunicorn mysite.wsgi --bind :80 --workers=4", 4),
        ("/lib/gunicorn/__main__.py -w 4 mysite.wsgi", 4),
        ("gunicorn --env A=b -k gthread --workers 4 mysite.wsgi", 4),
        ("gunicorn mysite.wsgi", 2),  # as GUNICORN_CMD_ARGS says
        ("gunicorn -w 1 mysite.wsgi", None),
        ("gunicorn -w 4 -c ours.py mysite.wsgi", None),
        ("gunicorn -w 4 -e PROMETHEUS_MULTIPROC_DIR=/run/x mysite.wsgi", None),
        ("manage.py runserver -w 4", 2),
    ],
)
def test_the_command_line_counts_inside_gunicorn(line, workers, tmp_path, monkeypatch):
    """What gunicorn's own command line says comes before its variable; another program's says nothing."""
    monkeypatch.delitem(sys.modules, "djmetrics.gunicorn", raising=False)
    (tmp_path / "ours.py").write_text(OURS)
    found = unshared_workers({"GUNICORN_CMD_ARGS": "-w 2"}, tmp_path, line.split())
    assert (found and found.workers) == workers


def test_inside_gunicorn_our_line_shows_by_itself(tmp_path, monkeypatch):
    """Wherever the line stands: its module was loaded by the master."""
    monkeypatch.setitem(sys.modules, "djmetrics.gunicorn", object())
    assert unshared_workers({}, tmp_path, ["gunicorn", "-w", "4"]) is None


def test_the_table_describes_every_check():
    """The reference table is complete: ids are unique and in order, and each row can be shown without a mistake."""
    modules = (checks, trace_checks, view_check)
    declared = [
        each for module in modules for each in vars(module).values() if isinstance(each, checks.Check)
    ]

    assert sorted(checks.TABLE, key=lambda each: each.id) == sorted(declared, key=lambda each: each.id)
    assert [row.id for row in checks.TABLE] == sorted({row.id for row in checks.TABLE})
    for row in checks.TABLE:
        assert row.level == {"E": "Error", "W": "Warning"}[row.id[0]]
        assert row.summary.endswith(".")
        assert row.hint


def test_a_site_full_of_mistakes_starts(tmp_path):
    """`manage.py check` reports the mistakes of a site whose every setting is wrong, and the site itself starts."""
    (tmp_path / "wrong.py").write_text(
        "SECRET_KEY = 'x'\nROOT_URLCONF = 'urls'\nINSTALLED_APPS = ['djmetrics']\n"
        "MIDDLEWARE = ['djmetrics.middleware.DjmetricsMiddleware'] * 2\n"
        "DJMETRICS = {'ENABLE': 1, 'HOOKS': 3, 'MAX_SERIES': -1, 'EXTRA_HOOKS': ['no.where'], 'METRICS_TOKEN': 'a'}\n"
    )
    (tmp_path / "urls.py").write_text(
        "from django.urls import include, path\nurlpatterns = [path('', include('djmetrics.urls'))]\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "wrong", "PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def python(*arguments):
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    checked = python("-m", "django", "check")
    found = {f"djmetrics.{id}" for id in ("W006", "W007", "W008", "W009", "W010", "W004")}
    assert {id for id in found if id in checked.stderr} == found
    started = python("-c", "from django.core.wsgi import get_wsgi_application as make; print(make())")
    assert "WSGIHandler" in started.stdout, started.stderr
