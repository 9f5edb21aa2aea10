"""Where panels stand: sections below one another, panels side by side on 24 columns."""

from collections.abc import Iterable
from typing import Any

COLUMNS = 24

Json = dict[str, Any]


def layout(sections: Iterable[list[Json]]) -> list[Json]:
    """The board's panels, numbered and placed: of each section the row, then its panels, from left to right.

    A panel that does not fit into what is left of 24 columns begins a new line. A collapsed row holds its panels.
    """
    placed: list[Json] = []
    number = bottom = 0
    for row, *panels in sections:
        number += 1
        row |= {"id": number, "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": bottom}}
        placed.append(row)
        left, top = 0, bottom + 1
        bottom = top
        for panel in panels:
            place, number = panel["gridPos"], number + 1
            if left + place["w"] > COLUMNS:
                left, top = 0, bottom
            panel |= {"id": number, "gridPos": {**place, "x": left, "y": top}}
            left += place["w"]
            bottom = max(bottom, top + place["h"])
        (row["panels"] if row["collapsed"] else placed).extend(panels)
    return placed
