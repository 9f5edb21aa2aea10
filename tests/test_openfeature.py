"""OpenFeature's own client and in-memory provider, with our hook."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from djmetrics.openfeature import FlagHook

from .hooks.site import request_record

FLAGS: dict[str, InMemoryFlag[Any]] = {
    "basket": InMemoryFlag("on", {"on": True, "off": False}),
    "button": InMemoryFlag("blue", {"blue": "#0000ff", "red": "#ff0000"}),
    "limit": InMemoryFlag("high", {"high": 50, "low": 5}),
    "layout": InMemoryFlag("wide", {"wide": {"columns": 3}}),
}


@pytest.fixture
def client() -> Iterator[OpenFeatureClient]:
    api.set_provider(InMemoryProvider(FLAGS))
    api.add_hooks([FlagHook()])
    yield api.get_client()
    api.clear_hooks()
    api.shutdown()


def test_each_kind(client):
    """Bools and numbers as they are, all else by the name of the variant; the client's answers are its own."""
    with request_record() as request:
        assert client.get_boolean_value("basket", False) is True
        assert client.get_string_value("button", "") == "#0000ff"
        assert client.get_integer_value("limit", 0) == 50
        assert client.get_object_value("layout", {}) == {"columns": 3}

    assert request.flags == {"basket": True, "button": "blue", "limit": 50, "layout": "wide"}


def test_unknown_flag(client):
    """The site goes on with its default, and so does the record; a text may be anything and is not kept."""
    with request_record() as request:
        assert client.get_boolean_value("unknown", True) is True
        assert client.get_string_value("secret", "s3cr3t") == "s3cr3t"

    assert request.flags == {"unknown": True}


def test_tasks(client):
    """Side by side, each request has its own."""

    async def ask(name: str) -> Any:
        with request_record() as request:
            await asyncio.sleep(0)
            assert await client.get_boolean_value_async(name, False) is (name == "basket")
            await asyncio.sleep(0)
        return request.flags

    async def main() -> list[Any]:
        return await asyncio.gather(ask("basket"), ask("unknown"))

    assert asyncio.run(main()) == [{"basket": True}, {"unknown": False}]


def test_outside(client):
    """Outside any request nothing is recorded, and nothing fails."""
    assert client.get_boolean_value("basket", False) is True
