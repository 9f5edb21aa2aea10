"""What a panel asks for: ``prom``, a PromQL query, ``traces``, a search for traces, and ``sentry``, one in Sentry."""

from typing import Any

from .library import Context, TargetsItemBase

Json = dict[str, Any]

PROMETHEUS = {"type": "prometheus", "uid": "${prometheus_datasource}"}
TRACES = {"type": "tempo", "uid": "${tempo_datasource}"}
SENTRY = {"type": "grafana-sentry-datasource", "uid": "${sentry_datasource}"}


class Prom(TargetsItemBase):
    """A PromQL query: over the time range, or ``instant``, for its end only.

    ``legend`` names the series; ``format`` is table or heatmap where the panel needs it; ``exemplar`` shows traces.
    """

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        instant = bool(data.get("instant"))
        return {
            "datasource": PROMETHEUS,
            "editorMode": "code",
            "exemplar": bool(data.get("exemplar")),
            "expr": data["expr"],
            "format": data.get("format", "time_series"),
            "instant": instant,
            "legendFormat": data.get("legend", "__auto"),
            "range": not instant,
        }


class Traces(TargetsItemBase):
    """A TraceQL query."""

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        return {
            "datasource": TRACES,
            "limit": data.get("limit", 20),
            "query": data["query"],
            "queryType": "traceql",
            "tableType": "traces",
        }


class Sentry(TargetsItemBase):
    """A search by Grafana's data source for Sentry, version 2: ``ask`` is issues, events or eventsStats.

    ``query`` is in Sentry's own language; ``fields`` are the columns of events, ``groups`` what their number over time
    is told by; ``sort`` is by the most, or for issues as the plugin calls it.
    """

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        kind = data["ask"]
        found = {
            "datasource": SENTRY,
            "environments": ["${sentry_environment}"],
            "projectIds": ["${sentry_project}"],
            "queryType": kind,
            f"{kind}Limit": data["limit"],
            f"{kind}Query": data["query"],
        }
        return found | self._of_kind(kind, data)

    def _of_kind(self, kind: str, data: Json) -> Json:
        if kind == "issues":
            return {"issuesSort": data["sort"]}
        if kind == "events":
            return {"eventsFields": data["fields"], "eventsSort": "count()", "eventsSortDirection": "desc"}
        return {
            "eventsStatsGroups": data["groups"],
            "eventsStatsSort": "-count()",
            "eventsStatsYAxis": ["count()"],
        }
