"""What keeps events from going to Sentry, for the system checks."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import NamedTuple

from .destinations import Sentry

MISSING, NO_DSN, BAD_DSN = "missing", "no dsn", "bad dsn"


class Finding(NamedTuple):
    """One thing that is wrong; ``reason`` never holds a secret."""

    kind: str
    reason: str = ""


def findings(chosen: Sentry) -> Iterator[Finding]:
    """What is wrong with a site's wish to report to Sentry."""
    if find_spec("sentry_sdk") is None:
        yield Finding(MISSING)
        return
    from .exporters.sentry.clients import mistake_in, not_needed, written

    if not_needed():
        return
    dsn = written(chosen.dsn)
    if not dsn:
        yield Finding(NO_DSN)
    elif reason := mistake_in(dsn):
        yield Finding(BAD_DSN, reason)
