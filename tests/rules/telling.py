"""How histories and what alerts say of them are written down."""

from .cases import RUNBOOK, History, board

Found = tuple[dict[str, str], dict[str, str]]


def history(*found: tuple[str, str]) -> History:
    return History(dict(found))


def told(name: str, severity: str, summary: str, description: str, link: str, **labels: str) -> Found:
    """What an alert must look like; ``name`` is its runbook's."""
    return {"job": "shop", "severity": severity, **labels}, {
        "summary": f"shop: {summary}",
        "description": description,
        "dashboard_url": link,
        "runbook_url": RUNBOOK.format(name),
    }


def here(uid: str) -> str:
    return board(uid, instance="one%3A80")
