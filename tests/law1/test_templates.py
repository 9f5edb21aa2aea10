"""Templates: what they render, what they see, and how they fail."""

import jinja2
import pytest
from django import forms
from django.forms.renderers import BaseRenderer, DjangoTemplates
from django.template import Context, Engine, Template, TemplateDoesNotExist
from django.template.context import RenderContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.law1.worlds import note, same, told


class Seen:
    """Shows what a template does with it."""

    def __str__(self):
        note("shown")
        return "seen"

    def state(self):
        note(
            "depth",
            len(_contexts[-1].dicts),
            _contexts[-1].template.name,
            len(_contexts[-1].render_context.dicts),
        )
        return ""


_contexts: list[Context] = []


def rendered(sources, name="t0", **options):
    """Render a set of templates; write down the output, or the failure with Django's own debug information."""
    engine = Engine(loaders=[("django.template.loaders.locmem.Loader", sources)], debug=True, **options)
    context = Context({"seen": Seen(), "zero": 0, "broken": lambda: 1 / 0})
    _contexts.append(context)
    try:
        note(engine.get_template(name).render(context))
    except Exception as error:
        debug = getattr(error, "template_debug", {})
        note(told(error), {key: debug[key] for key in ("name", "message", "line", "during") if key in debug})
    finally:
        note(
            "context after",
            len(context.dicts),
            context.template,
            type(context.render_context) is RenderContext,
        )
        _contexts.pop()


pieces = st.sampled_from(
    [
        "text",
        "{{ seen }}",
        "{{ missing }}",
        "{{ seen.state }}",
        "{% include 't1' %}",
        "{% include 't2' only %}",
        "{% block a %}base{% endblock %}",
        "{% block b %}{{ block.super }}{% endblock %}",
        "{% if zero %}a{% else %}b{% endif %}",
        "{{ broken }}",
        "{% include 'none' %}",
        "{% unknown %}",
        "{% for n in 'ab' %}{% cycle 'x' 'y' %}{% endfor %}",
    ]
)
trees = st.fixed_dictionaries(
    {
        "t0": st.tuples(
            st.sampled_from(["", "{% extends 't1' %}", "{% extends 't2' %}"]), st.lists(pieces, max_size=4)
        ),
        "t1": st.tuples(
            st.sampled_from(["", "{% extends 't2' %}"]),
            st.lists(pieces.filter(lambda p: "t1" not in p), max_size=3),
        ),
        "t2": st.tuples(st.just(""), st.lists(pieces.filter(lambda p: "'t" not in p), max_size=3)),
    }
)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(tree=trees, invalid=st.sampled_from(["", "INVALID %s"]))
def test_any_tree_of_templates(tree, invalid):
    """Includes, parents, blocks and mistakes render, or fail, to the letter."""
    sources = {name: head + "".join(body) for name, (head, body) in tree.items()}
    same(lambda world: rendered(sources, string_if_invalid=invalid))


class OwnRenderer(BaseRenderer):
    """A form renderer of the site's."""

    form_template_name = "own"

    def get_template(self, template_name):
        note("get_template", template_name)
        return DjangoTemplates().get_template(template_name)

    def render(self, template_name, context, request=None):
        note("render", template_name, sorted(context))
        return f"[{super().render(template_name, context, request)}]"


class RunForm(forms.Form):
    miles = forms.DecimalField(help_text="help")
    place = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)


@pytest.mark.parametrize("renderer", [DjangoTemplates, OwnRenderer, None])
def test_forms(renderer):
    """Forms render the same by Django's renderers and the site's."""

    def scenario(world):
        form = RunForm({"miles": "x"}, renderer=renderer and renderer())
        for show in str, lambda form: form.as_table(), lambda form: form["place"].as_widget():
            try:
                note(show(form))
            except TemplateDoesNotExist as error:
                note(told(error))

    same(scenario)


def test_jinja2():
    """Jinja2 environments and templates of the site's own classes work and fail as before."""

    class Own(jinja2.Template):
        def render(self, *args, **kwargs):
            note("own render", args, kwargs)
            return super().render(*args, **kwargs)

    class Environment(jinja2.Environment):
        template_class = Own

        def compile(self, source, *args, **kwargs):
            note("own compile", source, args, kwargs)
            return super().compile(source, *args, **kwargs)

    def scenario(world):
        environment = Environment(
            loader=jinja2.DictLoader(
                {"a": "{% include 'b' %}{{ x }}", "b": "b", "broken": "{% if %}", "fails": "{{ 1 / 0 }}"}
            )
        )
        for name in "a", "b", "broken", "fails", "absent":
            try:
                note(environment.get_template(name).render({"x": 1}, y=2))
            except Exception as error:
                note(told(error), getattr(error, "lineno", None))
        note(
            environment.from_string("{{ x }}").render(x=3),
            list(environment.from_string("{{ x }}b").generate(x=4)),
        )
        note(jinja2.Template("{{ x }}").render(x=5))
        note(type(environment.compile("raw", raw=True)).__name__, environment.compile_expression("1 + 1")())

    same(scenario)


def test_own_template_class():
    """A subclass of Template with properties of its own is asked for nothing new before it is ready."""

    class Own(Template):
        @property
        def name(self):
            return self.__dict__["kept"]

        @name.setter
        def name(self, value):
            note("named", value)
            self.kept = value

        def render(self, context):
            note("own render")
            return super().render(context)

    same(lambda world: note(Own("{{ x }}", name="n").render(Context({"x": 1}))))
