"""Django templates: rendering apart from compiling, parents and includes by name, forms as one figure."""

import threading
from typing import Any

import django
import pytest
from django import forms, template
from django.forms.renderers import BaseRenderer
from django.template import Context, Engine, TemplateDoesNotExist, TemplateSyntaxError
from django.test import override_settings
from django.test.utils import setup_test_environment, teardown_test_environment

from djmetrics import recorder, templates
from djmetrics.record import Operation, Subject
from djmetrics.testing import FakeClock, capture, fake_clock, record

from .site import request_record

register = template.Library()
clock: FakeClock

TEMPLATES = {
    "top.html": "{{ wait }}top {% block a %}{% endblock %}",
    "middle.html": "{% extends 'top.html' %}{% block a %}{{ wait }}middle {% block b %}{% endblock %}{% endblock %}",
    "page.html": "{% extends 'middle.html' %}{% block b %}page{% include 'part.html' %}{% endblock %}",
    "part.html": "{{ wait }}part",
    "tag.html": "{{ wait }}{{ number }}",
    "tagged.html": "{% load tags %}{{ wait }}{% shown 5 %}",
    "loop.html": "{% for n in numbers %}{% include 'part.html' %}{% endfor %}",
    "isolated.html": "{% include 'part.html' with x=1 only %}",
    "fails.html": "{% include 'failing.html' %}",
    "failing.html": "{{ fail }}",
    "orphan.html": "{% extends 'missing.html' %}",
    "variable.html": "{% extends parent %}",
    "form.html": "{{ wait }}{{ form }}",
}


@register.inclusion_tag("tag.html", takes_context=True)
def shown(context: Any, number: int) -> dict[str, Any]:
    return {"number": number, "wait": context["wait"]}


ENGINE = Engine(
    loaders=[("django.template.loaders.locmem.Loader", TEMPLATES)],
    libraries={"tags": __name__},
    autoescape=False,
)


def wait() -> str:
    clock.advance(1)
    return ""


def render(name: str, **context: Any) -> tuple[str, list[Operation]]:
    """The text, and the operations that rendering was (compiling apart)."""
    global clock
    with fake_clock() as clock, record() as seen, request_record():
        text = ENGINE.get_template(name).render(Context({"wait": wait, **context}))
    return text, [each for each in seen.operations if each.subject.kind in ("template", "form")]


def figures(operations: list[Operation]) -> list[tuple[str, float, float]]:
    """Of each its name, what it took, and what of that was its own."""
    return [(each.subject.name, each.duration / 1e9, each.exclusive / 1e9) for each in operations]


def test_render():
    """A template by its name, its engine beside it."""
    text, operations = render("part.html")

    assert text == "part"
    assert figures(operations) == [("part.html", 1, 1)]
    assert dict(operations[0].subject.attributes) == {"template": "part.html", "engine": "django"}


def test_extends_two_levels_and_include():
    """Each parent has its own time; what is inside a block is the block's."""
    text, operations = render("page.html")

    assert text == "top middle pagepart"
    assert figures(operations) == [
        ("part.html", 1, 1),
        ("top.html", 3, 2),  # with the block that the middle one fills
        ("middle.html", 3, 0),
        ("page.html", 3, 0),
    ]


def test_include_in_a_loop():
    """Each include is one rendering."""
    text, operations = render("loop.html", numbers=[1, 2, 3])

    assert text == "part" * 3
    assert figures(operations) == [*[("part.html", 1, 1)] * 3, ("loop.html", 3, 0)]


def test_isolated_include():
    """An include with a context of its own is recorded as well."""
    assert [each.subject.name for each in render("isolated.html")[1]] == ["part.html", "isolated.html"]


def test_inclusion_tag():
    """The template of an inclusion tag is one of its own."""
    text, operations = render("tagged.html")

    assert text == "5"
    assert figures(operations) == [("tag.html", 1, 1), ("tagged.html", 2, 1)]


@pytest.mark.skipif(django.VERSION < (6, 0), reason="partials came with Django 6.0")
def test_partials():
    """A partial is a template of its own name."""
    partial = ENGINE.from_string("{% partialdef card %}{{ wait }}card{% endpartialdef %}{% partial card %}")
    global clock
    with fake_clock() as clock, capture("template") as operations:
        assert partial.render(Context({"wait": wait})) == "card"

    assert [(each.subject.name, each.duration) for each in operations] == [
        ("card", 1_000_000_000),
        ("(from a string)", 1_000_000_000),
    ]


def test_compiling_is_apart():
    """Compiling is recorded once, not each time, and not as rendering."""
    with capture() as operations:
        made = ENGINE.from_string("{{ x }}")
        made.render(Context())
        made.render(Context())

    assert [(each.subject.kind, each.subject.name) for each in operations] == [
        ("compile", "(from a string)"),
        ("template", "(from a string)"),
        ("template", "(from a string)"),
    ]


def test_syntax_error():
    """It passes, and the compiling is recorded with it."""
    with capture("compile") as operations, pytest.raises(TemplateSyntaxError):
        ENGINE.from_string("{% nothing %}")

    assert [each.error for each in operations] == [TemplateSyntaxError]


class Boom(BaseException):
    pass


def test_exception_in_an_include():
    """It passes through, and each template that it left has its class."""
    boom = Boom()

    def fail() -> None:
        raise boom

    with record() as seen, pytest.raises(Boom) as caught:
        ENGINE.get_template("fails.html").render(Context({"fail": fail}))

    assert caught.value is boom
    rendered = [each for each in seen.operations if each.subject.kind == "template"]
    assert [(each.subject.name, each.error) for each in rendered] == [
        ("failing.html", Boom),
        ("fails.html", Boom),
    ]


def test_missing_parent():
    """A parent that is not there has no name of its own."""
    with capture("template") as operations, pytest.raises(TemplateDoesNotExist):
        ENGINE.get_template("orphan.html").render(Context())

    assert [(each.subject.name, each.error) for each in operations] == [
        ("(parent)", TemplateDoesNotExist),
        ("orphan.html", TemplateDoesNotExist),
    ]


def test_parent_that_is_a_variable():
    """A template object, or a backend's, can be a parent."""
    parent = ENGINE.from_string("parent")
    with capture("template") as operations:
        assert ENGINE.get_template("variable.html").render(Context({"parent": parent})) == "parent"

    assert [each.subject.name for each in operations] == ["(from a string)", "variable.html"]


def test_under_django_s_test_runner():
    """The test runner's own patch of Template._render does not keep us from recording."""
    from django.test.signals import template_rendered

    sent: list[Any] = []

    def receive(template: Any, **kwargs: Any) -> None:
        sent.append(template.name)

    nested = not hasattr(__import__("django.test.utils").test.utils._TestState, "saved_data")
    if nested:
        setup_test_environment()
    template_rendered.connect(receive)
    try:
        assert [each.subject.name for each in render("loop.html", numbers=[1])[1]] == [
            "part.html",
            "loop.html",
        ]
        assert sent == ["loop.html", "part.html"]
    finally:
        template_rendered.disconnect(receive)
        if nested:
            teardown_test_environment()


class RunForm(forms.Form):
    """A form whose widgets render some twenty templates."""

    name = forms.CharField()
    kind = forms.ChoiceField(
        choices=[(number, str(number)) for number in range(10)], widget=forms.RadioSelect
    )


RENDERERS = ["django.forms.renderers.DjangoTemplates", "django.forms.renderers.Jinja2"]


@pytest.mark.parametrize("renderer", RENDERERS)
def test_form_is_one_figure(renderer):
    """In a request all widgets of all forms are one operation, whose time adds up."""
    with (
        override_settings(FORM_RENDERER=renderer),
        fake_clock(tick=1000),
        record() as seen,
        request_record() as only,
    ):
        text = str(RunForm())
        again = str(RunForm())
        name = str(RunForm()["name"])

    assert text == again
    assert text.count("<input") == 11
    assert name in text
    forms_ = [each for each in seen.operations if each.subject.kind == "form"]
    assert [each.subject.name for each in forms_] == ["(form widgets)"]
    assert forms_[0].resumed_ns > 3000
    assert not [each for each in seen.operations if each.subject.kind == "template"]
    assert only.phases["template"] == sum(
        each.exclusive for each in seen.operations if each.subject.kind in ("form", "compile")
    )
    assert sum(only.phases.values()) == only.duration


def test_form_in_a_template():
    """The form's time is not the template's."""

    class Slow(forms.TextInput):
        def get_context(self, *args: Any) -> Any:
            return super().get_context(*args)

    class Form(forms.Form):
        name = forms.CharField(widget=Slow(attrs={"title": wait}))

    text, operations = render("form.html", form=Form())
    assert "<input" in text
    by_name = {each.subject.name: each for each in operations}
    assert set(by_name) == {"form.html", "(form widgets)"}
    page, form = by_name["form.html"], by_name["(form widgets)"]
    assert page.exclusive == 1_000_000_000
    assert form.exclusive + page.exclusive == page.duration


def test_form_outside_requests():
    """Outside any request, where there is no end at which to count a sum, each outermost widget is one."""
    with capture("form", "template") as operations:
        str(RunForm())
        str(RunForm())

    assert [each.subject.name for each in operations] == ["(form widgets)"] * 2


def test_work_inside_a_form():
    """What a widget asks the database is the database's."""
    work = Subject("db", "SELECT")

    class Asking(forms.TextInput):
        def format_value(self, value: Any) -> str:
            operation = recorder.begin_leaf(work)
            recorder.end_leaf(operation)
            return ""

    class Form(forms.Form):
        name = forms.CharField(widget=Asking)

    with fake_clock(tick=10), record() as seen, request_record() as only:
        str(Form())

    assert [each.subject.kind for each in seen.operations].count("db") == 1
    assert only.phases["db"] == 10
    assert sum(only.phases.values()) == only.duration


def test_form_that_fails():
    """What a widget raises passes, in a request and outside."""

    class Failing(BaseRenderer):
        def get_template(self, name: str) -> Any:
            raise LookupError(name)

    for _ in range(2):
        with pytest.raises(LookupError):
            RunForm(renderer=Failing()).render()
    with request_record(), pytest.raises(LookupError):
        RunForm(renderer=Failing()).render()


def test_in_threads():
    """One template object is rendered by many threads at once."""
    made = ENGINE.get_template("part.html")
    with capture("template") as operations:
        threads = [threading.Thread(target=made.render, args=(Context(),)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert [each.subject.name for each in operations] == ["part.html"] * 5


def test_names_are_bounded(monkeypatch):
    """However many names a site makes up, few are kept."""
    monkeypatch.setattr(templates, "_CEILING", 10)
    for number in range(50):
        made = ENGINE.from_string("x")
        made.name = f"{number}.html"
        made.render(Context())

    assert len(templates._subjects) <= 10


def test_name_that_is_no_text():
    """Names are shown only when they are plain text."""
    made = ENGINE.from_string("x")
    made.name = 5
    with capture("template") as operations:
        made.render(Context())

    assert [each.subject.name for each in operations] == ["(from a string)"]
