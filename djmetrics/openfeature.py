"""Feature flags that a site evaluates with OpenFeature's SDK (https://openfeature.dev)."""

from typing import Any

from openfeature.flag_evaluation import FlagEvaluationDetails
from openfeature.hook import Hook, HookContext, HookHints

from .flags import flag_evaluated


class FlagHook(Hook):
    """Tells djmetrics of each evaluation; add it once: ``openfeature.api.add_hooks([FlagHook()])``.

    A flag is kept by the name of its variant, or by its value where that is a bool or a number. A text or a structure
    may be anything, a secret too, and is never kept. Of a flag that could not be evaluated that is its default, with
    which the site went on.
    """

    def after(self, hook_context: HookContext, details: FlagEvaluationDetails[Any], hints: HookHints) -> None:
        """A flag was evaluated."""
        _tell(hook_context.flag_key, details.value, details.variant)

    def error(self, hook_context: HookContext, exception: Exception, hints: HookHints) -> None:
        """A flag could not be evaluated."""
        _tell(hook_context.flag_key, hook_context.default_value, None)


def _tell(name: str, value: object, variant: str | None) -> None:
    if isinstance(value, (bool, int, float)):
        flag_evaluated(name, value)
    elif variant:
        flag_evaluated(name, variant)
