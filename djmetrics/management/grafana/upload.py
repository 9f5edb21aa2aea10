"""Boards beside those of a Grafana: shown, and written if that is wanted."""

from collections.abc import Callable

from djmetrics import __version__
from djmetrics.grafana.files import chosen_boards
from djmetrics.grafana.options import Options

from .api import Grafana
from .errors import GrafanaError
from .plan import Change, plan


def show(grafana: Grafana, options: Options, say: Callable[[str], None], lines: bool) -> list[Change]:
    """Say of each board whether it is new, changed or the same, with a diff's ``lines`` if asked; the changes."""
    folder, changes = plan(grafana, list(chosen_boards(options).values()), options.folder)
    if options.folder and folder is None:
        say(f"{'new':8}  folder {options.folder}")
    for change in changes:
        say(change.line())
        if lines:
            for line in change.diff():
                say(line)
    return changes


def write(grafana: Grafana, options: Options, changes: list[Change], say: Callable[[str], None]) -> None:
    """Create the folder if it is not there, and write each board that is not as it should be.

    Raises GrafanaError at the first that is refused, and says how far it came.
    """
    due = [change for change in changes if change.state != "same"]
    if not due:
        return
    folder = _folder(grafana, options.folder, say)
    message = f"djmetrics {__version__}"
    for done, change in enumerate(due):
        try:
            if change.there is None:
                grafana.create(change.wanted, folder, message)
            else:
                grafana.update(change.there, change.wanted, folder, message)
        except GrafanaError as error:
            raise GrafanaError(f"{error} {done} of {len(due)} boards were written.") from None
        say(f"written   {change.wanted['uid']}")


def _folder(grafana: Grafana, title: str, say: Callable[[str], None]) -> str | None:
    if not title:
        return None
    found = grafana.folder(title)
    if found is None:
        found = grafana.create_folder(title)
        say(f"written   folder {title}")
    return found
