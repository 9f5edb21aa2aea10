"""``flag_evaluated``: the feature flags that the site's requests asked for, and what they were given."""

import sys

from . import guard, recorder
from .annotations import MAX_KEY, keep, refused

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
    what = "flag_evaluated(...)"
    try:
        if not issubclass(type(name), str):
            raise TypeError(f"its name must be a str, and is of the class {type(name).__name__}")
        name = str.__str__(name)[:MAX_KEY]
        what = f"flag_evaluated({name!r}, ...)"
        if record.flags is None:
            record.flags = {}
        keep(record.flags, name, value, MAX_FLAGS, "flags")
    except (TypeError, ValueError) as reason:
        refused("flag_evaluated", what, reason, sys._getframe(1))
    except Exception:
        guard.failed("flag_evaluated")
