"""Scrubbing hooks of a site."""

from typing import Any


def without_context(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    event.get("contexts", {}).pop("djmetrics", None)
    return event


def nothing(event: dict[str, Any], hint: dict[str, Any]) -> None:
    return None


def failing(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    raise RuntimeError("the hook broke")
