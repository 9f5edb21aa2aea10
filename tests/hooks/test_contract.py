"""What every hook promises: it can be undone, it changes nothing, and what it records ends when it is uninstalled."""

import asyncio
import functools
import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django
import jinja2
import pytest
from asgiref.sync import AsyncToSync, SyncToAsync
from django.core.cache import CacheHandler
from django.core.cache.backends.base import BaseCache
from django.core.handlers import base, exception
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.core.management.base import BaseCommand
from django.core.signals import got_request_exception
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.forms.renderers import BaseRenderer
from django.template import base as template_base
from django.template.base import Template
from django.template.loader_tags import ExtendsNode
from django.templatetags.cache import CacheNode
from django.test import override_settings
from flags import state as flags_state
from waffle.models import AbstractBaseFlag, AbstractBaseSample, AbstractBaseSwitch

from djmetrics import conf, guard, patching, recorder, runtime, units
from djmetrics.exporters import Exporter
from djmetrics.hooks import Hook
from djmetrics.testing import record

from .site import request_record
from .uses import BOOM, THING, USES, Boom, DictCache, Use

OWNERS: list[Any] = [
    ASGIHandler, AsyncToSync, BaseCache, BaseCommand, BaseDatabaseWrapper, BaseHandler, BaseRenderer, CacheHandler,
    CacheNode, CursorWrapper, DictCache, ExtendsNode, SyncToAsync, Template, base, exception, jinja2.Environment,
    jinja2.Template, AbstractBaseFlag, AbstractBaseSample, AbstractBaseSwitch, flags_state,
    *([importlib.import_module("django.tasks.base").Task] if django.VERSION >= (6, 0) else []),
    *([template_base.PartialTemplate] if hasattr(template_base, "PartialTemplate") else []),
]  # fmt: skip
"""Whatever any hook replaces something of."""

all_hooks = pytest.mark.parametrize("use", USES, ids=lambda use: use.hook)
# What the hook of threads adds to is CPU time: see test_threads.py.
recording_hooks = pytest.mark.parametrize(
    "use", [use for use in USES if use.hook != "threads"], ids=lambda use: use.hook
)

State = dict[tuple[int, str], Any]


def state() -> State:
    """Every attribute of everything that hooks touch, and who listens to their signal."""
    attributes = {
        (index, name): value for index, owner in enumerate(OWNERS) for name, value in vars(owner).items()
    }
    return {**attributes, (-1, "receivers"): list(got_request_exception.receivers)}


def differences(before: State, after: State) -> list[tuple[Any, str]]:
    """The attributes that are not the identical objects."""
    missing = object()
    return [
        (OWNERS[index] if index >= 0 else None, name)
        for index, name in {**before, **after}
        if before.get((index, name), missing) is not after.get((index, name), missing)
        and not (index == -1 and before[index, name] == after[index, name])
    ]


def hook(use: Use) -> Hook:
    """A hook of the built-in class, that has installed nothing yet."""
    return next(each for each in runtime.HOOKS if each.name == use.hook)()


@contextmanager
def installed(use: Use) -> Iterator[Hook]:
    """Only this hook is installed inside the block."""
    made = hook(use)
    made.install()
    try:
        yield made
    finally:
        made.uninstall()


def used(use: Use) -> int:
    """Use the component in a request: how much of it was recorded."""
    with record() as seen, request_record():
        assert use.works() is THING
    return use.count(seen)


def works_and_fails(use: Use) -> None:
    """Return values and exceptions come out as the identical objects."""
    assert use.works() is THING
    with pytest.raises(Boom) as caught:
        use.fails()
    assert caught.value is BOOM


def test_every_hook_is_here():
    """The contract holds for every built-in hook, by the names that settings know."""
    names = [hook.name for hook in runtime.HOOKS]
    assert names == list(conf.HOOKS)
    assert [use.hook for use in USES] == [
        name for name in names if name != "tasks" or django.VERSION >= (6, 0)
    ]


@pytest.mark.usefixtures("stopped")
def test_after_stop_nothing_is_in_place():
    """When djmetrics is stopped it has put everything back."""
    assert patching.in_place() == []


@all_hooks
@pytest.mark.usefixtures("stopped")
def test_second_install_changes_nothing(use):
    """Installed twice is installed once."""
    with installed(use) as made:
        use.works()
        before = state()
        made.install()

        assert differences(before, state()) == []


@all_hooks
@pytest.mark.usefixtures("stopped")
def test_uninstall_restores_identical_objects(use):
    """After uninstall every attribute is the object that it was; a second uninstall does no harm."""
    before = state()
    with installed(use) as made:
        made.install()
        use.works()
        assert differences(before, state()) != []

    made.uninstall()
    assert differences(before, state()) == []


@recording_hooks
@pytest.mark.usefixtures("stopped")
def test_records_once_and_only_while_installed(use):
    """One use is recorded once, also when installed twice and when installed again; nothing is after uninstall."""
    made = hook(use)
    assert used(use) == 0
    made.install()
    made.install()
    assert used(use) == 1
    made.uninstall()
    assert used(use) == 0
    made.install()
    assert used(use) == 1
    made.uninstall()


@all_hooks
def test_values_and_exceptions_pass_unchanged(use):
    """With all hooks on, return values and exceptions are the identical objects, in a request and outside any."""
    works_and_fails(use)
    with request_record():
        works_and_fails(use)


@recording_hooks
def test_error_is_recorded_by_its_class(use):
    """What an exception leaves is recorded with its class."""
    with record() as seen, request_record(), pytest.raises(Boom):
        use.fails()

    left = [each.error for each in seen.operations if each.subject.kind == use.kind]
    assert left == ([] if use.hook in ("request", "flags") else [Boom])


@all_hooks
def test_in_threads(use):
    """Threads of their own, outside any request, get what they would."""
    results: list[Any] = []

    def work() -> None:
        try:
            works_and_fails(use)
        except BaseException as error:
            results.append(error)
        else:
            results.append(THING)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [THING] * 4


@pytest.mark.parametrize("use", [use for use in USES if use.hook != "threads"], ids=lambda use: use.hook)
@pytest.mark.usefixtures("stopped")
def test_under_gather(use):
    """Tasks that run side by side are each recorded, and record nothing of one another."""

    async def task() -> bool:
        with request_record():
            await asyncio.sleep(0)
            right = use.works() is THING
            await asyncio.sleep(0)
            return right

    async def main() -> list[bool]:
        return await asyncio.gather(*(task() for _ in range(3)))

    with installed(use), record() as seen:
        assert asyncio.run(main()) == [True] * 3

    assert use.count(seen) == 3
    if use.hook not in ("request", "flags"):
        assert [len([*each.layers, *each.operations]) > 0 for each in seen.records] == [True] * 3


class Failing(Exporter):
    """An exporter that fails at everything."""

    def opened(self, record: object) -> None:
        raise OSError("opened")

    def spill(self, record: object, operations: object) -> None:
        raise OSError("spill")

    def export(self, record: object) -> None:
        raise OSError("export")

    def dropped(self, record: object) -> None:
        raise OSError("dropped")


@all_hooks
@pytest.mark.usefixtures("lenient")
def test_failing_exporter_changes_nothing(use, caplog):
    """It is counted each time and logged once, and the next exporter gets everything."""
    with units.also(Failing()), record() as seen:
        for _ in range(3):
            with request_record():
                works_and_fails(use)

    assert use.hook == "threads" or use.count(seen) >= 3
    assert guard.counts["exporter Failing.export"] >= 3
    assert len([each for each in caplog.records if "exporter Failing.export" in each.message]) == 1


@pytest.mark.usefixtures("lenient")
def test_failing_exporter_spills_and_drops(caplog):
    """It may fail at what happens outside requests, and at records that are left out."""
    with units.also(Failing()):
        USES[4].works()
        units.flush()
        with request_record():
            recorder.discard()

    assert guard.counts["exporter Failing.spill"] == guard.counts["exporter Failing.dropped"] == 1


CALLS: list[str] = []


def vendors(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Another vendor's patch over ``original``."""

    @functools.wraps(original)
    def patched(*args: Any, **kwargs: Any) -> Any:
        CALLS.append(name)
        return original(*args, **kwargs)

    return patched


@contextmanager
def vendor(places: list[tuple[Any, str]]) -> Iterator[dict[tuple[Any, str], Any]]:
    """Another vendor's patches are in place inside the block; what was there is blindly put back at its end."""
    CALLS.clear()
    places = [(owner, name) for owner, name in places if hasattr(owner, name)]
    before = [(owner, name, name in vars(owner), vars(owner).get(name)) for owner, name in places]
    theirs = {}
    for owner, name in places:
        theirs[owner, name] = vendors(getattr(owner, name), name)
        setattr(owner, name, theirs[owner, name])
    try:
        yield theirs
    finally:
        for owner, name, own, value in before:
            setattr(owner, name, value) if own else delattr(owner, name)


def places_of(use: Use) -> list[tuple[Any, str]]:
    """What the hook replaces."""
    before = state()
    with installed(use):
        use.works()
        return [(owner, name) for owner, name in differences(before, state()) if owner is not None]


@all_hooks
@pytest.mark.usefixtures("stopped")
def test_vendor_below(use):
    """Patches that were there before ours go on working, and are back after uninstall."""
    with vendor(places_of(use)) as theirs:
        with installed(use):
            works_and_fails(use)
            assert CALLS
            if use.hook != "threads":
                assert used(use) == 1
        assert all(vars(owner)[name] is patch for (owner, name), patch in theirs.items())


@all_hooks
@pytest.mark.usefixtures("stopped")
def test_vendor_above(use):
    """Patches that came after ours stay when we go; ours below them lies still, and comes to life again."""
    places, before = places_of(use), state()
    with installed(use) as made:
        use.works()  # the cache hook finds a class when it is first used
        with vendor(places) as theirs:
            works_and_fails(use)
            assert CALLS
            made.uninstall()
            assert all(vars(owner)[name] is patch for (owner, name), patch in theirs.items())
            works_and_fails(use)
            if use.hook != "threads":
                assert used(use) == 0
                made.install()
                assert used(use) == 1
        works_and_fails(use)

    assert differences(before, state()) == []


def test_override_settings_switches_hooks_off_one_by_one():
    """A hook that ``HOOKS`` switches off is not installed, the others are; afterwards all are again."""
    names = [each.name for each in runtime.hooks()]
    for name in names:
        with override_settings(DJMETRICS={"HOOKS": {name: False}}):
            assert [each.name for each in runtime.hooks()] == [each for each in names if each != name]

    assert [each.name for each in runtime.hooks()] == names == list(conf.HOOKS)


@recording_hooks
def test_hook_that_is_off_leaves_its_component_alone(use):
    """What a switched-off hook would replace is plain Django's."""
    with override_settings(DJMETRICS={"HOOKS": {use.hook: False}}):
        before = state()
        assert used(use) == 0
        with installed(use):
            assert differences(before, state()) != []


class OwnHook(Hook):
    """A third party's hook."""

    name = "own"

    def patch(self) -> None:
        self.patches.replace(
            DictCache, "close", lambda original: lambda cache, **kwargs: original(cache, **kwargs)
        )


class OwnExporter(Exporter):
    """A third party's exporter."""

    exported: list[Any] = []

    def export(self, record: Any) -> None:
        self.exported.append(record)


def test_third_parties_by_dotted_path():
    """A hook and an exporter are added by their dotted paths, and gone without them."""
    paths = {"EXTRA_HOOKS": [f"{__name__}.OwnHook"], "EXTRA_EXPORTERS": [f"{__name__}.OwnExporter"]}
    with override_settings(DJMETRICS=paths):
        assert [each.name for each in runtime.hooks()][-1] == "own"
        assert "close" in vars(DictCache)
        with request_record() as made:
            pass
    with request_record():
        pass

    assert OwnExporter.exported == [made]
    assert "close" not in vars(DictCache)


@pytest.mark.usefixtures("lenient")
def test_third_party_that_cannot_be_made(caplog):
    """A path that leads nowhere is left out with a warning, a hook that fails is counted; the rest works."""
    wrong = {
        "EXTRA_HOOKS": ["nowhere.at.all", f"{__name__}.BrokenHook"],
        "EXTRA_EXPORTERS": ["nowhere.to.be.found"],
    }
    with override_settings(DJMETRICS=wrong):
        assert [each.name for each in runtime.hooks()] == list(conf.HOOKS)
        works_and_fails(USES[3])

    warned = [each for each in caplog.records if each.levelname == "WARNING" and each.name == "djmetrics"]
    for path in "nowhere.at.all", "nowhere.to.be.found":
        assert [each.exc_info for each in warned if path in each.getMessage()] == [None]
    assert guard.counts == {"hook broken.install": 1}


class BrokenHook(Hook):
    """A hook that cannot be installed."""

    name = "broken"

    def patch(self) -> None:
        raise LookupError


class StuckHook(Hook):
    """A hook that cannot be uninstalled."""

    name = "stuck"

    def patch(self) -> None:
        pass

    def uninstall(self) -> None:
        raise LookupError


@pytest.mark.usefixtures("lenient")
def test_hook_that_cannot_be_uninstalled():
    """The others are put back all the same."""
    with override_settings(DJMETRICS={"EXTRA_HOOKS": [f"{__name__}.StuckHook"]}):
        runtime.stop()
        assert patching.in_place() == []

    assert guard.counts["hook stuck.uninstall"] == 1
