"""The alert rules that go with what djmetrics reports, as Sentry's API takes them."""

from collections.abc import Iterable
from typing import Any

from djmetrics import semconv

Rule = dict[str, Any]

_FIRST_SEEN = "sentry.rules.conditions.first_seen_event.FirstSeenEventCondition"
_REGRESSION = "sentry.rules.conditions.regression_event.RegressionEventCondition"
_EVERY_EVENT = "sentry.rules.conditions.every_event.EveryEventCondition"
_TAG = "sentry.rules.filters.tagged_event.TaggedEventFilter"
_MAIL = {
    "id": "sentry.mail.actions.NotifyEmailAction",
    "targetType": "IssueOwners",
    "fallthroughType": "ActiveMembers",
}

# What is called so in Sentry, when it fires, and of which alerts of ours; None: of errors.
_RULES: tuple[tuple[str, str, str | None], ...] = (
    ("new issues", _FIRST_SEEN, None),
    ("regressions", _REGRESSION, None),
    ("slow views", _EVERY_EVENT, semconv.ALERT_SLOW),
    ("N+1 queries", _EVERY_EVENT, semconv.ALERT_N_PLUS_ONE),
    ("too many queries", _EVERY_EVENT, semconv.ALERT_QUERIES),
)


def rules(environments: Iterable[str], minutes: int) -> list[Rule]:
    """The rules for each environment; each notifies of one issue once in so many ``minutes`` at most."""
    return [
        {
            "name": f"djmetrics: {name} ({environment})",
            "environment": environment,
            "frequency": minutes,
            "actionMatch": "any",
            "conditions": [{"id": condition}],
            "filterMatch": "all",
            "filters": [_filter(kind)],
            "actions": [dict(_MAIL)],
        }
        for environment in environments
        for name, condition, kind in _RULES
    ]


def _filter(kind: str | None) -> Rule:
    """Alerts of one kind, or what is none of them."""
    if kind is None:
        return {"id": _TAG, "key": semconv.ALERT, "match": "ns", "value": ""}
    return {"id": _TAG, "key": semconv.ALERT, "match": "eq", "value": kind}
