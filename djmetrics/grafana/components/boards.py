"""Boards: sections of panels, and the board's own JSON in the classic model that Grafana reads since version 5."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from .layout import layout
from .library import (
    ComponentRegistry,
    Context,
    Dashboard,
    DefinitionParser,
    GDBLoader,
    Panels,
    Project,
    RowsItemBase,
)
from .links import tag_link
from .raw import unraw

Json = dict[str, Any]

SCHEMA_VERSION = 42
TAG = "djmetrics"


class Section(RowsItemBase):
    """A row with its panels; ``repeat`` names the variable for each of whose values there shall be one."""

    def gen_json_from_data(self, data: Json, context: Context) -> list[list[Json]]:
        row: Json = {
            "collapsed": data.get("collapsed", False),
            "panels": [],
            "title": data["title"],
            "type": "row",
        }
        if "repeat" in data:
            row["repeat"] = data["repeat"]
        return [[row, *self.registry.create_component(Panels, data).gen_json()]]


class GrafanaDashboard(Dashboard):
    """A board. Its name is its uid; its description is the question that it answers."""

    def gen_json(self, context: Context | None = None) -> Json:
        """The board's JSON; what was raw is text now."""
        context = context or Context()
        board: Json = unraw(super().gen_json(context), context)
        return board

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        # The builder's own handling of its three lists; the rest of what it says Grafana has forgotten.
        made = super().gen_json_from_data(data, context)
        return {
            "annotations": {"list": made.get("annotations", {}).get("list", [])},
            "description": data["description"],
            "editable": False,
            "fiscalYearStartMonth": 0,
            "graphTooltip": 1,
            "id": None,
            "links": [tag_link(TAG, "All boards")],
            "panels": layout(made["rows"]),
            "refresh": data.get("refresh", "1m"),
            "schemaVersion": SCHEMA_VERSION,
            "tags": [TAG, *data.get("tags", [])],
            "templating": {"list": made.get("templating", {}).get("list", [])},
            "time": {"from": data.get("from", "now-1h"), "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "title": data["title"],
            "uid": self.name,
            "version": 1,
            "weekStart": "",
        }


class GrafanaProject(Project):
    """A project of such boards: the builder looks up its own class by name and would not find them."""

    def get_dashboards(self) -> list[GrafanaDashboard]:
        names = self._get_dashboard_names()
        return [self.registry.get_component(GrafanaDashboard, name) for name in names]


class Parser(DefinitionParser):
    """Reads definitions and finds our projects in them."""

    def load_projects(self, paths: Iterable[Path]) -> list[GrafanaProject]:
        registry = ComponentRegistry()
        for path in paths:
            with path.open(encoding="utf-8") as file:
                # The definitions are our own code; never read a stranger's with this loader.
                documents = list(yaml.load_all(file, Loader=GDBLoader))
            for component in self._iter_over_all(documents):
                _known(component, registry, path)
                registry.add(component)
        return list(registry[GrafanaProject])


def _known(component: Json, registry: ComponentRegistry, path: Path) -> None:
    """ValueError for what the builder would pass over in silence: no name, or a type that does not exist."""
    types = [key for key in component if key != "name"]
    if "name" not in component or len(types) != 1 or types[0] not in registry._types:
        raise ValueError(f"{path.name}: not a named component of a known type: {sorted(component)}")
