"""The rules of one objective: what is recorded of it, and the alerts on its budget.

An objective of 99.9 % allows 0.1 % of the requests of a period to be bad: the error budget. It burns at the speed 1
when just so many are. The recorded names end in the window that they look back over.
"""

import json
import re
from collections.abc import Iterator

from djmetrics.objectives import Objective

from .options import Burn, Options, Windows
from .template import Alert, Rule, alerting, plain, recorded

REQUESTS, ERRORS = "djmetrics:slo_requests", "djmetrics:slo_errors"
OBJECTIVE, BUDGET = "djmetrics:slo_objective:ratio", "djmetrics:slo_error_budget_remaining:ratio"

# A full metric no longer tells which of its requests failed.
_FAILED = 'error_type!="", error_type!="(overflow)"'
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_METRIC = "http_server_request_duration_seconds"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NAMES = {"s": "second", "m": "minute", "h": "hour", "d": "day"}


def recordings(name: str, slo: Objective, options: Options) -> list[Rule]:
    """What is recorded at every evaluation: rates, the ratios of the shorter windows, the objective."""
    windows, labels = options.windows, {"slo": name}
    base = windows.base
    found = [
        recorded(f"{REQUESTS}:rate{base}", _requests(slo, base), labels, options),
        recorded(f"{ERRORS}:rate{base}", _errors(slo, base), labels, options),
        recorded(
            OBJECTIVE, f"{slo.objective:.10g} + 0 * {_own(f'{REQUESTS}:rate{base}', name)}", labels, options
        ),
    ]
    for window in windows.all:
        if window not in windows.summed:
            ratio = f"(\n{_indented(_errors(slo, window))}\n)\n/\n({_requests(slo, window)} > 0)"
            found.append(recorded(f"{ERRORS}:ratio_rate{window}", ratio, labels, options))
    return found


def sums(name: str, slo: Objective, options: Options) -> list[Rule]:
    """What is recorded more seldom: the ratios over days, and what is left of the budget."""
    windows, labels = options.windows, {"slo": name}
    found = [
        recorded(f"{ERRORS}:ratio_rate{window}", _summed(name, window, windows), labels, options)
        for window in windows.all
        if window in windows.summed
    ]
    left = f"1 - (\n{_indented(_summed(name, windows.period, windows))}\n) / {_budget(slo)}"
    return [*found, recorded(BUDGET, left, labels, options)]


def alerts(name: str, slo: Objective, options: Options) -> Iterator[Rule]:
    """One alert for each speed at which the budget can burn: of 10 % it cannot burn 14.4 times as fast as allowed."""
    for burn in options.windows.burns:
        if burn.factor * (1 - slo.objective) < 1:
            yield alerting(_alert(name, slo, burn, options.windows), options)


def _alert(name: str, slo: Objective, burn: Burn, windows: Windows) -> Alert:
    limit = f"{burn.factor:g} * {_budget(slo)}"
    long, short = (_own(f"{ERRORS}:ratio_rate{window}", name) for window in (burn.long, burn.short))
    return Alert(
        name="ErrorBudgetBurn",
        severity=burn.severity,
        hold=burn.hold,
        expr=f"{long} > {limit}\nand\n{short} > {limit}\nand on (<<by>>)\n{_many(name, slo, burn.long, windows)}",
        summary=f"{{{{ $labels.<<job>> }}}}: the error budget of {name} burns {_speed(burn.factor)}",
        description=f"{{{{ $value | humanizePercentage }}}} of the {_subject(slo)} in the last {spelt(burn.long)} "
        f"{_complaint(slo)}; the objective allows {_budget(slo, 100)}%. At this speed the budget of "
        f"{spelt(windows.period)} is spent in {_span(seconds(windows.period) / burn.factor)} or less.",
        board="djmetrics-slo",
        chosen=("slo",),
        labels={"slo": name, "long": burn.long, "short": burn.short},
    )


def _many(name: str, slo: Objective, window: str, windows: Windows) -> str:
    """Whether enough requests were bad in a window to speak of a share; over days by the mean of the recorded rates."""
    mean = f"avg_over_time({_own(f'{ERRORS}:rate{windows.base}', name)}[{window}])"
    rate = mean if window in windows.summed else f"(\n{_indented(_errors(slo, window))}\n)"
    return f"{rate} * {seconds(window):g} >= {windows.fewest}"


def _requests(slo: Objective, window: str) -> str:
    """Those that count, per second."""
    kind = "" if slo.latency is None else 'error_type=""'
    return _rate(f"{_METRIC}_count", slo, kind, window)


def _errors(slo: Objective, window: str) -> str:
    """Those that are bad, per second. A series of errors is there from the first error on only."""
    all_ = _requests(slo, window)
    if slo.latency is None:
        return f"{_rate(f'{_METRIC}_count', slo, _FAILED, window)}\nor\n0 * {all_}"
    good = _rate(f"{_METRIC}_bucket", slo, f'error_type="", le="{_bound(slo.latency)}"', window)
    return f"{all_}\n- {good}"


def _bound(latency: float) -> str:
    """As the metrics page writes a bound: as Go does, with an exponent from a million on."""
    text = repr(float(latency))
    whole, _, rest = text.partition(".")
    if len(whole) <= 6:
        return text
    mantissa = f"{whole[0]}.{whole[1:]}{rest}".rstrip("0.")
    return f"{mantissa}e+{len(whole) - 1:02d}"


def _rate(series: str, slo: Objective, matcher: str, window: str) -> str:
    matchers = ", ".join(each for each in (matcher, _views(slo)) if each)
    return f"sum by (<<by>>) (rate({series}{{<<site>>{matchers}}}[{window}]))"


def _summed(name: str, window: str, windows: Windows) -> str:
    """A ratio from the recorded rates, each moment by how much was asked for in it."""
    errors, requests = (
        f"sum_over_time({_own(f'{series}:rate{windows.base}', name)}[{window}])"
        for series in (ERRORS, REQUESTS)
    )
    return f"{errors}\n/\n({requests} > 0)"


def _own(series: str, name: str) -> str:
    return f'{series}{{<<site>>slo="{name}"}}'


def _views(slo: Objective) -> str:
    if not slo.views:
        return ""
    if len(slo.views) == 1:
        return f"view={_quoted(slo.views[0])}"
    either = "|".join(_SPECIAL.sub(r"\\\g<0>", view) for view in slo.views)
    return f"view=~{_quoted(either)}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _budget(slo: Objective, parts: int = 1) -> str:
    """The share that may be bad, of 1 or of 100, without what floating point adds."""
    return f"{(1 - slo.objective) * parts:.10g}"


def _speed(factor: float) -> str:
    return "faster than allowed" if factor == 1 else f"more than {factor:g} times as fast as allowed"


def _subject(slo: Objective) -> str:
    requests = "requests" if slo.latency is None else "requests without an error"
    return f"{requests} to {plain(', '.join(slo.views))}" if slo.views else requests


def _complaint(slo: Objective) -> str:
    return "ended with an error" if slo.latency is None else f"took longer than {slo.latency:g} s"


def seconds(duration: str) -> float:
    """A Prometheus duration of one unit, in seconds."""
    return float(duration[:-1]) * _UNITS[duration[-1]]


def spelt(duration: str) -> str:
    """A Prometheus duration of one unit, as people say it."""
    return f"{duration[:-1]} {_NAMES[duration[-1]]}{'' if duration[:-1] == '1' else 's'}"


def _span(span: float) -> str:
    """So many seconds, in the unit in which a person would say it."""
    unit = "d" if span >= 3 * 86400 else "h" if span >= 3600 else "m" if span >= 60 else "s"
    return spelt(f"{span / _UNITS[unit]:g}{unit}")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
