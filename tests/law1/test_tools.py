"""What developers look at: test client, live server, debug page, mails to admins; and djmetrics stopped half-way."""

import logging
import os
import re
import sys
import warnings
from pathlib import Path
from unittest import mock

import django
import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client, override_settings
from django.utils import translation

from djmetrics import runtime
from tests.law1 import site
from tests.law1.site import Block
from tests.law1.worlds import OURS, World, note, same, told


def failing(request, **kwargs):
    """A view that fails with locals worth showing."""
    secret_of_the_view = "local"  # noqa: F841
    raise ValueError("from the view")


def test_debug_page_shows_the_same_frames(settings):
    """The technical 500 page lists the site's and Django's frames, and none of ours."""
    settings.DEBUG = True

    def scenario(world):
        site.show(failing)
        with override_settings(
            MIDDLEWARE=world.middleware(*site.stack([Block("m", "class", "pass", "404")]))
        ):
            page = Client(raise_request_exception=False).get("/v/1/", headers={"accept": "text/html"}).text
            text = Client(raise_request_exception=False).get("/v/1/", headers={"accept": "text/plain"}).text
        note(re.findall(r"<code class=\"fname\">(.*?)</code>", page), "secret_of_the_view" in page)
        note(re.findall(r'File "(.*?)", line \d+, in (\w+)', text))

    same(scenario)


def test_mail_to_admins(settings):
    """Admins get the same subject, and the same frames in the body."""
    settings.ADMINS = ["admin@example.com"] if django.VERSION >= (6, 0) else [("admin", "admin@example.com")]
    from django.utils.log import AdminEmailHandler

    handler = AdminEmailHandler(include_html=True)
    handler.setLevel(logging.ERROR)

    def scenario(world):
        site.show(failing)
        mail.outbox = []
        logger = logging.getLogger("django.request")
        logger.addHandler(handler)
        try:
            world.wsgi({"PATH_INFO": "/v/1/"})
        finally:
            logger.removeHandler(handler)
        note([each.subject for each in mail.outbox])
        note(re.findall(r'File "(.*?)", line \d+, in (\w+)', mail.outbox[0].body))

    same(scenario)


@pytest.mark.django_db
def test_client_features(settings):
    """Context, templates, session, resolver match, raised exceptions and redirects of the test client."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"  # makes no random key

    def view(request, n, **kwargs):
        if n == 2:
            raise ValueError("raised in the client")
        request.session["n"] = n
        return TemplateResponse(request, engines["django"].from_string("{{ n }}"), {"n": n})

    def scenario(world):
        site.show(view)
        middleware = world.middleware("django.contrib.sessions.middleware.SessionMiddleware")
        with override_settings(MIDDLEWARE=middleware):
            client = Client()
            response = client.get("/v/1/")
            note(
                response.context["n"],
                len(response.templates),
                client.session["n"],
                response.resolver_match.func is view,
            )
            note(
                response.status_code, sorted(response.cookies), response.request["PATH_INFO"], response.closed
            )
            try:
                client.get("/v/2/")
            except ValueError as error:
                note(told(error))
            quiet = Client(raise_request_exception=False).get("/v/2/")
            note(quiet.status_code, quiet.exc_info[0])

    same(scenario)


def test_translation_and_urlconf_are_left_alone():
    """A language that a view activates, or a URLconf on the request, works and stays as before."""

    def view(request, **kwargs):
        translation.activate("de")
        return HttpResponse(translation.get_language())

    def scenario(world):
        site.show(view)
        translation.activate("en")
        world.wsgi({"PATH_INFO": "/v/1/"}, "django.middleware.locale.LocaleMiddleware")
        note(translation.get_language())
        translation.activate("en")

    same(scenario)


@pytest.mark.parametrize("deed", ["stop", "restart", "start"])
@pytest.mark.django_db
def test_stopped_or_started_in_a_view(deed):
    """djmetrics going away, coming back or starting in the middle of a request changes nothing in that request."""

    def view(request, **kwargs):
        if request.META.get("measured"):
            if deed != "start":
                runtime.stop()
            if deed != "stop":
                runtime.start()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 UNION SELECT 2")
            note(list(cursor))
        cache.set("a", 0)
        note(cache.get("a", 5), engines["django"].from_string("{{ x }}").render({"x": 1}))
        return StreamingHttpResponse(iter([b"a", b"b"]))

    def scenario(world):
        site.show(view)
        if world.measured and deed == "start":
            runtime.stop()
        paths = site.stack([Block("m", "both", "pass", "404")])
        world.wsgi({"PATH_INFO": "/v/1/", "measured": world.measured}, *paths)
        world.wsgi({"PATH_INFO": "/v/1/"}, *paths)

    same(scenario, empty=True)


def test_middleware_listed_twice():
    """Listing our middleware twice changes nothing for the site."""

    def scenario(world):
        site.show(site.VIEWS["stream"])
        paths = site.stack([Block("m", "both", "pass", "404"), Block("n", "class", "pass", "404")])
        if world.measured:
            paths = [OURS, *paths, OURS]
        bare = World(measured=False)  # the list is complete already
        bare.wsgi({"PATH_INFO": "/v/1/"}, *paths)
        bare.asgi("/v/1/", *paths)

    # What the innermost one sees inside it differs with the list itself.
    with mock.patch.object(site, "_neighbour"):
        same(scenario)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fork_in_a_view():
    """A view may fork; the child goes its own way."""

    def view(request, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                cache.set("in the child", 1)
                os._exit(7 if cache.get("in the child") else 8)
            finally:
                os._exit(9)
        _, status = os.waitpid(child, 0)
        return HttpResponse(f"child: {os.waitstatus_to_exitcode(status)}")

    def scenario(world):
        site.show(view)
        world.wsgi({"PATH_INFO": "/v/1/"})

    same(scenario)


def test_deep_view():
    """A view may recurse nearly as deep as before: each layer of ours costs one frame, a request at most eight."""
    depths = []

    def view(request, **kwargs):
        frame, depth = sys._getframe(), 0
        while frame:
            frame, depth = frame.f_back, depth + 1
        depths.append(depth)
        return HttpResponse("ok")

    def scenario(world):
        site.show(view)
        world.wsgi(
            {"PATH_INFO": "/v/1/"}, *site.stack([Block(f"m{n}", "class", "pass", "404") for n in range(3)])
        )

    same(scenario)
    plain, measured = depths
    assert 0 < measured - plain <= 2 + 3 + 3


def test_settings_that_others_change_later(tmp_path):
    """Starting reads no setting for good: what another app sets in its own ``ready()`` counts."""
    import subprocess

    script = tmp_path / "late.py"
    script.write_text(
        "import sys\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=sys.argv[1:])\n"
        "import django; django.setup()\n"
        "settings.CACHES = {'default': {'BACKEND': 'django.core.cache.backends.dummy.DummyCache'}}\n"
        "settings.DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'late'}}\n"
        "settings.TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'NAME': 'late'}]\n"
        "from django.core.cache import caches\n"
        "from django.db import connections\n"
        "from django.template import engines\n"
        "print(type(caches['default']).__name__, connections['default'].settings_dict['NAME'], list(engines))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    outputs = [
        subprocess.run(
            [sys.executable, script, *apps], env=env, capture_output=True, text=True, check=True
        ).stdout
        for apps in ([], ["djmetrics"])
    ]
    assert outputs[0] == outputs[1] == "DummyCache late ['late']\n"
