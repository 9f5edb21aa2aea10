"""Links: from a value to the board, the trace or the issue that tells more of it; the time range goes along.

A definition names a board and what is chosen there::

    links:
      - {board: djmetrics-view, title: This view, set: {view: label view}}
      - {sentry: transaction, title: Its issues in Sentry, value: field view}

      - {title: Its issue, value: field address}

``label x`` is the value of a series' label, ``field x`` that of a table's column, ``variable x`` what is chosen at the
top of the board.
"""

from typing import Any

Json = dict[str, Any]

CARRIED = ("prometheus_datasource", "namespace", "job")
"""The variables that every board has."""

SENTRY_VARIABLE = "sentry_url"


def data_link(data: Json) -> Json:
    """A link on the values of a panel; one that names neither a board nor Sentry's search is an address itself."""
    if "board" in data:
        return {
            "title": data["title"],
            "url": board_url(data["board"], data.get("set", {})),
            "targetBlank": False,
        }
    url = _sentry(data) if "sentry" in data else f"${{__data.fields.{data['value'].removeprefix('field ')}}}"
    return {"title": data["title"], "url": url, "targetBlank": True}


def board_url(uid: str, chosen: Json) -> str:
    """The address of a board, with our time range, our variables and what is chosen there."""
    carried = [f"${{{name}:queryparam}}" for name in CARRIED]
    values = [f"var-{name}={_value(value)}" for name, value in chosen.items()]
    return f"/d/{uid}?" + "&".join(["${__url_time_range}", *carried, *values])


def tag_link(tag: str, title: str) -> Json:
    """A drop-down list of all boards with a tag."""
    return {
        "type": "dashboards",
        "title": title,
        "tags": [tag],
        "asDropdown": True,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "tooltip": "",
        "url": "",
    }


def _sentry(data: Json) -> str:
    # In quotes: the name of a view may hold brackets and blanks.
    query = f"{data['sentry']}:%22{_value(data['value'])}%22"
    span = "start=${__from:date:iso}&end=${__to:date:iso}&utc=true"
    return f"${{{SENTRY_VARIABLE}}}/issues/?query={query}&{span}"


def _value(text: str) -> str:
    kind, name = text.split(" ", 1)
    place = {"label": f"__field.labels.{name}", "field": f"__data.fields.{name}", "variable": name}[kind]
    return f"${{{place}:percentencode}}"
