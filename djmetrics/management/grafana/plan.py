"""What an upload would change: each board that is wanted beside the one that is there."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Literal

from djmetrics.grafana.options import panels

from .api import FOLDER, MANAGER, Grafana, annotations, spec
from .errors import GrafanaError

Json = dict[str, Any]

State = Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True)
class Change:
    """One board: as it is ``wanted``, as it is ``there``, and what differs, in words."""

    wanted: Json
    there: Json | None
    differs: tuple[str, ...]

    @property
    def state(self) -> State:
        """Whether it is missing, other than wanted, or as wanted."""
        if self.there is None:
            return "new"
        return "changed" if self.differs else "same"

    def line(self) -> str:
        """In one line: the state, the board, and what differs."""
        told = "; ".join(self.differs) if self.state == "changed" else self.wanted["title"]
        return f"{self.state:8}  {self.wanted['uid']:24}  {told}"

    def diff(self) -> Iterator[str]:
        """The lines of a unified diff from the board there to the one that is wanted."""
        before = _known(self.there["spec"], spec(self.wanted)) if self.there else None
        names = (f"there/{self.wanted['uid']}", f"wanted/{self.wanted['uid']}")
        yield from unified_diff(_lines(before), _lines(spec(self.wanted)), *names, lineterm="")


def plan(grafana: Grafana, boards: list[Json], title: str) -> tuple[str | None, list[Change]]:
    """The folder's name there, None if it is not there or none is wanted, and each board's change.

    Reads only. Raises GrafanaError, also if a board is there that somebody else keeps: files, Terraform, a repository.
    """
    folder = grafana.folder(title) if title else None
    changes = [_change(board, grafana.board(board["uid"]), folder, title) for board in boards]
    for change in changes:
        keeper = annotations(change.there).get(MANAGER) if change.there else None
        if keeper:
            raise GrafanaError(
                f"{change.wanted['uid']} is managed by {keeper} in that Grafana, which would undo an upload; "
                "change it there, or leave it out with --without."
            )
    return folder, changes


def _change(board: Json, there: Json | None, folder: str | None, title: str) -> Change:
    if there is None:
        return Change(board, None, ())
    wanted = spec(board)
    differs = list(_differences(_known(there["spec"], wanted), wanted))
    now = annotations(there).get(FOLDER) or None
    if now != folder or (title and folder is None):
        differs.append(f"folder: {title or 'none'}")
    return Change(board, there, tuple(differs))


def _differences(before: Json, after: Json) -> Iterator[str]:
    if before.get("panels") != after["panels"]:
        yield from _panels(before, after)
    names = sorted({*before, *after} - {"panels"})
    if others := [name for name in names if before.get(name) != after.get(name)]:
        yield ", ".join(others)


def _panels(before: Json, after: Json) -> Iterator[str]:
    """Which panels are changed, added and removed, by their titles."""
    old, new = _by_title(before), _by_title(after)
    kinds = {
        "panels changed": [title for title in new if title in old and old[title] != new[title]],
        "panels added": [title for title in new if title not in old],
        "panels removed": [title for title in old if title not in new],
    }
    found = [f"{kind}: {', '.join(titles)}" for kind, titles in kinds.items() if titles]
    yield from found or ["panels in another order"]


def _by_title(board: Json) -> dict[str, Json]:
    """Panels by their titles; a row's own are not part of it."""
    there = {"panels": [each for each in board.get("panels") or () if isinstance(each, dict)]}
    return {
        str(each.get("title", "")): {key: value for key, value in each.items() if key != "panels"}
        for each in panels(there)
    }


def _known(there: Any, wanted: Any) -> Any:
    """What is there, without the keys that the wanted board does not have: Grafana adds defaults of its own.

    A key without a value and no key are the same to Grafana.
    """
    if isinstance(there, dict) and isinstance(wanted, dict):
        return {
            key: _known(there.get(key), value)
            for key, value in wanted.items()
            if key in there or value is None
        }
    if isinstance(there, list) and isinstance(wanted, list):
        return [_known(each, _beside(each, number, wanted)) for number, each in enumerate(there)]
    return there


def _beside(each: Any, number: int, wanted: list[Any]) -> Any:
    """What of a wanted list one item is compared with: the panel of the same title, else what has the same place."""
    if isinstance(each, dict) and "title" in each:
        for other in wanted:
            if isinstance(other, dict) and other.get("title") == each["title"]:
                return other
    return wanted[number] if number < len(wanted) else None


def _lines(board: Json | None) -> list[str]:
    return json.dumps(board, ensure_ascii=False, indent=2, sort_keys=True).splitlines() if board else []
