"""The Jinja2 environment: Django's own helpers and the filters that the Django templates have."""

from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.templatetags.static import static
from django.urls import reverse
from jinja2 import Environment
from runs import units


def environment(**options: Any) -> Environment:
    """An environment with ``static``, ``url`` and the filters ``distance``, ``clock`` and ``intcomma``."""
    made = Environment(**options)
    made.globals.update(static=static, url=reverse)
    made.filters.update(distance=units.show, clock=units.clock, intcomma=intcomma)
    return made
