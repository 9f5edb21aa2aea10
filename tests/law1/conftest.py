"""Law 1's fixtures."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.law1 import site


@pytest.fixture(autouse=True, params=["metrics", "traces"])
def empty_site(
    request: pytest.FixtureRequest, settings: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The tests' own URLconf, measured for metrics alone and for traces too; no view is left to the next test."""
    settings.ROOT_URLCONF = "tests.law1.site"  # type: ignore[attr-defined]
    settings.ALLOWED_HOSTS = ["*"]  # type: ignore[attr-defined]
    if request.param == "traces":
        if find_spec("opentelemetry.sdk") is None:
            pytest.skip("opentelemetry-sdk is not installed (dependency group: test)")
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
        settings.DJMETRICS = {"OPENTELEMETRY": {}}  # type: ignore[attr-defined]
    yield
    site.urlpatterns.clear()
