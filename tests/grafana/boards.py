"""The shipped boards as tests read them: their panels, their queries, and these as Prometheus would get them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from djmetrics.grafana.files import chosen_boards
from djmetrics.grafana.options import Options, panels
from djmetrics.grafana.shipped import boards

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
BOARDS = boards()
BY_DEFAULT = tuple(chosen_boards(Options()))
"""The boards that nothing has to be said for."""

# What Grafana itself knows.
BUILT_IN = {"__rate_interval": "5m", "__interval": "1m", "__range": "1h"}
VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True)
class Query:
    """A PromQL query, and where it stands."""

    where: str
    board: Json
    text: str
    target: Json

    def asked(self, **values: str) -> str:
        """The query as Prometheus gets it: variables that are not given match everything."""
        return substituted(self.text, values)


def substituted(text: str, values: dict[str, str]) -> str:
    """A text with Grafana's variables replaced; ``${1}`` is PromQL's own."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return match[0] if name.isdigit() else {**BUILT_IN, **values}.get(name, ".*")

    return VARIABLE.sub(value, text)


def queries(board: Json) -> Iterator[Query]:
    """Every PromQL query of a board: of its panels, its annotations and its variables."""
    for panel in panels(board):
        for target in panel.get("targets", ()):
            if target["datasource"]["type"] == "prometheus":
                where = f"{board['uid']}: {panel['title']}: {target['refId']}"
                yield Query(where, board, target["expr"], target)
    for annotation in board["annotations"]["list"]:
        yield Query(f"{board['uid']}: {annotation['name']}", board, annotation["target"]["expr"], annotation)


def label_queries(board: Json) -> Iterator[tuple[str, str]]:
    """The selector and the label of every variable that lists a label's values."""
    for variable in board["templating"]["list"]:
        if variable["type"] == "query" and variable["datasource"]["type"] == "prometheus":
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
            assert match, variable["definition"]
            yield match[1], match[2]
