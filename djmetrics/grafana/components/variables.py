"""Variables and annotations: what is chosen at the top of a board, and the marks in its graphs."""

from typing import Any

from .library import AnnotationsItemBase, Context, TemplatesItemBase
from .targets import PROMETHEUS, SENTRY

Json = dict[str, Any]

_HIDDEN = 2
_ON_TIME_RANGE = 2
_BY_NAME = 1
_ALL = {"selected": True, "text": ["All"], "value": ["$__all"]}


class DatasourceVariable(TemplatesItemBase):
    """Which of Grafana's data sources of one type is asked."""

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        return {
            "hide": 0,
            "includeAll": False,
            "label": data["label"],
            "multi": False,
            "name": data["name"],
            "options": [],
            "query": data["type"],
            "refresh": 1,
            "regex": "",
            "type": "datasource",
        }


class PromVariable(TemplatesItemBase):
    """The values of a label, those that ``regex`` matches.

    ``all`` is the regular expression for all of them; without it one must be chosen.
    """

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        every = data.get("all")
        found = {
            "datasource": PROMETHEUS,
            "definition": data["query"],
            "hide": 0,
            "includeAll": bool(every),
            "label": data["label"],
            "multi": data.get("multi", True),
            "name": data["name"],
            "options": [],
            "query": {"query": data["query"], "refId": "PrometheusVariableQueryEditor-VariableQuery"},
            "refresh": _ON_TIME_RANGE,
            "regex": data.get("regex", ""),
            "sort": data.get("sort", _BY_NAME),
            "type": "query",
        }
        return {**found, "allValue": every, "current": _ALL} if every else found


class SentryVariable(TemplatesItemBase):
    """What Sentry has of a ``kind``: projects, or environments (of the projects that are chosen)."""

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        chosen = {"projectIds": ["${sentry_project}"]} if data["kind"] == "environments" else {}
        return {
            "current": _ALL,
            "datasource": SENTRY,
            "definition": data["kind"],
            "hide": 0,
            "includeAll": True,
            "label": data["label"],
            "multi": True,
            "name": data["name"],
            "options": [],
            "query": {"type": data["kind"], **chosen},
            "refresh": 1,
            "regex": "",
            "sort": _BY_NAME,
            "type": "query",
        }


class ConstantVariable(TemplatesItemBase):
    """A value that is the same for all who look, and not shown."""

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        return {"hide": _HIDDEN, "name": data["name"], "query": data.get("value", ""), "type": "constant"}


class PromAnnotation(AnnotationsItemBase):
    """A mark wherever a query has a value above zero."""

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        return {
            "datasource": PROMETHEUS,
            "enable": True,
            "hide": False,
            "iconColor": data.get("color", "blue"),
            "name": data["name"],
            "tagKeys": data.get("tags", ""),
            "target": {"expr": data["expr"], "interval": data.get("interval", ""), "refId": "Anno"},
            "textFormat": data.get("text", ""),
            "titleFormat": data["title"],
            "useValueForTime": False,
        }
