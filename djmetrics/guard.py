"""Our own failures: counted, logged once per place, raised in tests; the host never sees them."""

import contextlib
import logging
from collections import Counter

logger = logging.getLogger("djmetrics")

counts: Counter[str] = Counter()
"""How often each place failed, since the process began."""

pending: Counter[str] = Counter()
"""The same, for an exporter to take away."""

strict = False
"""In tests: raise what would be swallowed in production."""


def failed(place: str) -> None:
    """Report the exception that is being handled as a failure of djmetrics at ``place``; call it in ``except``.

    Raises the exception again when ``strict`` is set.
    """
    counts[place] += 1
    pending[place] += 1
    if counts[place] == 1:
        # A handler of the site's may fail, or the exception when it is asked for its text.
        with contextlib.suppress(Exception):
            logger.exception(
                "djmetrics failed in %s; the site is not affected. This is logged once per process.", place
            )
    if strict:
        raise
