"""Law 1's fixtures."""

from collections.abc import Iterator

import pytest

from tests.law1 import site


@pytest.fixture(autouse=True)
def empty_site(settings: object) -> Iterator[None]:
    """The tests' own URLconf; no view of one test is left to the next."""
    settings.ROOT_URLCONF = "tests.law1.site"  # type: ignore[attr-defined]
    settings.ALLOWED_HOSTS = ["*"]  # type: ignore[attr-defined]
    yield
    site.urlpatterns.clear()
