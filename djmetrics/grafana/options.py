"""What a site may choose about its boards, and how a shipped board is fitted to that."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from .promql import renamed, without

Json = dict[str, Any]

Store = Literal["tempo", "jaeger", "none"]

TRACES_VARIABLE = "tempo_datasource"
SENTRY_VARIABLE = "sentry_url"
PROMETHEUS_VARIABLE = "prometheus_datasource"
SENTRY_SOURCE_VARIABLE = "sentry_datasource"

OF_SENTRY = ("djmetrics-errors-sentry",)
"""The boards that ask Sentry, by a plugin that not every Grafana has."""


@dataclass(frozen=True, slots=True)
class Options:
    """The choices; the defaults suit a site with one Prometheus and nothing else.

    ``job`` and ``namespace`` are the labels' names, no namespace where it is empty; ``prometheus`` and ``traces_name``
    the names of Grafana's data sources, as is ``sentry``, without which the boards of Sentry are left out; ``service``
    is the site's name in Jaeger; ``without`` the uids of boards left out.
    """

    job: str = "job"
    namespace: str = "namespace"
    prometheus: str = "Prometheus"
    prometheus_url: str = "http://localhost:9090"
    scrape_interval: str = "15s"
    traces: Store = "none"
    traces_name: str = ""
    traces_url: str = ""
    service: str = ""
    sentry_url: str = ""
    sentry: str = ""
    without: tuple[str, ...] = ()
    folder: str = "djmetrics"
    tags: tuple[str, ...] = ()
    boards_path: str = "/etc/grafana/djmetrics/dashboards"


def fitted(board: Json, options: Options) -> Json:
    """A copy of a shipped board as the options want it."""
    board = deepcopy(board)
    _without_boards(board, options.without)
    if options.traces == "none":
        _without_traces(board)
    elif options.traces == "jaeger":
        _to_jaeger(board, options.service)
    if not options.sentry_url:
        _without_sentry(board)
    if not options.namespace:
        _without_variable(board, "namespace")
    _variables(board, options)
    board["tags"] = list(dict.fromkeys([*board["tags"], *options.tags]))
    for panel in panels(board):
        for step in panel.get("transformations", ()):
            _columns(step.get("options", {}), options)
    texts(board, lambda text, key: _query(text, key, options))
    return board


def _columns(chosen: Json, options: Options) -> None:
    """The columns of a table under the names that the labels have here."""
    names = {"job": options.job, "namespace": options.namespace or "namespace"}
    for key in ("excludeByName", "indexByName", "renameByName"):
        if key in chosen:
            chosen[key] = {names.get(name, name): value for name, value in chosen[key].items()}
    if "names" in chosen.get("include", {}):
        chosen["include"]["names"] = [names.get(name, name) for name in chosen["include"]["names"]]


def panels(board: Json) -> list[Json]:
    """All panels, those of collapsed rows too."""
    return [inner for panel in board["panels"] for inner in (panel, *panel.get("panels", ()))]


def texts(value: Any, change: Callable[[str, str], str], key: str = "") -> Any:
    """Change every text in place, given the text and the key it stands under."""
    if isinstance(value, dict):
        for name, each in value.items():
            value[name] = texts(each, change, name)
    elif isinstance(value, list):
        value[:] = [texts(each, change, key) for each in value]
    elif isinstance(value, str):
        return change(value, key)
    return value


def _query(text: str, key: str, options: Options) -> str:
    """Labels under the names that they have here; links without variables that are not there."""
    if key in {"expr", "query", "definition"} and ("{" in text or "(" in text):
        if not options.namespace:
            text = without(text, "namespace", "namespace")
        names = {"job": options.job, "namespace": options.namespace}
        return renamed(text, {name: label for name, label in names.items() if label})
    if key in {"titleFormat", "legendFormat"}:
        return text.replace("{{job}}", f"{{{{{options.job}}}}}")
    if key == "tagKeys":
        return ",".join(options.job if each == "job" else each for each in text.split(","))
    if key == "url" and not options.namespace:
        return text.replace("&${namespace:queryparam}", "")
    return text


def _variables(board: Json, options: Options) -> None:
    names = {
        PROMETHEUS_VARIABLE: options.prometheus,
        TRACES_VARIABLE: options.traces_name,
        SENTRY_SOURCE_VARIABLE: options.sentry,
    }
    for variable in board["templating"]["list"]:
        if name := names.get(variable["name"]):
            variable["current"] = {"selected": True, "text": name, "value": name}
        elif variable["name"] == SENTRY_VARIABLE:
            variable["query"] = options.sentry_url.rstrip("/")


def _without_variable(board: Json, name: str) -> None:
    variables = board["templating"]["list"]
    variables[:] = [each for each in variables if each["name"] != name]


def _without_traces(board: Json) -> None:
    """Neither panels of traces, nor the rows that held nothing else, nor dots that lead to no trace."""
    kept: list[Json] = []
    for panel in board["panels"]:
        if panel.get("datasource", {}).get("type") == "tempo":
            continue
        if panel["type"] == "row" and kept and _empty(kept[-1]):
            kept.pop()
        kept.append(panel)
    if kept and _empty(kept[-1]):
        kept.pop()
    board["panels"] = kept
    _without_variable(board, TRACES_VARIABLE)
    for panel in panels(board):
        for target in panel.get("targets", ()):
            if "exemplar" in target:
                target["exemplar"] = False


def _empty(panel: Json) -> bool:
    """Whether this is a row of which nothing is left, given that nothing follows it."""
    return panel["type"] == "row" and not panel["panels"]


def _to_jaeger(board: Json, service: str) -> None:
    for variable in board["templating"]["list"]:
        if variable["name"] == TRACES_VARIABLE:
            variable |= {"query": "jaeger", "label": "Jaeger data source"}
    for panel in panels(board):
        if panel.get("datasource", {}).get("type") != "tempo":
            continue
        panel["datasource"]["type"] = "jaeger"
        panel["targets"] = [_jaeger(target, service) for target in panel["targets"]]


def _jaeger(target: Json, service: str) -> Json:
    """Jaeger's search knows no regular expressions: it asks by the service, and by what went wrong or took long."""
    failed = "status=error" in target["query"].replace(" ", "")
    search: Json = {"tags": "error=true"} if failed else {"minDuration": "500ms"}
    datasource = {**target["datasource"], "type": "jaeger"}
    asked: Json = {"datasource": datasource, "limit": target["limit"], "queryType": "search"}
    return {**asked, "refId": target["refId"], "service": service, **search}


def _without_sentry(board: Json) -> None:
    _without_variable(board, SENTRY_VARIABLE)
    _drop_links(board, lambda url: f"${{{SENTRY_VARIABLE}}}" in url)


def _without_boards(board: Json, uids: tuple[str, ...]) -> None:
    """No links to boards that are left out."""
    _drop_links(board, lambda url: any(url.startswith(f"/d/{uid}?") for uid in uids))


def _drop_links(value: Any, dropped: Callable[[str], bool]) -> None:
    if isinstance(value, list):
        value[:] = [
            each for each in value if not (isinstance(each, dict) and dropped(str(each.get("url", ""))))
        ]
        for each in value:
            _drop_links(each, dropped)
    elif isinstance(value, dict):
        for each in value.values():
            _drop_links(each, dropped)
