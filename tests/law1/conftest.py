"""Law 1's fixtures."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.law1 import site

HERE = str(Path(__file__).parent)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each scenario here runs twice and many times, through hooks that have tests of their own."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.unmeasured)


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
