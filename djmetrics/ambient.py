"""What other libraries see while a record's work runs: the current trace, for one.

A destination that has such a thing is a ``Context`` beside its exporter. It is made current wherever the record is:
on each thread and in each task that works for the request, and in each step of a streamed body.
"""

from typing import Any, Protocol

from . import guard
from .record import Record


class Context(Protocol):
    """One library's notion of what is going on."""

    def begin(self, record: Record) -> None:
        """A unit of work began: give it its identity. Called where its work is about to run."""

    def enter(self, record: Record) -> Any:
        """Make the record current; return what was current before."""

    def identity(self) -> tuple[int, int] | None:
        """Trace and span id of what is current here; None where nothing is."""

    def leave(self, before: Any) -> None:
        """Make current what ``enter`` returned. By value: the two may be called in different contexts."""

    def keep(self) -> Any:
        """What is current here, for work that goes on in steps, such as a streamed body's."""

    def restore(self, kept: Any) -> None:
        """Make current what ``keep`` returned, in the next step."""


contexts: tuple[Context, ...] = ()
"""Those in use. Where there are none, nobody calls the functions below."""

response_header = ""
"""The response header that carries the trace id; "" for none."""

Before = list[tuple[Context, Any]]
Kept = list[tuple[Context, Any]]


def begin(record: Record) -> None:
    """Tell all contexts that ``record`` is open."""
    for context in contexts:
        try:
            context.begin(record)
        except Exception:
            guard.failed(f"context {type(context).__name__}.begin")


def enter(record: Record) -> Before:
    """Make ``record`` current in all contexts; give what this returns to ``leave``."""
    before = []
    for context in contexts:
        try:
            before.append((context, context.enter(record)))
        except Exception:
            guard.failed(f"context {type(context).__name__}.enter")
    return before


def identity() -> tuple[int, int] | None:
    """Trace and span id of what is current here, by the first context that knows; None where nothing is."""
    for context in contexts:
        try:
            if (found := context.identity()) is not None:
                return found
        except Exception:
            guard.failed(f"context {type(context).__name__}.identity")
    return None


def leave(before: Before) -> None:
    """Make current what was current before."""
    for context, outer in reversed(before):
        try:
            context.leave(outer)
        except Exception:
            guard.failed(f"context {type(context).__name__}.leave")


def keep() -> Kept:
    """What is current in all contexts; give what this returns to ``restore``."""
    kept = []
    for context in contexts:
        try:
            kept.append((context, context.keep()))
        except Exception:
            guard.failed(f"context {type(context).__name__}.keep")
    return kept


def restore(kept: Kept) -> None:
    """Make current what was kept, inside of ``enter`` and ``leave``."""
    for context, inner in kept:
        try:
            context.restore(inner)
        except Exception:
            guard.failed(f"context {type(context).__name__}.restore")
