"""The alerts that every site has, whatever its objectives.

A counter's series is there from the first time on only, and ``increase`` does not see that time: what must not be
missed is asked for twice, as growth and as a series that was not there before.
"""

from types import MappingProxyType

from .template import Alert

_NONE = MappingProxyType[str, str]({})


def _counted(series: str, matchers: str, by: str, window: str = "15m") -> str:
    """How often something was counted in the window, where it was at all.

    A series that comes back after a gap of up to an hour is not new: Prometheus did not see it, that is all.
    """
    chosen = f"{series}{{<<site>>{matchers}}}"
    return (
        f"sum by ({by}) (increase({chosen}[{window}])) > 0\n"
        f"or\n"
        f"sum by ({by}) ({chosen} unless last_over_time({chosen}[1h] offset {window})) > 0"
    )


TARGET_DOWN = Alert(
    name="TargetDown",
    severity="critical",
    hold="5m",
    expr="""
up{<<site>>} == 0
and on (<<by>>, instance)
group by (<<by>>, instance) (last_over_time(djmetrics_build_info{<<site>>}[7d]))
""",
    summary="{{ $labels.<<job>> }}: the metrics page of {{ $labels.instance }} cannot be read",
    description="Prometheus has not read the metrics page of {{ $labels.instance }} for 5 minutes: the site is down, "
    "or the page is closed to Prometheus. No other alert sees this instance now.",
    board="djmetrics-runtime",
    chosen=("instance",),
    labels=_NONE,
)
ABSENT = Alert(
    name="Absent",
    severity="critical",
    hold="5m",
    expr="""
group by (<<by>>) (last_over_time(djmetrics_build_info{<<site>>}[6h] offset 5m))
unless
group by (<<by>>) (up{<<site>>})
""",
    summary="{{ $labels.<<job>> }}: Prometheus no longer looks for the site",
    description="Prometheus read this site in the last 6 hours and has no target of it any more: the service discovery "
    "has lost it, or it was taken down. No other alert sees it now.",
    board="djmetrics-overview",
    labels=_NONE,
)
SATURATED = Alert(
    name="Saturated",
    severity="warning",
    hold="10m",
    expr="""
sum by (<<by>>, instance) (rate(http_server_request_duration_seconds_sum{<<site>>}[5m]))
/
(sum by (<<by>>, instance) (djmetrics_worker_capacity{<<site>>}) > 0)
> 0.9
""",
    summary="{{ $labels.<<job>> }}: the workers of {{ $labels.instance }} are busy all the time",
    description="{{ $value | humanizePercentage }} of what the workers of {{ $labels.instance }} can serve at once has "
    "been in use for 10 minutes. Beyond this, requests wait before they are served.",
    board="djmetrics-runtime",
    chosen=("instance",),
    labels=_NONE,
)
QUEUEING = Alert(
    name="Queueing",
    severity="warning",
    hold="10m",
    expr="""
histogram_quantile(0.95, sum by (<<by>>, le) (rate(django_request_queue_duration_seconds_bucket{<<site>>}[5m]))) > 0.5
""",
    summary="{{ $labels.<<job>> }}: requests wait before Django sees them",
    description="One of twenty requests has waited for {{ $value | humanizeDuration }} or longer between the front "
    "server and Django, for 10 minutes. Users wait that much longer than the latency shows.",
    board="djmetrics-runtime",
    labels=_NONE,
)
UNAPPLIED_MIGRATIONS = Alert(
    name="UnappliedMigrations",
    severity="warning",
    hold="15m",
    expr="""
max by (<<by>>, alias) (last_over_time(django_migrations_unapplied{<<site>>}[10m])) > 0
""",
    summary="{{ $labels.<<job>> }}: the database {{ $labels.alias }} lacks migrations",
    description="The code that runs has {{ $value }} migrations that the database {{ $labels.alias }} has not had for "
    "15 minutes. Code that needs them fails.",
    board="djmetrics-runtime",
    labels=_NONE,
)
NEW_EXCEPTION = Alert(
    name="NewException",
    severity="info",
    hold="",
    expr="""
(
  group by (<<by>>, view, error_type) (django_request_exceptions_total{<<site>>})
  unless
  group by (<<by>>, view, error_type) (last_over_time(django_request_exceptions_total{<<site>>}[7d] offset 15m))
)
and on (<<by>>)
group by (<<by>>) (last_over_time(djmetrics_build_info{<<site>>}[1d] offset 1h))
""",
    summary="{{ $labels.<<job>> }}: {{ $labels.view }} raised {{ $labels.error_type }} for the first time in a week",
    description="Nothing handled {{ $labels.error_type }} in {{ $labels.view }}, which had not happened in the 7 days "
    "before. This is said for 15 minutes from the first time on.",
    board="djmetrics-errors",
    chosen=("view",),
    labels=_NONE,
)
CPU_REGRESSION = Alert(
    name="CpuRegression",
    severity="warning",
    hold="30m",
    expr="""
(
  djmetrics:request_cpu_seconds:mean10m{<<site>>}
  unless on (<<by>>, release)
  group by (<<by>>, release) (last_over_time(djmetrics_build_info{<<site>>}[1h] offset 1d))
)
/ on (<<by>>, view) group_left ()
avg by (<<by>>, view) (avg_over_time(djmetrics:request_cpu_seconds:mean10m{<<site>>}[1h] offset 1d))
> 1.15
and on (<<by>>, view)
sum by (<<by>>, view) (rate(django_request_cpu_time_seconds_sum{<<site>>}[10m])) > 0.1
""",
    summary="{{ $labels.<<job>> }}: {{ $labels.release }} needs more CPU for {{ $labels.view }}",
    description='A request to {{ $labels.view }} costs {{ $value | printf "%.2f" }} times the CPU time that it cost at '
    "this hour yesterday, before the release {{ $labels.release }}, for 30 minutes. The view uses more than 0.1 cores.",
    board="djmetrics-efficiency",
    chosen=("view", "release"),
    labels=_NONE,
)
SPANS_DROPPED = Alert(
    name="SpansDropped",
    severity="warning",
    hold="10m",
    expr="""
sum by (<<by>>) (rate(djmetrics_exporter_items_total{<<site>>exporter="opentelemetry", result=~"dropped|failed"}[15m]))
/
(sum by (<<by>>) (rate(djmetrics_exporter_items_total{<<site>>exporter="opentelemetry"}[15m])) > 0)
> 0.01
""",
    summary="{{ $labels.<<job>> }}: spans are lost",
    description="{{ $value | humanizePercentage }} of the spans of the last 15 minutes were dropped, or the collector "
    "did not take them. Traces have gaps or are missing.",
    board="djmetrics-self",
    labels=_NONE,
)
SENTRY_UNDELIVERED = Alert(
    name="SentryUndelivered",
    severity="warning",
    hold="",
    expr=_counted(
        "djmetrics_exporter_items_total", 'exporter="sentry", result=~"failed|limited"', "<<by>>, result"
    ),
    summary="{{ $labels.<<job>> }}: events do not reach Sentry",
    description='{{ $value | printf "%.0f" }} events of the last 15 minutes did not reach Sentry ({{ $labels.result }}'
    ': {{ if eq $labels.result "limited" }}it asked for less{{ else }}it was not reached, or refused{{ end }}). '
    "Errors may be missing there.",
    board="djmetrics-self",
    labels=_NONE,
)
LABEL_OVERFLOW = Alert(
    name="LabelOverflow",
    severity="warning",
    hold="",
    expr=_counted("djmetrics_series_overflows_total", "", "<<by>>, metric"),
    summary="{{ $labels.<<job>> }}: {{ $labels.metric }} has too many series",
    description='{{ $value | printf "%.0f" }} observations of {{ $labels.metric }} in the last 15 minutes could not be '
    "kept apart and went to its overflow series. What is new since then cannot be told apart.",
    board="djmetrics-self",
    labels=_NONE,
)
INSTRUMENTATION_ERRORS = Alert(
    name="InstrumentationErrors",
    severity="warning",
    hold="",
    expr=_counted("djmetrics_errors_total", "", "<<by>>, place"),
    summary="{{ $labels.<<job>> }}: djmetrics failed in {{ $labels.place }}",
    description='djmetrics failed {{ $value | printf "%.0f" }} times in {{ $labels.place }} in the last 15 minutes. '
    "Requests are served as ever; their figures may be incomplete.",
    board="djmetrics-self",
    labels=_NONE,
)

ALERTS = (
    TARGET_DOWN,
    ABSENT,
    SATURATED,
    QUEUEING,
    UNAPPLIED_MIGRATIONS,
    NEW_EXCEPTION,
    CPU_REGRESSION,
    SPANS_DROPPED,
    SENTRY_UNDELIVERED,
    LABEL_OVERFLOW,
    INSTRUMENTATION_ERRORS,
)
"""In the order in which they are written."""

CPU_MEAN = "djmetrics:request_cpu_seconds:mean10m"
"""What CpuRegression compares: mean CPU seconds of a request, by view and by the release that served it."""

CPU_MEAN_EXPR = """
sum by (<<by>>, view, release) (
  rate(django_request_cpu_time_seconds_sum{<<site>>}[10m])
  * on (<<by>>, instance) group_left (release)
  topk by (<<by>>, instance) (1, djmetrics_build_info{<<site>>})
)
/
(
  sum by (<<by>>, view, release) (
    rate(django_request_cpu_time_seconds_count{<<site>>}[10m])
    * on (<<by>>, instance) group_left (release)
    topk by (<<by>>, instance) (1, djmetrics_build_info{<<site>>})
  ) > 0
)
"""
