"""``!raw`` texts: PromQL, legends and links as Prometheus and Grafana read them, braces and all.

The builder expands braces in every string, once or not at all, depending on how a component is used. It leaves alone
what is no string. So a ``!raw`` text is an object until the board is done; its own placeholders are ``<<name>>``.
"""

import re
from typing import Any

from .library import Context, GDBLoader

_PLACEHOLDER = re.compile(r"<<([a-z][a-z0-9_-]*)>>")


class Raw:
    """A text that the builder does not touch."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, context: Context) -> str:
        """The text with its placeholders replaced; KeyError for one that the project does not define."""
        known = dict(context._context or {})

        def value(match: re.Match[str]) -> str:
            found = known[match[1]]
            return found.render(context) if isinstance(found, Raw) else str(found)

        return _PLACEHOLDER.sub(value, self.text).strip()


def unraw(value: Any, context: Context) -> Any:
    """A generated board with its raw texts rendered."""
    if isinstance(value, Raw):
        return value.render(context)
    if isinstance(value, dict):
        return {key: unraw(each, context) for key, each in value.items()}
    if isinstance(value, list):
        return [unraw(each, context) for each in value]
    return value


def _construct(loader: Any, node: Any) -> Raw:
    return Raw(loader.construct_scalar(node))


# On the builder's own loader: its `!include` reads with that, and would not know a subclass's tags.
GDBLoader.add_constructor("!raw", _construct)
