"""What a panel asks for: ``prom``, a PromQL query, and ``traces``, a search in the store of traces."""

from typing import Any

from .library import Context, TargetsItemBase

Json = dict[str, Any]

PROMETHEUS = {"type": "prometheus", "uid": "${prometheus_datasource}"}
TRACES = {"type": "tempo", "uid": "${tempo_datasource}"}


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
