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

# What djmetrics says of itself.
METRIC = "metric"
PLACE = "place"
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
