"""``annotate``: what the site knows of its requests."""

import logging
import sys
from types import FrameType
from typing import Any

from . import guard, recorder

MAX_KEY = 100
"""Characters of a key."""
MAX_VALUE = 200
"""Characters of a value."""
MAX_ANNOTATIONS = 32
"""How many keys one record may have."""

_NUMBERS = range(-(1 << 63), 1 << 63)
_MOST_TOLD = 100
_told: set[str] = set()
"""What the log knows was left out."""

logger = logging.getLogger("djmetrics")


def annotate(**values: str | float | None) -> None:
    """Say of the current request, task or command what it belongs to: a tenant's tier, a feature flag, an experiment.

    The values are on its trace and on its Sentry events. Those whose keys are in ``DJMETRICS["ANNOTATIONS"]`` become
    labels, too, so they must be few. Texts are cut at 200 characters, keys past the 32nd are left out; what is
    neither text, number, bool nor None is left out, and counted as a failure: a lazy object would be worked out here.
    So is a whole number of more than 64 bits, which no trace can hold.
    Outside any unit of work nothing happens.
    """
    record = recorder.current_record()
    if record is None:
        return
    for key, value in values.items():
        key = str.__str__(key)[:MAX_KEY]
        try:
            if record.annotations is None:
                record.annotations = {}
            keep(record.annotations, key, value, MAX_ANNOTATIONS, "annotations")
        except (TypeError, ValueError) as reason:
            refused("annotate", f"annotate({key}=...)", reason, sys._getframe(1))
        except Exception:
            guard.failed("annotate")


def refused(place: str, what: str, reason: Exception, caller: FrameType) -> None:
    """Count under ``place`` what is left out, and say the first time where it was said."""
    guard.counts[place] += 1
    guard.pending[place] += 1
    if what not in _told and len(_told) < _MOST_TOLD:
        _told.add(what)
        logger.warning(
            "%s at %s:%d is left out: %s. This is said once per key and process; all are counted in "
            'djmetrics_errors_total{place="%s"}.',
            *(what, caller.f_code.co_filename, caller.f_lineno, reason, place),
        )


def keep(values: dict[str, Any], key: str, value: Any, most: int, what: str) -> None:
    """Put a value among ``values``, of which a record has ``most``.

    Raises ``TypeError`` for a value of a class that is not kept, ``ValueError`` for one that has no room.
    """
    if key not in values and len(values) >= most:
        raise ValueError(f"a request keeps {most} {what}, and has them")
    values[key] = _plain(value)


def _plain(value: Any) -> str | int | float | bool | None:
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if issubclass(kind, str):
        return str.__str__(value)[:MAX_VALUE]
    if issubclass(kind, int):
        number = value if kind is int else int(value)
        if number not in _NUMBERS:
            raise ValueError("its value is a number of more than 64 bits")
        return number
    raise TypeError(f"its value may be a str, int, float, bool or None, and is of the class {kind.__name__}")
