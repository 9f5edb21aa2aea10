"""The types of panels, each with the look that our boards share."""

from typing import ClassVar

from .library import Context
from .panels import Json, ModernPanel

_TOOLTIP = {"mode": "multi", "sort": "desc"}
_REDUCED = {"calcs": ["lastNotNull"], "fields": "", "values": False}

# Of a column of figures, in pixels: a heading's letter, what stands beside it, and room for "1234.5 req/s".
_A_LETTER, _MARGINS, _NARROWEST = 8, 24, 110


class Timeseries(ModernPanel):
    """Lines over time. ``custom: {stacking: {mode: normal}}`` stacks them."""

    plugin = "timeseries"
    size = (12, 8)
    options: ClassVar[Json] = {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": _TOOLTIP,
    }
    custom: ClassVar[Json] = {
        "axisSoftMin": 0,
        "drawStyle": "line",
        "fillOpacity": 10,
        "gradientMode": "none",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "none"},
        "thresholdsStyle": {"mode": "off"},
    }
    defaults: ClassVar[Json] = {"color": {"mode": "palette-classic"}}


class StatPanel(ModernPanel):
    """One figure, large."""

    plugin = "stat"
    size = (4, 4)
    options: ClassVar[Json] = {
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": _REDUCED,
        "showPercentChange": False,
        "textMode": "auto",
        "wideLayout": True,
    }
    defaults: ClassVar[Json] = {"color": {"mode": "thresholds"}}


class GaugePanel(ModernPanel):
    """One figure between a least and a most."""

    plugin = "gauge"
    size = (4, 4)
    options: ClassVar[Json] = {
        "orientation": "auto",
        "reduceOptions": _REDUCED,
        "showThresholdLabels": False,
        "showThresholdMarkers": True,
    }
    defaults: ClassVar[Json] = {"color": {"mode": "thresholds"}}


class BarGaugePanel(ModernPanel):
    """A bar for each series, the longest first if the query sorts them."""

    plugin = "bargauge"
    size = (8, 8)
    options: ClassVar[Json] = {
        "displayMode": "gradient",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "maxVizHeight": 36,
        "minVizHeight": 12,
        "minVizWidth": 8,
        "namePlacement": "left",
        "orientation": "horizontal",
        "reduceOptions": _REDUCED,
        "showUnfilled": True,
        "sizing": "manual",
        "valueMode": "color",
    }
    defaults: ClassVar[Json] = {"color": {"mode": "continuous-BlPu"}, "min": 0}


class BarChart(ModernPanel):
    """Bars over the first text column of a table."""

    plugin = "barchart"
    size = (12, 8)
    options: ClassVar[Json] = {
        "barRadius": 0,
        "barWidth": 0.9,
        "fullHighlight": False,
        "groupWidth": 0.7,
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "orientation": "horizontal",
        "showValue": "auto",
        "stacking": "none",
        "tooltip": _TOOLTIP,
        "xTickLabelRotation": 0,
        "xTickLabelSpacing": 0,
    }
    custom: ClassVar[Json] = {"axisSoftMin": 0, "fillOpacity": 80, "gradientMode": "none", "lineWidth": 0}
    defaults: ClassVar[Json] = {"color": {"mode": "palette-classic"}}


class TablePanel(ModernPanel):
    """A table of instant queries.

    ``columns`` is a dict of field to heading, in the order in which they are shown; fields that are not in it are
    hidden. Rows of several queries are joined where their labels are equal. ``sort`` names a heading, and ``narrow``
    those of labels that are short.
    """

    plugin = "table"
    size = (12, 8)
    options: ClassVar[Json] = {"cellHeight": "sm", "frameIndex": 0, "showHeader": True, "sortBy": []}
    custom: ClassVar[Json] = {
        "align": "auto",
        "cellOptions": {"type": "auto"},
        "filterable": False,
        "inspect": False,
    }
    # A gauge in a cell is drawn between the least and the most of its own column. A share of nothing is no number.
    defaults: ClassVar[Json] = {
        "color": {"mode": "thresholds"},
        "fieldMinMax": True,
        "mappings": [{"options": {"match": "nan", "result": {"index": 0, "text": "–"}}, "type": "special"}],
    }

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        panel: Json = super().gen_json_from_data(data, context)
        if "columns" in data:
            panel["transformations"] = _columns(data["columns"])
            fixed = panel["fieldConfig"]
            fixed["overrides"] = [*_texts_and_widths(data), *fixed["overrides"]]
        if "sort" in data:
            panel["options"]["sortBy"] = [{"desc": True, "displayName": data["sort"]}]
        return panel


def _columns(columns: Json) -> list[Json]:
    kept = {"include": {"names": list(columns)}}
    order = {name: place for place, name in enumerate(columns)}
    shown = {"excludeByName": {}, "indexByName": order, "renameByName": dict(columns)}
    return [
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": kept},
        {"id": "organize", "options": shown},
    ]


def _texts_and_widths(data: Json) -> list[Json]:
    """Labels are texts, and share with the columns of gauges the width that figures leave.

    Grafana takes a text that looks like a number for one: a release 2026.10 would be shown as "2026", or as "2 K".
    """
    said = {each.get("field"): each["set"] for each in data.get("overrides", [])}
    found = []
    for name, heading in data["columns"].items():
        is_figure = name.startswith("Value")
        is_gauge = said.get(heading, {}).get("custom.cellOptions", {}).get("type") == "gauge"
        properties: list[Json] = [] if is_figure else [{"id": "unit", "value": "string"}]
        if (is_figure and not is_gauge) or heading in data.get("narrow", ()):
            width = max(_NARROWEST, _A_LETTER * len(heading) + _MARGINS)
            properties.append({"id": "custom.width", "value": width})
        if properties:
            found.append({"matcher": {"id": "byName", "options": heading}, "properties": properties})
    return found


class Heatmap(ModernPanel):
    """The buckets of a histogram over time."""

    plugin = "heatmap"
    size = (12, 8)
    options: ClassVar[Json] = {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "exponent": 0.5,
            "fill": "dark-orange",
            "mode": "scheme",
            "reverse": False,
            "scale": "exponential",
            "scheme": "Oranges",
            "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "reverse": False},
    }
    custom: ClassVar[Json] = {"scaleDistribution": {"type": "linear"}}

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        """The unit is the buckets': Grafana reads it from the axis."""
        panel: Json = super().gen_json_from_data(data, context)
        panel["options"]["yAxis"]["unit"] = data["unit"]
        return panel


class StateTimeline(ModernPanel):
    """States over time, one band for each series."""

    plugin = "state-timeline"
    size = (12, 6)
    options: ClassVar[Json] = {
        "alignValue": "left",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "never",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom: ClassVar[Json] = {"fillOpacity": 70, "lineWidth": 0}
    defaults: ClassVar[Json] = {"color": {"mode": "thresholds"}}


class TextPanel(ModernPanel):
    """A text, in Markdown: ``content``."""

    plugin = "text"
    size = (24, 3)
    options: ClassVar[Json] = {"mode": "markdown"}

    def gen_json_from_data(self, data: Json, context: Context) -> Json:
        panel: Json = super().gen_json_from_data(data, context)
        panel["options"]["content"] = data["content"]
        return panel
