"""Jinja2: rendering apart from compiling."""

import sys
from typing import Any

import jinja2
import pytest
from django import forms
from django.template import engines
from django.test import override_settings

from djmetrics import templates
from djmetrics.hooks.jinja2 import Jinja2Hook
from djmetrics.testing import capture, fake_clock, record

from .site import request_record

TEMPLATES = {
    "top.html": "top {% block a %}{% endblock %}",
    "page.html": "{% extends 'top.html' %}{% block a %}page {% include 'part.html' %}{% endblock %}",
    "part.html": "{{ wait() }}part",
    "fails.html": "{{ fail() }}",
}


@pytest.fixture
def environment() -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.DictLoader(TEMPLATES))


def test_render(environment):
    """A template by its name, its engine beside it; its parents and includes are part of it."""
    with fake_clock() as clock, record() as seen:
        text = environment.get_template("page.html").render(wait=lambda: clock.advance(1) or "")

    assert text == "top page part"
    rendered = [each for each in seen.operations if each.subject.kind == "template"]
    assert [dict(each.subject.attributes) for each in rendered] == [
        {"template": "page.html", "engine": "jinja2"}
    ]
    assert rendered[0].duration == 1_000_000_000


def test_compile(environment):
    """Each template is compiled once."""
    with capture("compile") as operations:
        environment.get_template("page.html").render(wait=str)
        environment.get_template("page.html").render(wait=str)
        environment.from_string("text")

    names = [(each.subject.name, each.subject.attributes["engine"]) for each in operations]
    assert sorted(names) == sorted(
        [(name, "jinja2") for name in ("page.html", "top.html", "part.html", "(from a string)")]
    )


def test_errors(environment):
    """They pass, and are recorded."""

    def fail() -> None:
        raise LookupError

    with capture() as operations:
        with pytest.raises(LookupError):
            environment.get_template("fails.html").render(fail=fail)
        with pytest.raises(jinja2.TemplateSyntaxError):
            environment.from_string("{% nothing %}")

    assert [each.error for each in operations if each.error] == [LookupError, jinja2.TemplateSyntaxError]


def test_through_django():
    """A page that Django renders with its Jinja2 backend is one."""
    with capture("template") as operations:
        assert engines["jinja2"].from_string("{{ x }}").render({"x": 5}) == "5"

    assert [each.subject.attributes["engine"] for each in operations] == ["jinja2"]


def test_form_rendered_with_jinja2():
    """Inside a form's figure Jinja2's templates are part of it."""

    class Form(forms.Form):
        name = forms.CharField()

    with override_settings(FORM_RENDERER="django.forms.renderers.Jinja2"), record() as seen, request_record():
        assert "<input" in str(Form())

    assert [each.subject.kind for each in seen.operations if each.subject.kind != "compile"] == ["form"]


@pytest.mark.usefixtures("stopped")
def test_site_without_jinja2(settings):
    """Nothing is imported that the site does not use."""
    settings.TEMPLATES = [settings.TEMPLATES[0]]
    hook = Jinja2Hook()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in sys.modules if name.partition(".")[0] == "jinja2"]:
            patch.delitem(sys.modules, name)
        hook.install()
        assert "jinja2" not in sys.modules

    assert hook.patches.owners() == []
    hook.uninstall()


@pytest.mark.usefixtures("stopped")
def test_jinja2_is_not_installed():
    """A site that names the backend but lacks the package is told so by Django, not by us."""
    hook = Jinja2Hook()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "jinja2", None)
        hook.install()

    assert hook.patches.owners() == []
    hook.uninstall()


def test_names_are_bounded(monkeypatch, environment: Any):
    """However many names a site makes up, few are kept."""
    monkeypatch.setattr(templates, "_CEILING", 10)
    for number in range(30):
        environment.compile("x", name=f"{number}.html")

    assert len(templates._subjects) <= 10
