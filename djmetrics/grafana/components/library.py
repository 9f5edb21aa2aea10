"""What we use of grafana-dashboard-builder, imported here and nowhere else."""

import logging
import warnings

with warnings.catch_warnings():
    # On Python 3.11 it imports `imp`, for plug-ins that we do not use.
    warnings.filterwarnings("ignore", "the imp module", DeprecationWarning)
    from grafana_dashboards.components.annotations import AnnotationsItemBase
    from grafana_dashboards.components.base import ComponentRegistry
    from grafana_dashboards.components.dashboards import Dashboard
    from grafana_dashboards.components.panels import Panels, PanelsItemBase
    from grafana_dashboards.components.projects import Project
    from grafana_dashboards.components.rows import RowsItemBase
    from grafana_dashboards.components.targets import Targets, TargetsItemBase
    from grafana_dashboards.components.templates import TemplatesItemBase
    from grafana_dashboards.context import Context
    from grafana_dashboards.exporter import DashboardExporter, ProjectProcessor
    from grafana_dashboards.gdbyaml import GDBLoader
    from grafana_dashboards.parser import DefinitionParser

# One line for each class in the process, at the level of information.
logging.getLogger("grafana_dashboards").setLevel(logging.WARNING)

__all__ = [
    "AnnotationsItemBase",
    "ComponentRegistry",
    "Context",
    "Dashboard",
    "DashboardExporter",
    "DefinitionParser",
    "GDBLoader",
    "Panels",
    "PanelsItemBase",
    "Project",
    "ProjectProcessor",
    "RowsItemBase",
    "Targets",
    "TargetsItemBase",
    "TemplatesItemBase",
]
