"""``flag_evaluated``: the feature flags that the site's requests asked for, and what they were given."""

import sys

from . import guard, recorder
from .annotations import MAX_KEY, plain, refused
from .record import Record

MAX_FLAGS = 100
"""How many flags one record may have."""


def flag_evaluated(name: str, value: str | float | None) -> None:
    """Say that the current request, task or command asked for the feature flag ``name`` and was given ``value``.

    For flags that no hook of ours sees: those of django-waffle and django-flags are seen by themselves, those of
    OpenFeature by ``djmetrics.openfeature.FlagHook``. The latest value of each flag is on the trace and on Sentry
    events; where ``DJMETRICS["ANNOTATIONS"]`` names ``"flag.<name>"``, it becomes a label, too. Names are cut at 100
    characters, texts at 200, flags past the 100th are left out; what is neither text, number, bool nor None is left
    out, and counted as a failure. Outside any unit of work nothing happens.
    """
    record = recorder.current_record()
    if record is None:
        return
    try:
        _keep(record, str.__str__(name)[:MAX_KEY], value)
    except (TypeError, ValueError) as reason:
        refused("flag_evaluated", f"flag_evaluated({_shown(name)}, ...)", reason, sys._getframe(1))
    except Exception:
        guard.failed("flag_evaluated")


def _shown(name: object) -> str:
    """A name for the log; what is no text is not asked for one."""
    return str.__repr__(name[:MAX_KEY]) if type(name) is str else f"of the class {type(name).__name__}"


def _keep(record: Record, name: str, value: object) -> None:
    if record.flags is None:
        record.flags = {}
    if name not in record.flags and len(record.flags) >= MAX_FLAGS:
        raise ValueError(f"a request keeps {MAX_FLAGS} flags, and has them")
    record.flags[name] = plain(value)
