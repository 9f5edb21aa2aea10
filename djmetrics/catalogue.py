"""Every metric, declared once: name, kind, unit, labels, buckets, help.

Exporters derive their names from here; the reference tables, the dashboards and the rules are checked against
it. Durations are recorded in whole nanoseconds and sizes in bytes; a metric's unit is the one it is shown in.
"""

from collections.abc import Iterator

from . import semconv as s
from .metric import BYTES, NANOSECONDS, SECONDS, Kind, Metric, Unit, counter, gauge, histogram

__all__ = [
    "BYTES",
    "NANOSECONDS",
    "SECONDS",
    "Kind",
    "Metric",
    "Unit",
    "counter",
    "gauge",
    "histogram",
    "metrics",
]

# The conventions' advice for http.server.request.duration.
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
# The conventions' advice for db.client.operation.duration.
DATABASE_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
# Parts of a request: ten times finer at the low end.
PART_BUCKETS = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SIZE_BUCKETS = (100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8)
# Commands and tasks: up to hours.
WORK_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
COUNT_BUCKETS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


REQUEST_DURATION = histogram(
    "http.server.request.duration",
    SECONDS,
    (s.VIEW, s.HTTP_REQUEST_METHOD, s.HTTP_ROUTE, s.HTTP_RESPONSE_STATUS_CODE, s.ERROR_TYPE),
    REQUEST_BUCKETS,
    "Time from the first middleware to the end of the response's body.",
    exemplars=True,
)
ACTIVE_REQUESTS = gauge(
    "http.server.active_requests",
    "{request}",
    (s.HTTP_REQUEST_METHOD,),
    "Requests that are being served now.",
)
REQUEST_BODY_SIZE = histogram(
    "http.server.request.body.size",
    BYTES,
    (s.VIEW,),
    SIZE_BUCKETS,
    "Size of request bodies, from Content-Length.",
)
RESPONSE_BODY_SIZE = histogram(
    "http.server.response.body.size",
    BYTES,
    (s.VIEW,),
    SIZE_BUCKETS,
    "Size of response bodies, streamed ones too.",
)
REQUEST_QUEUE = histogram(
    "django.request.queue.duration",
    SECONDS,
    (s.VIEW,),
    REQUEST_BUCKETS,
    "Time between the front server's X-Request-Start or X-Queue-Start header and the first middleware.",
)
FIRST_BYTE = histogram(
    "django.request.first_byte.duration",
    SECONDS,
    (s.VIEW,),
    REQUEST_BUCKETS,
    "Time from the first middleware to the first byte of the response.",
)
REQUEST_CPU = histogram(
    "django.request.cpu.time",
    SECONDS,
    (s.VIEW,),
    REQUEST_BUCKETS,
    "CPU time that the request's own code used, on every thread it ran on.",
)
PHASE_TIME = counter(
    "django.request.phase.time",
    SECONDS,
    (s.VIEW, s.PHASE),
    "Where the requests' time went: exclusive time per phase; the phases of a view sum to its requests' time.",
)
OUTCOMES = counter(
    "django.request.outcomes",
    "1",
    (s.VIEW, s.OUTCOME),
    "How responses ended: completed, disconnected (the client went away), failed (broke off).",
)
EXCEPTIONS = counter(
    "django.request.exceptions", "1", (s.VIEW, s.ERROR_TYPE), "Exceptions that no view or middleware handled."
)
REQUEST_QUERIES = histogram(
    "django.request.db.queries", "{query}", (s.VIEW,), COUNT_BUCKETS, "SQL statements per request."
)
REPEATED_QUERIES = counter(
    "django.request.db.repeated_queries",
    "1",
    (s.VIEW,),
    "Statements that repeated, to the letter of their SQL, one of the same request (an N+1 pattern).",
)
URL_RESOLVE = histogram(
    "django.url.resolve.duration", SECONDS, (s.VIEW,), PART_BUCKETS, "Time to find the view of a path."
)
VIEW_DURATION = histogram(
    "django.view.duration",
    SECONDS,
    (s.VIEW, s.HTTP_ROUTE, s.ERROR_TYPE),
    REQUEST_BUCKETS,
    "Time in the view, with all that it calls.",
)
MIDDLEWARE_DURATION = histogram(
    "django.middleware.duration",
    SECONDS,
    (s.VIEW, s.MIDDLEWARE),
    PART_BUCKETS,
    "Exclusive time of one middleware in one request: without the middlewares and the view inside it.",
)
DB_OPERATION = histogram(
    "db.client.operation.duration",
    SECONDS,
    (s.DB_SYSTEM_NAME, s.ALIAS, s.DB_OPERATION_NAME, s.DB_COLLECTION_NAME, s.ERROR_TYPE),
    DATABASE_BUCKETS,
    "Time of one database operation: a statement, a connect, a commit, a rollback.",
)
DB_FETCH = histogram(
    "django.db.fetch.duration",
    SECONDS,
    (s.VIEW, s.ALIAS),
    DATABASE_BUCKETS,
    "Time to fetch the rows of one statement, all its fetches together.",
)
TEMPLATE_RENDER = histogram(
    "django.template.render.duration",
    SECONDS,
    (s.VIEW, s.TEMPLATE, s.ENGINE),
    PART_BUCKETS,
    "Time to render one template, with the templates it includes.",
)
TEMPLATE_COMPILE = histogram(
    "django.template.compile.duration",
    SECONDS,
    (s.VIEW, s.TEMPLATE, s.ENGINE),
    PART_BUCKETS,
    "Time to compile one template.",
)
CACHE_OPERATION = histogram(
    "django.cache.operation.duration",
    SECONDS,
    (s.VIEW, s.ALIAS, s.OPERATION, s.RESULT, s.ERROR_TYPE),
    PART_BUCKETS,
    "Time of one cache operation; nested ones count as one.",
)
CACHE_KEYS = counter(
    "django.cache.keys", "{key}", (s.VIEW, s.ALIAS, s.OPERATION, s.RESULT), "Keys asked for, by hit and miss."
)
CACHE_IO = counter(
    "django.cache.io",
    BYTES,
    (s.VIEW, s.ALIAS, s.OPERATION),
    "Size of text and byte values read and written; others unknown.",
)
CACHE_FRAGMENT = histogram(
    "django.cache.fragment.duration",
    SECONDS,
    (s.VIEW, s.FRAGMENT, s.RESULT),
    PART_BUCKETS,
    "Time of one {% cache %} block, by hit and miss.",
)
COMMAND_DURATION = histogram(
    "django.command.duration",
    SECONDS,
    (s.COMMAND, s.ERROR_TYPE),
    WORK_BUCKETS,
    "Time of one management command.",
)
TASK_DURATION = histogram(
    "django.task.duration",
    SECONDS,
    (s.TASK, s.ERROR_TYPE),
    WORK_BUCKETS,
    "Time of one task of Django's, from when a worker takes it up.",
)
ANNOTATED_DURATION = histogram(
    "django.request.annotated.duration",
    SECONDS,
    (s.VIEW, s.ANNOTATION, s.VALUE),
    REQUEST_BUCKETS,
    "The requests' time once more, by what the site said of them: one series per key and value.",
)
ANNOTATED_CPU = counter(
    "django.request.annotated.cpu.time",
    SECONDS,
    (s.VIEW, s.ANNOTATION, s.VALUE),
    "The requests' CPU time once more, by what the site said of them.",
)
OPERATION = histogram(
    "django.operation.duration",
    SECONDS,
    (s.VIEW, s.KIND, s.OPERATION),
    PART_BUCKETS,
    "Time of one operation of a kind that has no metric of its own: what third parties' hooks time.",
)
SERIES_OVERFLOWS = counter(
    "djmetrics.series.overflows",
    "1",
    (s.METRIC,),
    "Observations that went to the overflow series of a full metric.",
)
SERIES = gauge(
    "djmetrics.series",
    "1",
    (s.METRIC,),
    "Label sets in use, by metric; those without an observation are not shown.",
)
OPERATIONS_SPILLED = counter(
    "djmetrics.operations.spilled", "1", (), "Operations counted, but not kept in their record: it was full."
)
ERRORS = counter("djmetrics.errors", "1", (s.PLACE,), "Failures inside djmetrics itself, by place.")
EXPORT_TIME = counter(
    "djmetrics.export.time", SECONDS, (), "Time that djmetrics spent adding up finished records."
)
TRACES = counter(
    "djmetrics.traces",
    "1",
    (s.DECISION, s.REASON),
    "Traces by what was decided at their end, kept or dropped, and why; to weigh what was kept.",
)
EXPORTED = counter(
    "djmetrics.exporter.items",
    "1",
    (s.EXPORTER, s.RESULT),
    "What exporters handed on, spans or events, by how that ended: sent, failed, dropped (a full queue, a limit, the "
    "site's own hook), limited (the server asked for less).",
)
WORKERS = gauge(
    "djmetrics.workers",
    "1",
    (),
    "Worker processes that share this page and are alive.",
)
WORKER_CAPACITY = gauge(
    "djmetrics.worker.capacity",
    "1",
    (),
    "Requests that the worker processes can serve at once, where their server says so: all their threads.",
)
MIGRATIONS_UNAPPLIED = gauge(
    "django.migrations.unapplied",
    "1",
    (s.ALIAS,),
    "Migrations that the code has and the database lacks; with MIGRATIONS only, counted every five minutes.",
)
BUILD_INFO = gauge(
    "djmetrics.build_info",
    "1",
    (s.VERSION, s.RELEASE, s.DJANGO, s.PYTHON),
    "Always 1: the versions of djmetrics, of the site's release, of Django and of Python.",
)


def metrics() -> Iterator[Metric]:
    """Every metric of the catalogue, in the order of declaration."""
    return (value for value in globals().values() if isinstance(value, Metric))
