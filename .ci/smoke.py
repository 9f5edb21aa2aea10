"""A minimal Django site with an installed djmetrics: system checks, one request through WSGI, one read of /metrics."""

import sys
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import include, path
from django.utils.module_loading import import_string

COUNT = "http_server_request_duration_seconds_count"


def hello(request: Any) -> HttpResponse:
    return HttpResponse("hello")


urlpatterns = [path("hello/", hello), path("", include("djmetrics.urls"))]

settings.configure(
    ALLOWED_HOSTS=["*"],
    # Opens /metrics to loopback.
    DEBUG=True,
    INSTALLED_APPS=["djmetrics"],
    MIDDLEWARE=["djmetrics.middleware.DjmetricsMiddleware", "django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for this site",
)


def get(application: Any, address: str) -> tuple[str, str]:
    """The status line and the body of a GET."""
    environ: dict[str, Any] = {"PATH_INFO": address, "REMOTE_ADDR": "127.0.0.1"}
    setup_testing_defaults(environ)
    started: list[str] = []
    response = application(environ, lambda status, headers: started.append(status))
    body = b"".join(response).decode()
    response.close()
    return started[0], body


def main() -> None:
    where = Path(import_string("djmetrics.__file__"))
    assert where.is_relative_to(sys.prefix), f"{where} is not the installed wheel"
    assert (where.parent / "py.typed").exists(), "py.typed is not in the wheel"
    application = get_wsgi_application()
    call_command("check", fail_level="WARNING")
    assert get(application, "/hello/") == ("200 OK", "hello")

    status, page = get(application, "/metrics")
    assert status == "200 OK", status
    (count,) = [line for line in page.splitlines() if line.startswith(COUNT)]
    assert count.endswith(" 1.0"), count
    print(f"djmetrics of the wheel, Django {django.__version__}, Python {sys.version.split()[0]}: {count}")


main()
