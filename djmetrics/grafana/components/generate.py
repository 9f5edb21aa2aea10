"""From definitions to the JSON of every board: the same bytes on each Python, whatever the order of its sets."""

from pathlib import Path
from typing import Any

from djmetrics.grafana.shipped import dumped

from . import plugins, targets, variables
from .boards import Parser
from .library import DashboardExporter, ProjectProcessor

COMPONENTS = plugins, targets, variables
"""Imported so that the builder finds their types."""


class Collected(DashboardExporter):
    """Keeps each board's text by the board's uid."""

    def __init__(self) -> None:
        self.boards: dict[str, str] = {}

    def process_dashboard(self, project_name: str, dashboard_name: str, dashboard_data: Any) -> None:
        uid = dashboard_data["uid"]
        if uid in self.boards:
            raise ValueError(f"two boards are called {uid}")
        self.boards[uid] = dumped(dashboard_data)


def generate(definitions: Path) -> dict[str, str]:
    """Every board that the projects in a folder of definitions name: its JSON, by its uid."""
    collected = Collected()
    projects = Parser().load_projects(sorted(definitions.glob("*.yaml")))
    ProjectProcessor([collected]).process_projects(projects)
    return collected.boards
