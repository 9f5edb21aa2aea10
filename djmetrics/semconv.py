"""Attribute names, spelled once.

Where OpenTelemetry's semantic conventions (https://opentelemetry.io/docs/specs/semconv/) have a name, it is
theirs; the others are Django's own words.
"""

# OpenTelemetry semantic conventions, HTTP, database and error attributes.
HTTP_REQUEST_METHOD = "http.request.method"
HTTP_RESPONSE_STATUS_CODE = "http.response.status_code"
HTTP_ROUTE = "http.route"
ERROR_TYPE = "error.type"
DB_SYSTEM_NAME = "db.system.name"
DB_OPERATION_NAME = "db.operation.name"
DB_COLLECTION_NAME = "db.collection.name"
DB_QUERY_SUMMARY = "db.query.summary"
DB_QUERY_TEXT = "db.query.text"
HTTP_REQUEST_BODY_SIZE = "http.request.body.size"
HTTP_RESPONSE_BODY_SIZE = "http.response.body.size"
URL_SCHEME = "url.scheme"
URL_PATH = "url.path"
CODE_FILE_PATH = "code.file.path"
CODE_LINE_NUMBER = "code.line.number"
CODE_FUNCTION_NAME = "code.function.name"

# Django's words.
VIEW = "view"
ALIAS = "alias"
PHASE = "phase"
OUTCOME = "outcome"
MIDDLEWARE = "middleware"
TEMPLATE = "template"
ENGINE = "engine"
OPERATION = "operation"
RESULT = "result"
FRAGMENT = "fragment"
KIND = "kind"
COMMAND = "command"
TASK = "task"
ANNOTATION = "annotation"
VALUE = "value"

# The same on spans and events, where each name must tell its subject. Times are seconds.
DJANGO_VIEW = "django.view"
DJANGO_RELEASE = "django.release"
DJANGO_OUTCOME = "django.request.outcome"
DJANGO_CPU = "django.request.cpu.time"
DJANGO_QUEUE = "django.request.queue.duration"
DJANGO_FIRST_BYTE = "django.request.first_byte.duration"
DJANGO_PHASE = "django.request.phase."
DJANGO_QUERIES = "django.request.db.queries"
DJANGO_REPEATED_QUERIES = "django.request.db.repeated_queries"
DJANGO_CACHE_HITS = "django.cache.hits"
DJANGO_CACHE_MISSES = "django.cache.misses"
DJANGO_FETCH = "django.db.fetch.duration"
DJANGO_RESUMED = "django.resumed.duration"
DJANGO_STATEMENT_COUNT = "django.db.statement.count"
DJANGO_ANNOTATION = "django.annotation."
FOLDED_COUNT = "djmetrics.folded.count"
FOLDED_DURATION = "djmetrics.folded.duration"
CUT = "djmetrics.cut"
OMITTED_LAYERS = "djmetrics.omitted.layers"
DROPPED_OPERATIONS = "djmetrics.dropped.operations"
DROPPED_ATTRIBUTES = "djmetrics.dropped.attributes"
SAMPLING_DECISION = "djmetrics.sampling.decision"
SAMPLING_REASON = "djmetrics.sampling.reason"

# The tag of a performance alert in Sentry, and its values.
ALERT = "djmetrics.alert"
ALERT_SLOW = "slow"
ALERT_N_PLUS_ONE = "n_plus_one"
ALERT_QUERIES = "queries"

# What djmetrics says of itself.
METRIC = "metric"
PLACE = "place"
DECISION = "decision"
REASON = "reason"
EXPORTER = "exporter"
VERSION = "version"
RELEASE = "release"
DJANGO = "django"
PYTHON = "python"

OTHER = "_OTHER"
"""What an unknown HTTP method becomes, as the conventions ask."""

UNRESOLVED = "(unresolved)"
"""The view of a request whose path matches no URL pattern."""

NO_VIEW = "(no view)"
"""The view of a request that a middleware answered before its URL was resolved."""

OUTSIDE = "(outside)"
"""The view of work outside any request: management commands, shells, threads of their own."""
