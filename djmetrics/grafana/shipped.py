"""The boards that ship with the package."""

import json
from importlib.resources import files
from typing import Any

Json = dict[str, Any]


def boards() -> dict[str, Json]:
    """Every shipped board by its uid, in the order of their uids."""
    folder = files(__package__) / "boards"
    found = (
        json.loads(file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".json")
    )
    return {board["uid"]: board for board in sorted(found, key=lambda board: str(board["uid"]))}


def dumped(board: Json) -> str:
    """A board as it stands in its file: always the same bytes."""
    return json.dumps(board, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
