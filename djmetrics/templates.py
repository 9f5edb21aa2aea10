"""What a template's operation is about: the same subject for all renders, and for all compilations, of one name."""

from typing import Any

from .record import Subject

UNNAMED = "(from a string)"
"""The name of templates that have none."""

_CEILING = 2000

_subjects: dict[tuple[str, str, str], Subject] = {}


def template_subject(kind: str, name: Any, engine: str) -> Subject:
    """The subject of a "template" or a "compile" operation.

    Django's names are not always plain text: that of ``{% include "part.html" %}`` is marked as safe.
    """
    if type(name) is not str:
        name = str.__str__(name) if issubclass(type(name), str) else UNNAMED
    key = kind, name, engine
    subject = _subjects.get(key)
    if subject is None:
        if len(_subjects) >= _CEILING:
            _subjects.clear()
        subject = _subjects[key] = Subject(kind, name, {"template": name, "engine": engine})
    return subject
