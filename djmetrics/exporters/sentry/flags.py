"""Feature flags on events, in the context that Sentry shows and searches.

See https://develop.sentry.dev/sdk/expected-features/#feature-flags.
"""

from typing import Any

from ...record import Record


def add_flags(contexts: dict[str, Any], record: Record) -> None:
    """Add the flags that a record asked for to those that the site's own integrations know; theirs come first.

    Sentry takes bools only; others are tags.
    """
    flags = {name: value for name, value in (record.flags or {}).items() if type(value) is bool}
    if not flags:
        return
    known = (contexts.get("flags") or {}).get("values") or []
    names = {each.get("flag") for each in known}
    ours = [{"flag": name, "result": value} for name, value in flags.items() if name not in names]
    contexts["flags"] = {"values": [*known, *ours]}
