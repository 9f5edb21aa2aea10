"""Caches: every operation counted once, hits told from misses, and every caller gets what Django gives it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import CacheHandler, InvalidCacheBackendError
from django.core.cache.backends.locmem import LocMemCache
from django.template import Context, Engine
from hypothesis import given
from hypothesis import strategies as st

from djmetrics import runtime
from djmetrics.record import Operation
from djmetrics.testing import capture, record

from .conftest import restart
from .site import request_record

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
FALSY = [0, "", False, [], None, {}, b"", 0.0]


def make(backend: str = LOCMEM, alias: str = "default", **params: Any) -> Any:
    """A cache as ``django.core.cache.caches`` makes it, with nothing in it."""
    cache = CacheHandler({alias: {"BACKEND": backend, **params}})[alias]
    cache.clear()
    return cache


@pytest.fixture
def cache() -> Any:
    return make()


def told(operations: list[Operation]) -> list[tuple[str, str]]:
    """Of each operation its name and its result."""
    return [(each.subject.name, each.subject.attributes["result"]) for each in operations]


def of(act: Callable[[], Any]) -> tuple[Any, list[tuple[str, str]]]:
    """What ``act`` returns, and the cache operations that it was."""
    with capture("cache") as operations:
        result = act()
    return result, told(operations)


@pytest.mark.parametrize("value", FALSY, ids=repr)
def test_falsy_value_is_a_hit(cache, value):
    """A cached value that is falsy is returned, and is a hit, whatever the default."""
    cache.set("key", value)
    for default in (None, 42, value):
        assert of(lambda: cache.get("key", default)) == (value, [("get", "hit")])  # noqa: B023


def test_default_of_a_miss_is_the_identical_object(cache):
    """By position, by keyword, and none at all."""
    default = object()
    assert of(lambda: cache.get("key", default)) == (default, [("get", "miss")])
    assert of(lambda: cache.get("key", default=default)) == (default, [("get", "miss")])
    assert of(lambda: cache.get("key", default, 2)) == (default, [("get", "miss")])
    assert of(lambda: cache.get(key="key", version=1, default=default)) == (default, [("get", "miss")])
    assert of(lambda: cache.get("key")) == (None, [("get", "miss")])


def test_wrong_arguments_fail_as_ever(cache):
    """A call that is wrong raises TypeError, and is recorded with it."""
    with capture("cache") as operations, pytest.raises(TypeError):
        cache.get()

    assert [each.error for each in operations] == [TypeError]


OPERATIONS: dict[str, tuple[Callable[[Any], Any], Any, str]] = {
    "get": (lambda cache: cache.get("text"), "hello", "hit"),
    "set": (lambda cache: cache.set("key", 1), None, ""),
    "add": (lambda cache: cache.add("text", 1), False, ""),
    "touch": (lambda cache: cache.touch("text"), True, ""),
    "delete": (lambda cache: cache.delete("text"), True, ""),
    "get_many": (lambda cache: cache.get_many(["text", "none"]), {"text": "hello"}, ""),
    "set_many": (lambda cache: cache.set_many({"a": 1, "b": 2}), [], ""),
    "delete_many": (lambda cache: cache.delete_many(["text"]), None, ""),
    "get_or_set": (lambda cache: cache.get_or_set("text", "no"), "hello", "hit"),
    "has_key": (lambda cache: cache.has_key("text"), True, "hit"),
    "incr": (lambda cache: cache.incr("number"), 6, ""),
    "decr": (lambda cache: cache.decr("number"), 4, ""),
    "incr_version": (lambda cache: cache.incr_version("text"), 2, ""),
    "decr_version": (lambda cache: cache.decr_version("number", version=1), 0, ""),
    "clear": (lambda cache: cache.clear(), None, ""),
}


class Awaiting:
    """A cache whose operations are the async ones."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            async def main() -> Any:
                return await getattr(self._cache, f"a{name}")(*args, **kwargs)

            return asyncio.run(main())

        return call


both_ways = pytest.mark.parametrize("way", [lambda cache: cache, Awaiting], ids=["sync", "async"])


@both_ways
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation(cache, name, way):
    """Each is counted once, under its own name, and returns what it always did."""
    call, expected, result = OPERATIONS[name]
    cache.set_many({"text": "hello", "number": 5})

    assert of(lambda: call(way(cache))) == (expected, [(name, result)])


@both_ways
def test_get_or_set(cache, way):
    """Counted once: a miss that is made, then a hit; a callable's own cache operations are part of it."""
    asking = way(cache)
    assert of(lambda: asking.get_or_set("key", lambda: cache.get("other", "made"))) == (
        "made",
        [("get_or_set", "miss")],
    )
    assert of(lambda: asking.get_or_set("key", lambda: "never")) == ("made", [("get_or_set", "hit")])


@both_ways
@pytest.mark.parametrize("name", ["incr", "decr", "incr_version"])
def test_missing_key(cache, name, way):
    """ValueError passes, and is recorded."""
    with capture("cache") as operations, pytest.raises(ValueError, match="not found"):
        getattr(way(cache), name)("none")

    assert [(each.subject.name, each.error) for each in operations] == [(name, ValueError)]


def test_get_many_of_a_generator(cache):
    """A generator of keys is not read for us: its hits are known, its misses are not."""
    cache.set("a", "1")
    with capture("cache") as operations:
        assert cache.get_many(key for key in ("a", "b", "c")) == {"a": "1"}

    assert [each.detail for each in operations] == [(1, 0, 1)]


@pytest.mark.parametrize(
    "act, detail",
    [
        (lambda cache: cache.get_many(["a", "b", "c"]), (1, 2, 3)),
        (lambda cache: cache.get_many(keys={"a", "b"}), (1, 1, 3)),
        (lambda cache: cache.get("a"), (1, 0, 3)),
        (lambda cache: cache.get("b"), (0, 1, 0)),
        (lambda cache: cache.set("b", b"12345"), (0, 0, 5)),
        (lambda cache: cache.set("b", value="12345"), (0, 0, 5)),
        (lambda cache: cache.set("b", [1, 2]), (0, 0, 0)),
        (lambda cache: cache.add("b", "12"), (0, 0, 2)),
        (lambda cache: cache.set_many({"a": "1", "b": b"23", "c": 4}), (0, 0, 3)),
        (lambda cache: cache.set_many(data={"a": "1"}), (0, 0, 1)),
        (lambda cache: cache.has_key("a"), (1, 0, 0)),
        (lambda cache: cache.has_key("b"), (0, 1, 0)),
        (lambda cache: cache.get_or_set("a", 1), (1, 0, 0)),
        (lambda cache: cache.get_or_set("b", 1), (0, 1, 0)),
        (lambda cache: cache.delete("a"), None),
    ],
)
def test_keys_and_bytes(cache, act, detail):
    """Hits, misses and bytes as far as they can be told without looking at values."""
    cache.set("a", "abc")
    with capture("cache") as operations:
        act(cache)

    assert [each.detail for each in operations] == [detail]


class Asking(LocMemCache):
    """A third party's backend: calls its default, keeps it, and compares it by its own rules."""

    seen: list[Any] = []

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        self.seen.append(default)
        if self.has_key(key, version):
            return super().get(key, None, version)
        return default() if callable(default) else default


@both_ways
def test_third_party_backend_gets_the_default_itself(way):
    """A backend that is not Django's own may do with the default what it likes."""
    asking = way(make(f"{__name__}.Asking"))
    Asking.seen.clear()

    def default() -> str:
        return "called"

    result, operations = of(lambda: asking.get("none", default))

    assert (result, Asking.seen) == ("called", [default])
    assert len(operations) == 1


@both_ways
def test_subclass_that_overrides_get(way):
    """A subclass's method that calls its parent's is one operation."""
    asking = way(make(f"{__name__}.Asking"))
    asking.set("key", 0)

    assert of(lambda: asking.get("key", 42)) == (0, [("get", "hit")])


def test_has_key_and_in(cache):
    """``in`` is has_key."""
    assert of(lambda: "key" in cache) == (False, [("has_key", "miss")])


def test_aliases_of_one_class():
    """Caches of one class keep their names."""
    handler = CacheHandler(
        {name: {"BACKEND": LOCMEM, "LOCATION": name} for name in ("default", "sessions", "pages")}
    )
    with capture("cache") as operations:
        for name in "pages", "default", "sessions":
            handler[name].get("key")

    assert [each.subject.attributes["alias"] for each in operations] == ["pages", "default", "sessions"]


def test_cache_made_by_hand():
    """A cache that no alias names has none."""
    make()  # the class is found when Django makes the first cache of it
    cache = LocMemCache("by hand", {})
    with capture("cache") as operations:
        cache.get("key")

    assert [each.subject.attributes["alias"] for each in operations] == [""]


def test_cache_made_before_the_start():
    """A cache that this thread made before djmetrics started is recorded under its alias."""
    from django.core.cache import caches

    runtime.stop()
    early = caches["default"]
    runtime.start()
    with capture("cache") as operations:
        early.get("key")

    assert [each.subject.attributes["alias"] for each in operations] == ["default"]


def test_unknown_backend():
    """Django's own error for a backend that is not there passes."""
    with pytest.raises(InvalidCacheBackendError):
        make("no.such.Backend")


class Slotted:
    """A backend without room for another attribute."""

    __slots__ = ()

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        pass

    def get(self, key: str) -> str:
        return "value"

    def clear(self) -> None:
        pass


def test_backend_without_a_dict():
    """It works as ever."""
    assert make(f"{__name__}.Slotted").get("key") == "value"


class Static(LocMemCache):
    """A backend whose operations are not all plain functions."""

    get = staticmethod(lambda key, default=None, version=None: "static")  # type: ignore[assignment]

    @property
    def touch(self) -> Any:  # type: ignore[override]
        return lambda key: "property"


def test_operations_that_are_no_plain_functions():
    """They are left alone."""
    cache = make(f"{__name__}.Static")
    assert of(lambda: (cache.get("key"), cache.touch("key"))) == (("static", "property"), [])


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache", "filebased.FileBasedCache"])
def test_backends(backend, tmp_path):
    """Every backend of Django's records the same, but for what it keeps."""
    cache = make(f"django.core.cache.backends.{backend}", LOCATION=str(tmp_path))
    keeps = "hit" if "dummy" not in backend else "miss"
    cache.set("key", 0)

    assert of(lambda: cache.get("key", 7)) == (0 if keeps == "hit" else 7, [("get", keeps)])
    assert of(lambda: cache.get_or_set("made", 1))[1] == [("get_or_set", "miss")]
    assert of(lambda: cache.get_many(["key"]))[1] == [("get_many", "")]


@pytest.mark.django_db
def test_database_backend():
    """The statements of the database backend are operations of their own, inside the cache's."""
    from django.core.management import call_command

    with pytest.MonkeyPatch.context() as patch:
        from django.core.cache import caches

        patch.setitem(
            caches.settings,
            "table",
            {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "t"},
        )
        call_command("createcachetable", "t", verbosity=0)
        with record() as seen, request_record():
            caches["table"].set("key", "value")
            assert caches["table"].get("key") == "value"

    ours = [each for each in seen.operations if each.subject.kind == "cache"]
    assert told(ours) == [("set", ""), ("get", "hit")]
    assert {each.parent for each in seen.operations if each.subject.name.startswith("SELECT")} == set(ours)


@pytest.mark.parametrize("server", ["redis", "memcached"])
def test_real_servers(server, request):
    """Redis and memcached: falsy values are hits, defaults are defaults."""
    given = dict(request.getfixturevalue(server).settings)
    cache = make(given.pop("BACKEND"), **given)
    try:
        for value in FALSY:
            cache.set("key", value)
            assert of(lambda: cache.get("key", 42)) == (value, [("get", "hit")])
        default = object()
        assert of(lambda: cache.get("none", default)) == (default, [("get", "miss")])
        assert of(lambda: cache.get_or_set("made", 5)) == (5, [("get_or_set", "miss")])
        assert of(lambda: cache.get_or_set("made", 6)) == (5, [("get_or_set", "hit")])
        assert of(lambda: cache.incr("made")) == (6, [("incr", "")])
        assert of(lambda: cache.get_many(["made", "none"])) == ({"made": 6}, [("get_many", "")])
    finally:
        cache.close()


FRAGMENT = "{% load cache %}{% cache 60 sidebar %}{{ value }}{% endcache %}"


@contextmanager
def default_cache() -> Iterator[Any]:
    from django.core.cache import caches

    caches["default"].clear()
    yield caches["default"]
    caches["default"].clear()


@pytest.mark.parametrize("value", ["text", ""])
def test_fragment(value):
    """A {% cache %} block is a miss, then a hit, also when it is empty; its cache operations stay what they are."""
    template = Engine(libraries={"cache": "django.templatetags.cache"}).from_string(FRAGMENT)
    with default_cache():
        for expected, operations in (("miss", ["get", "set"]), ("hit", ["get"])):
            with record() as seen:
                assert template.render(Context({"value": value})) == value
            fragments = [each for each in seen.operations if each.subject.kind == "fragment"]
            assert [(each.subject.name, each.subject.attributes["result"]) for each in fragments] == [
                ("sidebar", expected)
            ]
            inside = [each for each in seen.operations if each.subject.kind == "cache"]
            assert [each.subject.name for each in inside] == operations
            assert {each.parent for each in inside} == set(fragments)


def test_fragment_that_fails():
    """What a block raises passes, and the block is recorded with it."""

    def fail() -> str:
        raise LookupError

    template = Engine(libraries={"cache": "django.templatetags.cache"}).from_string(FRAGMENT)
    with default_cache(), capture("fragment") as operations, pytest.raises(LookupError):
        template.render(Context({"value": fail}))

    assert [(each.error, each.subject.attributes["result"]) for each in operations] == [(LookupError, "miss")]


def test_fragment_inside_a_fragment():
    """The inner block's cache operations do not tell the outer one's result."""
    nested = "{% load cache %}{% cache 60 outer %}{% cache 60 inner %}x{% endcache %}{% endcache %}"
    template = Engine(libraries={"cache": "django.templatetags.cache"}).from_string(nested)
    with default_cache() as cache:
        template.render(Context())
        with capture("fragment") as first:
            template.render(Context())
        assert len(cache._cache) == 2

    assert [(each.subject.name, each.subject.attributes["result"]) for each in first] == [("outer", "hit")]


def test_disappearing_backend_class():
    """After a restart the class of a new cache is observed again."""
    cache = make()
    restart()
    assert of(lambda: cache.get("key"))[1] in ([("get", "miss")], [])
    assert of(lambda: make().get("key"))[1][-1] == ("get", "miss")


values = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.lists(st.integers()))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["get", "set", "add", "delete", "get_or_set", "incr", "has_key", "get_many", "touch"]
            ),
            st.sampled_from("abc"),
            values,
        ),
        max_size=30,
    )
)
def test_any_sequence_gives_what_plain_django_gives(calls):
    """The same calls with and without djmetrics: the same results, exceptions and contents; one operation each."""

    def run(cache: Any) -> list[Any]:
        results: list[Any] = []
        for name, key, value in calls:
            try:
                if name in ("set", "add", "get_or_set", "get"):
                    results.append(getattr(cache, name)(key, value))
                elif name == "get_many":
                    results.append(cache.get_many([key, "z"]))
                else:
                    results.append(getattr(cache, name)(key))
            except Exception as error:
                results.append((type(error), str(error)))
        return [*results, cache.get_many("abc")]

    with capture("cache") as operations:
        ours = run(make())
    runtime.stop()
    try:
        plain = run(make())
    finally:
        runtime.start()
    assert ours == plain
    assert len(operations) == len(calls) + 2  # clear, and get_many at the end


def test_copied_default_is_still_ours():
    """A backend of Django's may copy the default that it is given; a miss is a miss all the same."""
    from copy import copy, deepcopy

    from djmetrics.caches import MISSING

    assert copy(MISSING) is deepcopy([MISSING])[0] is MISSING


def test_what_is_remembered_is_bounded(monkeypatch):
    """However many aliases, classes and operations there are, what is remembered of them has a limit."""
    from djmetrics import caches

    monkeypatch.setattr(caches, "CEILING", 5)
    make()  # of a class that is wrapped from then on
    for number in range(20):
        made = type(f"Cache{number}", (LocMemCache,), {})(f"place {number}", {})
        assert made.get("key", 7) == 7
        caches.cache_subject(f"alias {number}", "get")
        caches.fragment_subject(f"fragment {number}", "hit")

    assert len(caches._subjects) <= 5
    assert len(caches._fragments) <= 5
    assert len(caches._trust) <= 5


class Strange(LocMemCache):
    """A backend whose set_many takes what has no items of Python's own."""

    def set_many(self, data: Any, *args: Any, **kwargs: Any) -> list[str]:
        return []

    def get_many(self, keys: Any, version: int | None = None) -> Any:
        return None

    def has_key(self, key: str, version: int | None = None) -> Any:
        return "perhaps"


def test_results_of_strange_types():
    """What is none of Python's own types is passed on, and not looked into."""
    cache = make(f"{__name__}.Strange")
    assert of(lambda: cache.set_many(iter([]))) == ([], [("set_many", "")])
    assert of(lambda: cache.get_many("ab")) == (None, [("get_many", "")])
    assert of(lambda: cache.has_key("a")) == ("perhaps", [("has_key", "")])


@pytest.mark.usefixtures("lenient")
def test_own_failure_changes_nothing(monkeypatch, cache):
    """Should we fail to judge a result, the caller gets it as ever."""
    from djmetrics import caches, guard

    def fail(*args: object) -> None:
        raise LookupError

    with record():
        cache.set("a", "text")
        monkeypatch.setattr(caches, "size", fail)
        cache.set("b", "text")
        assert cache.get_many(["a", "b"]) == {"a": "text", "b": "text"}

    assert guard.counts["hooks.cache.judge"] == 2


@pytest.mark.usefixtures("lenient")
def test_own_failure_to_adopt_a_cache(monkeypatch):
    """Should we fail to wrap its class, Django's cache is made all the same."""
    from djmetrics import guard
    from djmetrics.hooks.cache import CacheHook

    def fail(*args: object) -> None:
        raise LookupError

    monkeypatch.setattr(CacheHook, "_wrap_class", fail)
    cache = make()
    cache.set("a", 1)

    assert cache.get("a") == 1
    assert guard.counts["hooks.cache.create_connection"] == 1
