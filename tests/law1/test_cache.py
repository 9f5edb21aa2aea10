"""Caches: what callers get back, what is stored, and which arguments reach a backend."""

import asyncio
import functools
import pickle

import pytest
from django.core.cache import CacheHandler
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from djmetrics import runtime
from tests.law1.worlds import note, same, told


class Touchy:
    """Writes down whatever is done to it, and has no truth value."""

    def __init__(self, known="touchy"):
        self.known = known

    def __repr__(self):
        return f"<{self.known}>"

    def _touched(name):
        def method(self, *args):
            note("touched", name)
            raise TypeError(f"no {name}")

        return method

    __bool__, __eq__, __len__, __copy__ = map(_touched, ("bool", "eq", "len", "copy"))
    __deepcopy__, __iter__, __call__, __contains__ = map(_touched, ("deepcopy", "iter", "call", "contains"))
    __hash__ = _touched("hash")
    __reduce_ex__ = _touched("reduce")


class _Noted(BaseCache):
    """A backend that shows the arguments it is given."""

    def __init__(self, location, params):
        super().__init__(params)
        self.store = {}


class OwnGet(_Noted):
    """Its ``get`` treats the default in its own way; the rest is inherited."""

    def get(self, key, default=None, version=None):
        note("get", key, type(default).__name__, version)
        return self.store.get(key, default() if type(default) is type(note) else default)

    def set(self, key, value, timeout=5, version=None):
        note("set", key, type(value).__name__, timeout, version)
        self.store[key] = value

    def add(self, key, value, timeout=5, version=None):
        note("add", key, type(value).__name__)
        return self.store.setdefault(key, value) is value


class OtherNames(OwnGet):
    """With other parameter names, and more of them."""

    def get(self, k, fallback=None, /, *more, flag=False, **others):
        note("get", k, type(fallback).__name__, more, flag, sorted(others))
        return self.store.get(k, others.get("default", fallback))


class Static(_Noted):
    """Its operations are no plain functions."""

    @staticmethod
    def get(key, default=None, version=None):
        note("static get", key, type(default).__name__)
        return default

    @classmethod
    def set(cls, key, value, **kwargs):
        note("class set", cls.__name__, key)

    @property
    def has_key(self):
        return lambda key: note("property has_key", key)

    def _any(self, verb, *args, **kwargs):
        note(verb, args, sorted(kwargs))

    delete = functools.partialmethod(_any, "delete")
    touch = functools.partial(note, "touch")


class _Elsewhere:
    def get(self, key, default=None, version=None):
        note("elsewhere", key, type(default).__name__)
        return default


class Bound(_Noted):
    """Its ``get`` is a bound method of something else."""

    get = _Elsewhere().get


class Lazy(dict):
    """A mapping that shows what is asked of it."""

    def __len__(self):
        note("len of the mapping")
        return super().__len__()

    def values(self):
        note("values of the mapping")
        return super().values()


class Answers(_Noted):
    """Gives back what is costly or dangerous to look at."""

    def get(self, key, default=None, version=None):
        return Touchy()

    def has_key(self, key, version=None):
        return Touchy("truth")

    def get_many(self, keys, version=None):
        return Lazy((key, Touchy()) for key in keys)

    def set_many(self, data, timeout=5, version=None):
        note("set_many", type(data).__name__)
        return (key for key in data)


class Generated(_Noted):
    """Its ``get_many`` is a generator."""

    def get_many(self, keys, version=None):
        for key in keys:
            note("yields", key)
            yield key


class AsyncOnly(_Noted):
    """Overrides the async half only; ``aset`` is no coroutine function."""

    async def aget(self, key, default=None, version=None):
        note("aget", key, type(default).__name__)
        await asyncio.sleep(0)
        return default

    def aset(self, key, value, **kwargs):
        note("aset", key)
        return asyncio.sleep(0, "set")

    async def aget_many(self, keys, version=None):
        return dict.fromkeys(keys, 1)


class Slotted:
    """No subclass of anything; has no ``__dict__``; answers to every name."""

    __slots__ = ()

    def __init__(self, location, params):
        pass

    def __getattr__(self, name):
        note("asked for", name)
        raise KeyError(name)

    def get(self, key, default=None, version=None):
        return default


class Asking(LocMemCache):
    """Answers to every name that it does not have; refuses new attributes."""

    def __getattr__(self, name):
        note("asked for", name)
        raise RuntimeError(name)


class ThroughMany(DatabaseCache):
    """Its inherited ``get`` goes through its own ``get_many``."""

    def get_many(self, keys, version=None):
        class Shown(dict):
            def get(self, key, default=None):
                note("mapping get", key, type(default).__name__)
                return default

        return Shown()


class Failing(_Noted):
    """Raises all sorts of things."""

    def get(self, key, default=None, version=None):
        raise {"liar": Liar, "stop": StopIteration, "exit": SystemExit, "leave": GeneratorExit}[key]("failed")


class Liar(Exception):
    """Asking for its class fails."""

    __class__ = property(lambda self: 1 / 0)


class Wrapped(LocMemCache):
    """Counts on ``super()``."""

    def get(self, key, default=None, version=None):
        note("before", type(default).__name__)
        return super().get(f"w{key}", default, version)

    def set(self, key, *args, **kwargs):
        return super().set(f"w{key}", *args, **kwargs)


def made(backend, **options):
    """A cache as Django makes it."""
    name = backend if isinstance(backend, str) else f"{backend.__module__}.{backend.__qualname__}"
    return CacheHandler({"default": {"BACKEND": name, "LOCATION": f"law1 {id(note)}", **options}})["default"]


def _operations():
    """What is called, in order; made afresh, since iterators are among the arguments."""
    return [
        ("get", ("k",), {}),
        ("get", ("k", 0), {}),
        ("get", ("k",), {"default": Touchy()}),
        ("get", ("k", Touchy()), {}),
        ("get", ("k", note), {}),
        ("get", (), {"key": "k", "version": 2}),
        ("get", ("k", 1, 2), {}),
        ("get", (), {}),
        ("get", ("k", 1), {"default": 2}),
        ("get", ("k",), {"nonsense": 1}),
        ("get", ("k", 1, 2, 3, 4), {}),
        ("set", ("k", 5), {}),
        ("set", ("k", Touchy()), {}),
        ("set", ("k",), {}),
        ("add", ("k", 6), {}),
        ("get", ("k",), {}),
        ("has_key", ("k",), {}),
        ("touch", ("k",), {}),
        ("get_many", (["k", "l"],), {}),
        ("get_many", ((n for n in "kl"),), {}),
        ("get_many", ([["unhashable"]],), {}),
        ("set_many", ({"a": 1, "b": b"2"},), {}),
        ("delete_many", (iter("ab"),), {}),
        ("get_or_set", ("n", lambda: 7), {}),
        ("get_or_set", ("o", None), {}),
        ("get_or_set", ("p", Touchy()), {}),
        ("incr", ("k",), {}),
        ("incr", ("absent",), {}),
        ("decr", ("k", 2), {}),
        ("incr_version", ("k",), {}),
        ("delete", ("k",), {}),
        ("clear", (), {}),
        ("get", ("liar",), {}),
        ("get", ("stop",), {}),
        ("get", ("exit",), {}),
        ("get", ("leave",), {}),
        ("get", ("bad key with spaces" * 20,), {}),
        ("nothing", (), {}),
    ]


def _described(value):
    return f"<{value.known}>" if isinstance(value, Touchy) else value


def calls(cache):
    """Call every operation, sync and async, and write down what came."""

    async def awaited(method, args, kwargs):
        return await method(*args, **kwargs)

    for prefix in "", "a":
        for name, args, kwargs in _operations():
            if prefix and args[:1] in (("liar",), ("stop",), ("exit",), ("leave",)):
                continue  # asyncio never hands these on from a thread
            note("call", prefix + name)
            try:
                method = getattr(cache, prefix + name)
                result = method(*args, **kwargs) if not prefix else asyncio.run(awaited(method, args, kwargs))
                note("result", repr(_described(result)), type(result).__name__)
                if type(result).__name__ == "generator":
                    note("items", list(result))
            except BaseException as error:
                note("error", told(error))


@pytest.mark.parametrize(
    "backend",
    [
        OwnGet,
        OtherNames,
        Static,
        Bound,
        Answers,
        Generated,
        AsyncOnly,
        Slotted,
        Asking,
        Failing,
        Wrapped,
        LocMemCache,
        DummyCache,
    ],
)
def test_backend(backend):
    """Whatever a backend is made of, it gets the same arguments and its callers the same results."""
    same(lambda world: calls(made(backend)), empty=backend is Slotted)


def test_default_that_is_handed_on():
    """A backend's inherited ``get`` hands the caller's own default to what the backend overrides."""

    def scenario(world):
        cache = made(ThroughMany)
        cache.get("k", Touchy())
        cache.get("k")
        asyncio.run(cache.aget("k", Touchy()))

    same(scenario)


def test_file_backend(tmp_path):
    """Pickles on disk are the same bytes but for the time in them."""

    def scenario(world):
        cache = FileBasedCache(str(tmp_path / str(world.measured)), {})
        calls(cache)
        cache.set("kept", {"a": [1]}, None)
        for file in (tmp_path / str(world.measured)).iterdir():
            note(file.name, file.read_bytes())

    same(scenario)


@pytest.mark.parametrize("backend", [Asking, OwnGet, Wrapped])
def test_instance_that_django_did_not_make(backend):
    """A cache made by the site itself is asked for nothing that it does not have."""

    def scenario(world):
        made(backend)  # its class is known
        calls(backend("elsewhere", {}))

    same(scenario)


def test_pickled_cache(tmp_path):
    """A cache object that can be pickled can still be, and lives on."""

    def scenario(world):
        cache = made(FileBasedCache, LOCATION=str(tmp_path))
        copy = pickle.loads(pickle.dumps(cache))
        copy.set("a", 1)
        return copy.get("a"), type(copy).__name__

    same(scenario)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.just(()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["a", "b", "c"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("get"), keys, values),
        st.tuples(st.just("set"), keys, values),
        st.tuples(st.just("add"), keys, values),
        st.tuples(st.just("get_or_set"), keys, values),
        st.tuples(st.just("delete"), keys),
        st.tuples(st.just("has_key"), keys),
        st.tuples(st.just("incr"), keys),
        st.tuples(st.just("get_many"), st.lists(keys)),
        st.tuples(st.just("set_many"), st.dictionaries(keys, values)),
    ),
    max_size=12,
)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(steps=steps, backend=st.sampled_from([LocMemCache, Wrapped, DummyCache]), is_async=st.booleans())
def test_any_sequence_of_operations(steps, backend, is_async):
    """Falsy and odd values and defaults come back as what they are, by identity where they did."""

    async def awaited(awaitable):
        return await awaitable

    def scenario(world):
        cache = made(backend)
        cache.clear()
        for name, *args in steps:
            try:
                if is_async:
                    result = asyncio.run(awaited(getattr(cache, f"a{name}")(*args)))
                else:
                    result = getattr(cache, name)(*args)
                note(name, result, result is args[-1])
            except Exception as error:
                note(name, told(error))
        note("contents", sorted(getattr(cache, "_cache", {}).items()))

    same(scenario, empty=not steps)


class _Unhashable(type):
    """Classes that are equal to themselves only, and have no hash."""

    def __eq__(cls, other):
        return cls is other

    __hash__ = None


class UnhashableCache(LocMemCache, metaclass=_Unhashable):
    """A backend whose class cannot be looked up."""


class _Expressive(type):
    """Classes whose comparison is no truth value, as in libraries of expressions."""

    def __eq__(cls, other):
        raise TypeError("an expression has no truth value")

    __hash__ = type.__hash__


class Expression(metaclass=_Expressive):
    """A value of such a class."""


def test_hostile_classes():
    """Neither a cache's class nor a value's is asked anything."""

    def scenario(world):
        cache = CacheHandler({"default": {"BACKEND": f"{__name__}.UnhashableCache"}})["default"]
        cache.set("one", 1)
        cache.set("expression", Expression())
        note(cache.get("one"), cache.get("none", 0), type(cache.get("expression")).__name__)

    same(scenario)


def test_a_get_of_the_objects_own():
    """A ``get`` that somebody has put on one cache is given the caller's default, also by ``aget``."""

    def scenario(world):
        cache = CacheHandler({"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}})[
            "default"
        ]
        original = cache.get

        def theirs(key, default=None, version=None):
            note("theirs", key, default, version)
            return original(key, default, version)

        cache.get = theirs
        note(asyncio.run(cache.aget("none")), cache.get("none", 5))

    same(scenario)


def test_a_patched_get_is_given_the_callers_default(monkeypatch):
    """A site that has replaced the ``get`` of Django's class gets the very default there."""

    def theirs(self, key, default=None, version=None):
        note("theirs", key, default() if callable(default) else default)
        return default() if callable(default) else default

    def scenario(world):
        cache = CacheHandler({"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}})[
            "default"
        ]
        note(cache.get("none", lambda: 5))

    runtime.stop()
    monkeypatch.setattr(LocMemCache, "get", theirs)
    runtime.start()
    same(scenario)
    runtime.stop()
    monkeypatch.undo()
    runtime.start()
