"""OpenTelemetry's own instrumentations of what djmetrics shows: where one is active, one of both stays quiet."""

import os
import sys

_MYSQL = frozenset({"mysql", "mariadb"})
# Module, class, and the db.system.name of what it shows. Not psycopg2's: under Django from 4.2 on it shows nothing
# (https://github.com/open-telemetry/opentelemetry-python-contrib/issues/1774).
_DRIVERS = (
    ("psycopg", "PsycopgInstrumentor", frozenset({"postgresql"})),
    ("sqlite3", "SQLite3Instrumentor", frozenset({"sqlite"})),
    ("mysqlclient", "MySQLClientInstrumentor", _MYSQL),
    ("pymysql", "PyMySQLInstrumentor", _MYSQL),
    ("mysql", "MySQLInstrumentor", _MYSQL),
)


def django() -> bool:
    """Whether OpenTelemetry's Django instrumentation makes server spans of requests."""
    # With this it says that it is active, and is not.
    is_off = os.environ.get("OTEL_PYTHON_DJANGO_INSTRUMENT") == "False"
    return not is_off and _is_active("django", "DjangoInstrumentor")


def drivers() -> dict[str, frozenset[str]]:
    """The database drivers whose statements are shown by an instrumentation, with their ``db.system.name``."""
    return {module: systems for module, name, systems in _DRIVERS if _is_active(module, name)}


def _is_active(module: str, name: str) -> bool:
    """Whether an instrumentation is in use; one that is not even imported is not."""
    instrumentor = getattr(sys.modules.get(f"opentelemetry.instrumentation.{module}"), name, None)
    try:
        return instrumentor is not None and bool(instrumentor().is_instrumented_by_opentelemetry)
    except Exception:  # whatever another version of it does
        return False
