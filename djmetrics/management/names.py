"""Names that others must take: Prometheus's labels, and Kubernetes's names and labels."""

import re

from django.core.management.base import CommandError

from djmetrics import catalogue
from djmetrics.exporters.prometheus import label_name

# https://prometheus.io/docs/concepts/data_model/ and
# https://kubernetes.io/docs/concepts/overview/working-with-objects/{names,labels}/
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_DOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WORD = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?")
_DOMAIN_LENGTH, _WORD_LENGTH = 253, 63

# What PromQL takes for something else where labels are listed, in either case.
_OF_PROMQL = frozenset({"inf", "nan", "without"})
_OF_RULES = frozenset({"instance", "le", "severity", "slo", "long", "short", "alertname", "alertstate"})


def check_site(job: str, namespace: str) -> None:
    """CommandError where sites cannot be told apart by these labels; the namespace's may be empty."""
    _check_label("--job-label", job)
    if namespace:
        _check_label("--namespace-label", namespace)
    if namespace == job:
        raise CommandError(
            f"--namespace-label {job}: is the job's label already; give another, or an empty one."
        )


def check_alert_labels(labels: dict[str, str], job: str, namespace: str) -> None:
    """CommandError where an alert cannot have such a label beside those that it has."""
    for name, value in labels.items():
        _check_label("--alert-label", name)
        if name in {job, namespace}:
            raise CommandError(f"--alert-label {name}: is the label that tells sites apart.")
        check_plain("--alert-label", name, value)


def check_plain(option: str, name: str, value: str) -> None:
    """CommandError where Prometheus would execute a value as a template."""
    if "{{" in value:
        raise CommandError(f"{option} {name}={value}: must be plain text, without {{{{.")


def check_links(boards: str, runbooks: str) -> None:
    """CommandError where an alert's links cannot be made of these addresses."""
    for option, address in ("--grafana-url", boards), ("--runbooks", runbooks):
        if "{{" in address:
            raise CommandError(f"{option} {address}: must be a plain address, without {{{{.")
    if "{}" not in runbooks:
        raise CommandError(f"--runbooks {runbooks}: must have {{}} where a page's name stands.")


def check_object(name: str, labels: dict[str, str]) -> None:
    """CommandError where Kubernetes takes no object of this name and with these labels."""
    if not _is(_DOMAIN, name, _DOMAIN_LENGTH):
        raise CommandError(
            f"--object-name {name!r}: must be of lower case letters, digits, - and ., begin and end with a letter or "
            f"digit, and have {_DOMAIN_LENGTH} characters at most."
        )
    for label, value in labels.items():
        prefix, slash, word = label.rpartition("/")
        right = _is(_WORD, word, _WORD_LENGTH) and _is(_WORD, value, _WORD_LENGTH)
        if not right or (slash and not _is(_DOMAIN, prefix, _DOMAIN_LENGTH)):
            raise CommandError(
                f"--object-label {label}={value}: name and value must be of letters, digits, -, _ and ., begin and end "
                f"with a letter or digit, and have {_WORD_LENGTH} characters at most; before the name may stand a "
                "domain and a slash."
            )


def _check_label(option: str, name: str) -> None:
    if not _LABEL.fullmatch(name):
        raise CommandError(
            f"{option} {name!r}: must be a label of Prometheus: letters, digits and _, no digit first, no two _ first."
        )
    if name.lower() in _OF_PROMQL:
        raise CommandError(f"{option} {name}: PromQL cannot group by a label of that name; give another.")
    if name in _OF_RULES or name in _of_metrics():
        raise CommandError(f"{option} {name}: djmetrics has a label of that name itself; give another.")


def _of_metrics() -> set[str]:
    return {label_name(label) for metric in catalogue.metrics() for label in metric.labels}


def _is(pattern: re.Pattern[str], text: str, length: int) -> bool:
    return len(text) <= length and pattern.fullmatch(text) is not None
