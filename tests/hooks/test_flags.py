"""Flags of django-waffle and django-flags, as sites ask for them."""

import re
import subprocess
import sys
import textwrap
from enum import StrEnum

import pytest
import waffle
from django.core.cache import cache
from django.http import HttpResponse
from django.template import Context, Engine
from django.test import Client, override_settings
from django.urls import path
from flags.state import flag_disabled, flag_enabled, flag_state
from waffle import models
from waffle.decorators import waffle_flag, waffle_switch
from waffle.testutils import override_flag

from djmetrics import guard, runtime
from djmetrics.testing import record

from .site import get, request_record, the_one

TEMPLATE = "{% load waffle_tags %}{% flag basket %}new{% else %}old{% endflag %}"


def basket(request):
    """Three ways to ask."""
    text = Engine(libraries={"waffle_tags": "waffle.templatetags.waffle_tags"}).from_string(TEMPLATE)
    new = waffle.flag_is_active(request, "basket"), waffle.switch_is_active("basket")
    return HttpResponse(text.render(Context({"request": request})) + str(new))


urlpatterns = [
    path("basket/", basket),
    path("flagged/", waffle_flag("basket")(lambda request: HttpResponse("flagged"))),
    path("switched/", waffle_switch("!basket")(lambda request: HttpResponse("not switched"))),
]


@pytest.fixture(autouse=True)
def clean(db):
    """waffle keeps what it read in the cache."""
    cache.clear()
    yield
    cache.clear()


def flags_of(address):
    """The answer, and the flags of its record."""
    middleware = ["djmetrics.middleware.DjmetricsMiddleware"]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware), record() as seen:
        answer = Client().get(address)
    return answer.content.decode(), the_one(seen.records).flags


def test_waffle(clean):
    """Functions and template tags; a switch stands apart from a flag of its name."""
    models.Flag.objects.create(name="basket", everyone=True)
    models.Switch.objects.create(name="basket", active=False)

    assert flags_of("/basket/") == ("new(True, False)", {"basket": True, "switch.basket": False})


def test_waffle_decorators():
    """They ask as the functions do."""
    models.Flag.objects.create(name="basket", everyone=True)

    assert flags_of("/flagged/") == ("flagged", {"basket": True})
    assert flags_of("/switched/") == ("not switched", {"switch.basket": False})


def test_waffle_that_does_not_know():
    """A flag that nobody made is off, and so is one that is for others; waffle's own answer stays as it is."""
    models.Flag.objects.create(name="staff", staff=True)
    request = get("/")
    with request_record() as made:
        assert waffle.flag_is_active(request, "nowhere") is False
        staff = waffle.flag_is_active(request, "staff")
        sample = waffle.sample_is_active("nowhere")

    runtime.stop()
    assert (staff, sample) == (waffle.flag_is_active(request, "staff"), waffle.sample_is_active("nowhere"))
    runtime.start()
    assert made.flags == {"nowhere": False, "staff": False, "sample.nowhere": False}


def test_waffle_in_tests():
    """What waffle's own test helpers set is what is recorded."""
    with override_flag("basket", active=True):
        assert flags_of("/basket/")[1] == {"basket": True, "switch.basket": False}


def test_answers_that_are_no_bools(settings):
    """The site's setting may be anything; it comes out as it is, and is not recorded."""
    settings.WAFFLE_FLAG_DEFAULT = answer = ["anything"]
    with request_record() as made:
        assert waffle.flag_is_active(get("/"), "nowhere") is answer
    assert made.flags is None


def test_no_statement_of_ours(django_assert_num_queries):
    """A flag that was read without its name is not read again for it."""
    models.Switch.objects.create(name="basket", active=True)
    deferred = models.Switch.objects.defer("name").get()
    with request_record() as made, django_assert_num_queries(0):
        assert deferred.is_active() is True
    assert made.flags is None


class Names(StrEnum):
    BASKET = "basket"
    NOWHERE = "nowhere"


@override_settings(FLAGS={"basket": [("boolean", True)]})
def test_names_that_are_more_than_text():
    """A literal of a template is marked as safe, and a site may have enumerations; they are names as any other."""
    models.Flag.objects.create(name="quoted", everyone=True)
    source = (
        "{% load feature_flags waffle_tags %}"
        "{% flag_enabled 'basket' as on %}{{ on }}{% flag 'quoted' %}on{% endflag %}"
    )
    libraries = {
        "feature_flags": "flags.templatetags.feature_flags", "waffle_tags": "waffle.templatetags.waffle_tags",
    }  # fmt: skip
    with request_record() as made:
        request = get("/")
        page = Engine(libraries=libraries).from_string(source).render(Context({"request": request}))
        waffle.switch_is_active(Names.NOWHERE)
        flag_enabled(Names.NOWHERE)

    assert page == "Trueon"
    assert made.flags == {"basket": True, "quoted": True, "switch.nowhere": False, "nowhere": False}
    assert {type(name) for name in made.flags} == {str}
    with request_record() as made:
        flag_enabled(Names.BASKET)
    assert made.flags == {"basket": True}


@override_settings(FLAGS={"basket": [("boolean", True)], "path": [("path matches", "/new/")]})
def test_django_flags():
    """Its functions, by the state that conditions gave; one that nobody made is off."""
    with request_record() as made:
        assert flag_enabled("basket") is True
        assert flag_disabled("path", request=get("/old/")) is True
        assert flag_state("nowhere") is None

    assert made.flags == {"basket": True, "path": False, "nowhere": False}


@pytest.mark.usefixtures("lenient")
def test_settings_that_name_no_model(settings):
    """waffle says so where it is used; all else works."""
    runtime.stop()
    settings.WAFFLE_FLAG_MODEL = "nowhere.Flag"
    runtime.start()
    assert guard.counts == {"hooks.flags.patch": 1}
    with override_settings(FLAGS={"basket": [("boolean", True)]}), request_record() as made:
        assert flag_enabled("basket") is True
    assert made.flags == {"basket": True}


def test_sites_without_flags(settings):
    """Where neither is installed, nothing of them is touched."""
    runtime.stop()
    settings.INSTALLED_APPS = [each for each in settings.INSTALLED_APPS if not re.match("waffle|flags", each)]
    runtime.start()
    assert not [each for each in runtime.hooks() if each.name == "flags" and each.patches.owners()]


@pytest.mark.usefixtures("lenient")
def test_models_of_slots():
    """What borrows a model's method and holds no names is answered all the same; our failure is counted."""

    class Lent:
        __slots__ = ("active", "pk")
        is_active = models.AbstractBaseSwitch.is_active

    lent = Lent()
    lent.pk, lent.active = 1, True
    with request_record() as made:
        assert lent.is_active() is True
    assert made.flags is None
    assert guard.counts == {"hooks.flags.is_active": 1}


def test_apps_of_the_sites_own(tmp_path):
    """A site may call its own apps "flags" and "waffle": none of their modules is imported for us, nothing is said."""
    for app in "flags", "waffle":
        (tmp_path / app).mkdir()
        (tmp_path / app / "__init__.py").touch()
        (tmp_path / app / "state.py").write_text("raise SystemExit('imported')")
    code = """
        import django, sys
        from django.conf import settings
        settings.configure(INSTALLED_APPS=["djmetrics", "flags", "waffle"])
        django.setup()
        from djmetrics import guard, runtime
        [hook] = [each for each in runtime.hooks() if each.name == "flags"]
        print(dict(guard.counts), hook.patches.owners(), [each for each in sys.modules if each.startswith("flags")])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("{} [] ['flags']\n", "")
