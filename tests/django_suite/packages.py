"""Which packages of Django's test suite are run."""

PACKAGES = (
    "handlers",
    "requests_tests",
    "middleware",
    "middleware_exceptions",
    "view_tests",
    "urlpatterns_reverse",
    "template_tests",
    "template_backends",
    "cache",
    "backends",
    "db_utils",
    "transactions",
    "asgi",
    "wsgi",
    "servers",
    "test_client",
    "signals",
    "async",
)
"""What djmetrics touches: the default."""

PART = (
    *(package for package in PACKAGES if package != "cache"),
    "cache.tests.LocMemCacheTests",
    "cache.tests.DBCacheTests",
    "cache.tests.CacheMiddlewareTest",
    "cache.tests.CacheHandlerTest",
    "cache.tests_async",
)
"""What fits into a CI run: all but most tests of caches, which sleep until keys expire."""
