"""How mistakes are planted, and where."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from djmetrics.grafana.options import panels

from ..boards import Json

OVERVIEW, VIEW, RELEASES = "djmetrics-overview", "djmetrics-view", "djmetrics-releases"
TABLE, LATENCY, PERCENTILES = (
    "Views, by the time that they take",
    "Latency, all requests",
    "Latency, percentiles",
)
STAT, ERRORS, TRAFFIC = "Requests", "Errors", "Traffic, by status"


@dataclass(frozen=True)
class Mutant:
    """A mistake: what it is, in which board, the change that makes it, and the names of the checks that find it."""

    what: str
    plant: Callable[[Json], Any]
    found_by: tuple[str, ...]
    board: str = OVERVIEW


def titled(board: Json, title: str) -> Json:
    """A panel."""
    [found] = [each for each in panels(board) if each["title"] == title]
    return found


def put(title: str, *path: str | int, to: Any) -> Callable[[Json], None]:
    """Set something in a panel."""

    def plant(board: Json) -> None:
        place: Any = titled(board, title)
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return plant


def drop(title: str, *path: str | int) -> Callable[[Json], None]:
    """Delete something from a panel."""

    def plant(board: Json) -> None:
        place: Any = titled(board, title)
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return plant


def renamed(title: str, *path: str | int, to: str) -> Callable[[Json], None]:
    """Misspell a key in a panel."""

    def plant(board: Json) -> None:
        place: Any = titled(board, title)
        for key in path[:-1]:
            place = place[key]
        place[to] = place.pop(path[-1])

    return plant


def typed(title: str, old: str, new: str) -> Callable[[Json], None]:
    """Mistype something in the queries of a panel, which must be there."""

    def plant(board: Json) -> None:
        targets = titled(board, title)["targets"]
        assert any(old in target["expr"] for target in targets), (title, old)
        for target in targets:
            target["expr"] = target["expr"].replace(old, new)

    return plant


def board_put(*path: str | int, to: Any) -> Callable[[Json], None]:
    """Set something in the board itself."""

    def plant(board: Json) -> None:
        place: Any = board
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return plant


def linked(old: str, new: str) -> Callable[[Json], None]:
    """Mistype something in the links of a panel."""

    def plant(board: Json) -> None:
        found = 0
        for panel in panels(board):
            for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", ()):
                found += old in link["url"]
                link["url"] = link["url"].replace(old, new)
        assert found, old

    return plant


def overridden(title: str, name: str, value: Any) -> Callable[[Json], None]:
    """Say something of some of a panel's fields."""

    def plant(board: Json) -> None:
        overrides = titled(board, title)["fieldConfig"]["overrides"]
        overrides[0]["properties"].append({"id": name, "value": value})

    return plant


def overridden_by(title: str, name: str) -> Callable[[Json], None]:
    """Say something of a field by that name."""

    def plant(board: Json) -> None:
        override = {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "decimals", "value": 1}],
        }
        titled(board, title)["fieldConfig"]["overrides"].append(override)

    return plant


def traced(old: str, new: str) -> Callable[[Json], None]:
    """Mistype something in a query for traces."""

    def plant(board: Json) -> None:
        [target] = titled(board, "Slow requests")["targets"]
        assert old in target["query"]
        target["query"] = target["query"].replace(old, new)

    return plant


SITE = '{job=~"$job", namespace=~"$namespace"}'
ACTIVE = f"http_server_active_requests{SITE}"
DEFAULTS = ("fieldConfig", "defaults")
DURATION = "http_server_request_duration_seconds"
STEPS = [{"color": "green", "value": None}, {"color": "red", "value": 5}, {"color": "orange", "value": 1}]

CONTRACT = "contract: queries_name_what_exists"
SCHEMA = "schema: board_holds_to_the_schema"
TYPES = ("round trip: no_key_is_dropped", SCHEMA)
