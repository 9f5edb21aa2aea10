"""Settings of the running log.

The demo needs none of these environment variables; each of them changes one thing:
DATABASE_URL (postgres://, mysql://), CACHE_URL (redis://, pymemcache://), METRICS_TOKEN, SENTRY_DSN,
OTEL_EXPORTER_OTLP_ENDPOINT, DEBUG, SECRET_KEY, ALLOWED_HOSTS (with commas between them), RELEASE_FILE (a file that
holds the site's release), and VAR_DIR, the folder of the SQLite file.
"""

from pathlib import Path

import environ

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=False)
# Good enough for loopback, the only place where this site should listen.
SECRET_KEY = env.str("SECRET_KEY", default="only-for-loopback-the-demo-site-keeps-no-secrets")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", "testserver"])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "bootstrap",  # Bootstrap's compiled style sheets, and nothing else
    "djmetrics",
    "runs",
]

MIDDLEWARE = [
    "djmetrics.middleware.DjmetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "runs.middleware.remember_unit",
]

DJMETRICS = {
    "ANNOTATIONS": ["unit"],
    "SLOS": {
        "availability": {"OBJECTIVE": 0.99},
        "latency": {"OBJECTIVE": 0.95, "LATENCY": 0.5},
    },
    "MIGRATIONS": True,
}
if token := env.str("METRICS_TOKEN", default=""):
    DJMETRICS["METRICS_TOKEN"] = token
# A deploy writes the release into a file, and workers read it as they start.
if release_file := env.str("RELEASE_FILE", default=""):
    DJMETRICS["RELEASE"] = Path(release_file).read_text().strip()
# Where traces and errors go is said by the standard variables; without them there are none.
if env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default=""):
    DJMETRICS["OPENTELEMETRY"] = {"SAMPLE_RATE": 0.1, "RESPONSE_HEADER": "X-Trace-Id"}
if env.str("SENTRY_DSN", default=""):
    DJMETRICS["SENTRY"] = {"SLOW_THRESHOLD": 1, "N_PLUS_ONE": 20, "ALERT_PERIOD": 60}

ROOT_URLCONF = "running_log.urls"
WSGI_APPLICATION = "running_log.wsgi.application"
ASGI_APPLICATION = "running_log.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "runs.context.unit",
            ],
        },
    },
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "APP_DIRS": True,
        "OPTIONS": {
            "environment": "running_log.jinja2.environment",
            "context_processors": ["runs.context.unit"],
        },
    },
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'running_log.sqlite3'}")}
DATABASES["default"]["CONN_MAX_AGE"] = 60
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Several workers read while one writes; a writer waits for its turn instead of failing.
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }
elif DATABASES["default"]["ENGINE"].endswith("mysql"):
    # PyMySQL stands in for mysqlclient, which would have to be compiled; Django asks for mysqlclient's version.
    import pymysql

    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()

CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
# Straight from the apps' own folders: no collectstatic before the demo runs.
WHITENOISE_USE_FINDERS = True

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "runs:home"
LOGOUT_REDIRECT_URL = "runs:home"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
