"""GET /metrics through Django's own WSGI and ASGI handlers: what it answers, and to whom it does not exist."""

import asyncio
import gzip
import io
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpResponseNotFound
from django.test import RequestFactory
from django.urls import Resolver404, include, path, reverse
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from djmetrics.views import metrics

TOKEN = "a-token-that-is-long-enough"
BEARER = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
STRANGER = {"REMOTE_ADDR": "198.51.100.9"}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]

FULL = [
    "djmetrics.middleware.DjmetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
LOGIN_REQUIRED = [*FULL, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
CACHED = [
    "djmetrics.middleware.DjmetricsMiddleware",
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]


class Own404:
    """A site with a 404 page of its own, and the metrics under a prefix too."""

    urlpatterns = [path("", include("djmetrics.urls")), path("internal/", include("djmetrics.urls"))]

    @staticmethod
    def handler404(request, exception):
        told = f"{type(exception).__name__} {sorted(exception.args[0])} {request.resolver_match}"
        return HttpResponseNotFound(told, headers={"X-Site": "own"})


def over_wsgi(environ):
    """One request through a WSGIHandler: status, headers, body."""
    setup_testing_defaults(environ)
    answer = []
    response = get_wsgi_application()(environ, lambda status, headers: answer.extend((status, headers)))
    body = b"".join(response)
    response.close()
    return int(answer[0].split()[0]), {name.lower(): value for name, value in answer[1]}, body


def over_asgi(environ):
    """One request through an ASGIHandler: status, headers, body."""
    headers = [
        (name[5:].replace("_", "-").lower().encode(), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query_string": environ.get("QUERY_STRING", "").encode(),
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "client": (environ["REMOTE_ADDR"], 40000) if environ.get("REMOTE_ADDR") else None,
        "server": ("127.0.0.1", 80),
    }
    sent = []

    async def talk():
        messages = iter([{"type": "http.request", "body": environ["wsgi.input"].read(), "more_body": False}])
        forever = asyncio.Event()

        async def receive():
            for message in messages:
                return message
            await forever.wait()

        async def send(message):
            sent.append(message)

        await get_asgi_application()(scope, receive, send)

    asyncio.run(talk())
    started = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], started, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture(params=[over_wsgi, over_asgi])
def ask(request, settings, monkeypatch):
    """Ask a closed site, over WSGI and over ASGI; keywords are the request's environment."""
    settings.DEBUG = False
    settings.MIDDLEWARE = FULL
    settings.DJMETRICS = {"METRICS_TOKEN": TOKEN, "METRICS_ALLOWED_IPS": ["192.0.2.0/24"]}
    registry = CollectorRegistry()
    Counter("runs", "Runs that were logged.", registry=registry).inc(3)
    Gauge("shoes", "Shoes in use.", registry=registry).set(2)
    monkeypatch.setattr("djmetrics.runtime.page_registry", lambda: registry)

    def asked(url="/metrics", method="GET", body=b"", **environ):
        peer = {"REMOTE_ADDR": "192.0.2.1"}
        target, _, query = url.partition("?")
        return request.param(
            {
                **peer,
                **environ,
                "REQUEST_METHOD": method,
                "PATH_INFO": target,
                "QUERY_STRING": query,
                "wsgi.input": io.BytesIO(body),
                "CONTENT_LENGTH": str(len(body)),
            }
        )

    return asked


def test_an_allowed_peer_gets_the_metrics_as_text(ask):
    """Without an Accept header the page is Prometheus' plain text, complete and never cached."""
    status, headers, body = ask()

    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert {family.name: family.samples[0].value for family in parse_text(body.decode())} == {
        "runs": 3.0,
        "shoes": 2.0,
        "runs_created": pytest.approx(1e9, rel=10),
    }
    assert headers["content-length"] == str(len(body))
    assert {"no-store", "private"} <= set(headers["cache-control"].split(", "))
    assert {"Accept", "Accept-Encoding"} <= set(headers["vary"].split(", "))
    assert "set-cookie" not in headers
    assert "etag" not in headers


def test_openmetrics_is_served_to_those_who_accept_it(ask):
    """Content negotiation is prometheus_client's own."""
    status, headers, body = ask(HTTP_ACCEPT=f"{OPENMETRICS},text/plain;version=0.0.4;q=0.5")

    assert status == 200
    assert headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert [family.name for family in parse_openmetrics(body.decode())] == ["runs", "shoes"]


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text;version=x", "text/plain;version=x", "\x7f;;=,"]
)
def test_an_accept_header_without_sense_gets_a_page(ask, accept):
    """What prometheus_client cannot read is no reason to fail."""
    status, _, body = ask(HTTP_ACCEPT=accept)

    assert status == 200
    assert b"runs_total 3.0" in body


@pytest.mark.parametrize(
    "accepted,is_compressed",
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, identity", False),
        ("x-gzipped", False),
    ],
)
def test_the_page_is_compressed_for_those_who_accept_it(ask, settings, accepted, is_compressed):
    """gzip is used when it is accepted, and only then; the page is the same."""
    settings.MIDDLEWARE = [each for each in FULL if "GZip" not in each]
    _, _, plain = ask()
    status, headers, body = ask(HTTP_ACCEPT_ENCODING=accepted)

    assert status == 200
    assert ("content-encoding" in headers) is is_compressed
    assert headers["content-length"] == str(len(body))
    assert (gzip.decompress(body) if is_compressed else body) == plain


def test_a_site_that_compresses_does_not_compress_twice(ask):
    """GZipMiddleware leaves the page as it is."""
    _, headers, body = ask(HTTP_ACCEPT_ENCODING="gzip")

    assert headers["content-encoding"] == "gzip"
    assert b"runs_total 3.0" in gzip.decompress(body)


def test_names_choose_metrics(ask):
    """``name[]`` restricts the page to these samples; one that does not exist gives none."""
    assert b"shoes" not in ask("/metrics?name[]=runs_total")[2]
    assert b"runs_total 3.0" in ask("/metrics?name[]=runs_total")[2]
    both = ask("/metrics?name%5B%5D=runs_total&name%5B%5D=shoes")[2]
    assert b"runs_total 3.0" in both
    assert b"shoes 2.0" in both
    assert ask("/metrics?name[]=nothing")[2] == b""


def test_head_gets_the_headers_alone(ask):
    """HEAD answers what GET would, without the body."""
    _, got, page = ask()
    status, headers, body = ask(method="HEAD")

    assert (status, body) == (200, b"")
    assert headers["content-length"] == str(len(page))
    assert headers["content-type"] == got["content-type"]


@pytest.mark.parametrize("method", [each for each in METHODS if each not in {"GET", "HEAD"}])
def test_other_methods_are_refused_to_those_who_may_read(ask, method):
    """The page can only be read."""
    status, headers, body = ask(method=method)

    assert (status, body) == (405, b"")
    assert headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("url", ["/metrics", "/metrics?name[]=runs_total"])
def test_a_site_that_demands_a_login_does_not_demand_it_here(ask, settings, url):
    """LoginRequiredMiddleware lets a scrape pass, and redirects nobody who is refused."""
    settings.MIDDLEWARE = LOGIN_REQUIRED

    assert ask(url)[0] == 200
    assert ask(url, **STRANGER, **BEARER)[0] == 200
    assert ask(url, **STRANGER)[0] == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_site_that_demands_a_login_tells_nothing(ask, settings, method):
    """With LoginRequiredMiddleware too, the answer to others is that of an unknown URL."""
    settings.MIDDLEWARE = LOGIN_REQUIRED

    assert ask("/metrics", method, **STRANGER) == ask("/nothing", method, **STRANGER)


def test_the_token_opens_from_anywhere(ask):
    """Who bears the token reads the page, also through a proxy."""
    assert ask(**STRANGER, **BEARER)[0] == 200
    assert ask(REMOTE_ADDR="", HTTP_X_FORWARDED_FOR="198.51.100.9", **BEARER)[0] == 200


@pytest.mark.parametrize(
    "environ",
    [
        STRANGER,
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "127.0.0.1"},
        {**STRANGER, "HTTP_AUTHORIZATION": "Bearer wrong"},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.1"},
        {"HTTP_VIA": "1.1 proxy"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", METHODS)
def test_to_all_others_the_url_does_not_exist(ask, method, environ):
    """Status, headers and body are those of a URL that no pattern matches, for every method."""
    denied = ask("/metrics", method, **environ)

    assert denied[0] == 404
    assert denied == ask("/nothing", method, **environ)


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_ACCEPT": OPENMETRICS},
        {"HTTP_ACCEPT_ENCODING": "gzip"},
        {"HTTP_ACCEPT_LANGUAGE": "de"},
        {"HTTP_IF_NONE_MATCH": "*"},
        {"HTTP_ORIGIN": "https://evil.example", "HTTP_REFERER": "https://evil.example/"},
        {"HTTP_COOKIE": "sessionid=x; csrftoken=y"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_header_tells_the_url_from_an_unknown_one(ask, method, environ):
    """Nor do the request's headers bring out a difference, such as a CSRF failure."""
    denied = ask("/metrics?name[]=runs_total", method, b"a=1", **STRANGER, **environ)

    assert denied[0] == 404
    assert denied == ask("/nothing?name[]=runs_total", method, b"a=1", **STRANGER, **environ)


def test_a_404_template_tells_nothing(ask, settings):
    """A site's own 404.html, which may show the exception and the match, shows the same."""
    shown = "{{ request_path|length }} {{ exception }} {{ request.resolver_match }} {{ request.path|length }}"
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [("django.template.loaders.locmem.Loader", {"404.html": shown})],
                "context_processors": ["django.template.context_processors.request"],
            },
        }
    ]
    denied = ask("/metrics", **STRANGER)

    assert denied == ask("/unknown", **STRANGER)
    assert denied[2] == b"8 Resolver404 None 8"


def test_a_404_handler_is_told_nothing(ask, settings):
    """A site's own handler404 gets the same kind of exception, with the same keys, and no match."""
    settings.ROOT_URLCONF = Own404
    denied = ask("/metrics", **STRANGER)

    assert denied == ask("/nothing", **STRANGER)
    assert (denied[1]["x-site"], denied[2]) == ("own", b"Resolver404 ['path', 'tried'] None")


def test_the_page_may_be_anywhere(ask, settings):
    """The URLs can be included under a prefix, as open and as closed there."""
    settings.ROOT_URLCONF = Own404

    assert ask("/internal/metrics")[0] == 200
    assert ask("/internal/metrics", **STRANGER) == ask("/internal/nothing", **STRANGER)


def test_a_trailing_slash_is_another_url(ask):
    """APPEND_SLASH redirects nobody to or from the page."""
    assert ask("/metrics/")[0] == 404
    assert ask("/metrics/", **STRANGER) == ask("/nothing/", **STRANGER)


def test_under_debug_loopback_may_read_and_others_are_told_why(ask, settings):
    """DEBUG opens to the developer's own machine; another one sees Django's technical 404 page with the reason."""
    settings.DEBUG = True
    settings.DJMETRICS = {}
    settings.MIDDLEWARE = []

    assert ask(REMOTE_ADDR="127.0.0.1")[0] == 200
    assert ask(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.9")[0] == 404
    status, _, body = ask(**STRANGER)
    assert status == 404
    assert b"METRICS_ALLOWED_IPS" in body


def test_a_sites_cache_does_not_hand_the_page_on(ask, settings):
    """With Django's cache middleware, who may not read gets a 404 after others have read, and each scrape is fresh."""
    settings.MIDDLEWARE = CACHED
    first = ask()
    assert first[0] == 200
    assert "x-from-cache" not in first[1]

    assert ask(**STRANGER)[0] == 404
    assert ask()[0] == 200


def test_the_page_needs_no_database(ask, monkeypatch):
    """Under ATOMIC_REQUESTS no transaction is opened: the database may be down (this test may not use it)."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    assert ask()[0] == 200
    assert ask(**STRANGER)[0] == 404


def test_a_failing_collector_is_a_failed_scrape(ask, monkeypatch, settings):
    """When the figures cannot be collected, Prometheus hears it from the status."""
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False

    def broken():
        raise RuntimeError("no figures")

    monkeypatch.setattr("djmetrics.runtime.page_registry", broken)
    assert ask()[0] == 500


class Wary(RequestFactory):
    """Makes requests that raise when the view touches what it must leave alone."""

    def request(self, **environ):
        made = super().request(**environ)

        def touched(self, *args):
            raise AssertionError("touched")

        names = ("user", "auser", "session", "body", "POST", "FILES", "COOKIES", "get_host", "read")
        made.__class__ = type("WaryRequest", (type(made),), dict.fromkeys(names, property(touched)))
        return made


@pytest.mark.parametrize("peer,status", [("192.0.2.1", 200), ("198.51.100.9", 404)])
def test_the_view_reads_the_headers_and_the_query_alone(ask, peer, status):
    """It never touches the user, the session, the body, the cookies or the host."""
    request = Wary().get("/metrics?name[]=runs_total", REMOTE_ADDR=peer)
    if status == 200:
        assert metrics(request).status_code == 200
    else:
        with pytest.raises(Resolver404):
            metrics(request)


class Kept:
    """An exporter that keeps the views of the records it is given."""

    exported: list[str] = []

    def opened(self, record):
        pass

    def spill(self, record, operations):
        pass

    def dropped(self, record):
        pass

    def export(self, record):
        self.exported.append(record.view)


@pytest.mark.parametrize("environ", [{}, STRANGER], ids=["allowed", "denied"])
def test_the_page_leaves_itself_out_of_all_data(ask, settings, environ):
    """A scrape, whatever its answer, is exported nowhere; the request after it is."""
    Kept.exported.clear()
    settings.DJMETRICS = {**settings.DJMETRICS, "EXTRA_EXPORTERS": ["tests.test_views.Kept"]}
    ask("/metrics", **environ)
    ask("/nothing", **environ)

    assert [view for view in Kept.exported if view != "(outside)"] == ["(unresolved)"]


def test_the_url_has_a_name():
    """A site can reverse the page's URL."""
    assert reverse("djmetrics-metrics") == "/metrics"
