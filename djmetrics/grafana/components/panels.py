"""Panels as Grafana draws them today. One base does the work; each type only says what it starts from."""

from copy import deepcopy
from string import ascii_uppercase
from typing import Any, ClassVar

from .library import Context, PanelsItemBase, Targets
from .links import data_link

Json = dict[str, Any]

_COPIED = (
    "interval",
    "maxDataPoints",
    "repeat",
    "repeatDirection",
    "timeFrom",
    "transformations",
    "transparent",
)
_DEFAULTS = ("color", "decimals", "displayName", "mappings", "max", "min", "noValue", "unit")


class ModernPanel(PanelsItemBase):
    """A panel: title, description, size, unit, thresholds, queries, options, overrides and links.

    ``size`` is width and height; a threshold is a colour, and from the second on ``[from, colour]``; an override is
    ``{field: NAME, set: {property: value}}`` or ``{fields: REGULAR EXPRESSION, set: ...}``. ``options`` and ``custom``
    go into the type's own.
    """

    plugin: ClassVar[str] = ""
    size: ClassVar[tuple[int, int]] = (8, 8)
    options: ClassVar[Json] = {}
    custom: ClassVar[Json] = {}
    defaults: ClassVar[Json] = {}

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        """The panel's JSON; where it stands is the layout's to say."""
        # Not the builder's own: it would add keys that Grafana no longer knows.
        targets = self.registry.create_component(Targets, data).gen_json() if "targets" in data else []
        targets = [
            {**target, "refId": letter} for target, letter in zip(targets, ascii_uppercase, strict=False)
        ]
        width, height = data.get("size", self.size)
        panel: Json = {
            "description": data.get("description", ""),
            "fieldConfig": {"defaults": self._defaults(data), "overrides": _overrides(data)},
            "gridPos": {"h": height, "w": width},
            "options": merged(self.options, data.get("options", {})),
            "title": data["title"],
            "type": self.plugin,
        }
        if targets:
            panel |= {"datasource": targets[0]["datasource"], "targets": targets}
        return panel | {key: data[key] for key in _COPIED if key in data}

    def _defaults(self, data: Json) -> Json:
        found = merged(self.defaults, {key: data[key] for key in _DEFAULTS if key in data})
        found["thresholds"] = thresholds(data.get("thresholds", ["green"]))
        if custom := merged(self.custom, data.get("custom", {})):
            found["custom"] = custom
        if "links" in data:
            found["links"] = [data_link(each) for each in data["links"]]
        return found


def thresholds(steps: list[Any]) -> Json:
    """The colours from below up."""
    first, *rest = steps
    bounds = [{"color": first, "value": None}, *({"color": color, "value": at} for at, color in rest)]
    return {"mode": "absolute", "steps": bounds}


def _overrides(data: Json) -> list[Json]:
    return [_override(each) for each in data.get("overrides", [])]


def _override(data: Json) -> Json:
    by_name = "field" in data
    matcher = {
        "id": "byName" if by_name else "byRegexp",
        "options": data["field"] if by_name else data["fields"],
    }
    return {"matcher": matcher, "properties": [_property(*each) for each in data["set"].items()]}


def _property(name: str, value: Any) -> Json:
    if name == "links":
        value = [data_link(each) for each in value]
    elif name == "thresholds":
        value = thresholds(value)
    elif name == "color" and isinstance(value, str):
        value = {"mode": "fixed", "fixedColor": value}
    return {"id": name, "value": value}


def merged(base: Json, over: Json) -> Json:
    """``base`` with what ``over`` says otherwise, dict by dict; neither is changed."""
    found = deepcopy(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if both else value
    return found
