"""All that ``djmetrics_dashboards`` writes, and what in a folder differs from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .options import OF_SENTRY, Options, fitted
from .provisioning import data_sources, provider
from .shipped import boards, dumped

BOARDS = "dashboards"


def chosen_boards(options: Options) -> dict[str, dict[str, Any]]:
    """The boards that are not left out, fitted to the site, by their uids."""
    left_out = {*options.without, *(() if options.sentry else OF_SENTRY)}
    return {uid: fitted(board, options) for uid, board in boards().items() if uid not in left_out}


def wanted(options: Options) -> dict[str, str]:
    """The files by their paths below the folder."""
    found = {f"{BOARDS}/{uid}.json": dumped(board) for uid, board in chosen_boards(options).items()}
    found["provisioning/datasources/djmetrics.yaml"] = data_sources(options)
    found["provisioning/dashboards/djmetrics.yaml"] = provider(options)
    return found


def changes(folder: Path, options: Options, beside: Mapping[str, str]) -> dict[str, str | None]:
    """The files that are not as they should be: their text; None for a board of ours that should not be there.

    ``beside`` are further files that shall be there.
    """
    files = {**wanted(options), **beside}
    found: dict[str, str | None] = {
        name: text for name, text in files.items() if _read(folder / name) != text
    }
    left = (f"{BOARDS}/{uid}.json" for uid in boards())
    found.update((name, None) for name in left if name not in files and (folder / name).exists())
    return found


def write(folder: Path, changed: dict[str, str | None]) -> None:
    """Make the folder so."""
    for name, text in changed.items():
        path = folder / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
