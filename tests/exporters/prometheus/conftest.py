"""Stores that give their descriptors back."""

from collections.abc import Callable, Iterator

import pytest

from djmetrics.exporters.prometheus import Store

from .helpers import METRICS

MakeStore = Callable[..., Store]


@pytest.fixture
def make_store() -> Iterator[MakeStore]:
    """Makes stores of the tests' metrics, and closes them."""
    made: list[Store] = []

    def make(**options: object) -> Store:
        made.append(Store(METRICS, **options))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store()
