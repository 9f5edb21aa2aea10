"""start() and stop(): the one place that joins hooks, recorder and exporters."""

import atexit
import logging
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import django
from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string
from prometheus_client import REGISTRY, CollectorRegistry

from . import (
    __version__,
    capacity,
    catalogue,
    ends,
    folders,
    guard,
    gunicorn_check,
    outlets,
    port,
    recorder,
    sql,
    tally,
    units,
    workers,
)
from .built_in import HOOKS
from .conf import Settings, get_settings
from .exporters.prometheus import Collector, Store, register, unregister
from .exporters.prometheus import page_registry as registry_with
from .exporters.prometheus.exporter import PrometheusExporter
from .hooks import Hook
from .telling import tell
from .unapplied import Unapplied

logger = logging.getLogger("djmetrics")

_settings: Settings | None = None
_hooks: list[Hook] = []
_built_in: dict[type[Hook], Hook] = {}
_store: Store | None = None
_exporter: PrometheusExporter | None = None
_collector: Collector | None = None
_destinations: list[Any] = []
"""The exporters that send by themselves: they ``finish`` with a worker, and ``close`` with ``stop``."""
_unapplied = Unapplied()
_serving = False
_serving_pid = 0

_forks_unseen = "uwsgi" in sys.modules
"""uWSGI forks without telling Python."""


def start() -> None:
    """Start to measure, as ``DJMETRICS`` says; a second call does nothing. Runs no query and binds no port."""
    global _settings
    if _settings is not None:
        return
    settings = get_settings()
    if not settings.enabled:
        return
    _settings = settings
    sql.repeated_from = settings.repeated_queries
    metrics = _prometheus(settings)
    metrics.annotations = settings.annotations
    _destinations.extend(outlets.made(settings))
    if _destinations:
        atexit.register(_finish)  # after the destinations' own, so that it runs before them
    exporters: list[units.Exporter] = [metrics, *_destinations]
    exporters += [made for path in settings.extra_exporters if (made := _make(path)) is not None]
    units.configure(exporters, settings.max_operations, frozenset(settings.exclude_views))
    for hook in HOOKS:
        if settings.hook_enabled(hook.name):
            # The same object each time: it knows what it has patched, should another's patch lie above its own.
            _install(_built_in.setdefault(hook, hook()))
    for path in settings.extra_hooks:
        if (extra := _make(path)) is not None:
            _install(extra)


def stop() -> None:
    """Stop to measure and put everything back; what was counted stays on the page until the process ends."""
    global _settings
    for hook in reversed(_hooks):
        try:
            hook.uninstall()
        except Exception:
            guard.failed(f"hook {hook.name}.uninstall")
    _hooks.clear()
    units.flush()
    units.configure((), 1)
    ends.forget()
    _tell_destinations("close")
    _destinations.clear()
    atexit.unregister(_finish)
    outlets.none()
    _settings = None


def started() -> bool:
    """Whether djmetrics measures in this process."""
    return _settings is not None


def hooks() -> list[Hook]:
    """The hooks that are installed."""
    return list(_hooks)


def exporter() -> PrometheusExporter | None:
    """The Prometheus exporter, once there is one."""
    return _exporter


def page_registry() -> CollectorRegistry:
    """What /metrics shows: the site's own metrics and, once djmetrics was started, ours."""
    return REGISTRY if _collector is None else registry_with(_collector, units.shared)


def flush(seconds: float = 5.0) -> bool:
    """Hand on what waits to be counted and sent, in at most so long; whether all of it is. For tests and scripts."""
    _flush()
    done = [each.flush(seconds) for each in _destinations]
    return all(done)


def serving(request: Any = None) -> None:
    """This process serves requests: share its figures with its siblings, serve METRICS_PORT. Cheap again.

    ``request`` is the one that shows it; those of Django's test client do not.
    """
    if _serving and not (_forks_unseen and _serving_pid != os.getpid()):
        return
    _start_serving(request)


def _start_serving(request: Any) -> None:
    global _serving, _serving_pid
    if _settings is None:
        return
    if request is not None and hasattr(request, "_dont_enforce_csrf_checks"):
        return
    _serving, _serving_pid = True, os.getpid()
    try:
        if _store is not None:
            _store.refresh_process()  # a fork may have gone unseen, as uWSGI's does
        _show_capacity()  # first: once it shares its figures, others count this worker
        folder = workers.shared_folder()
        if folder is not None and _store is not None and _exporter is not None:
            _store.attach(folder)
            # Others read what this process counts.
            _exporter.batch = 1
            units.shared = True
            tally.publish = _exporter.publish
            atexit.register(_flush)
            _remind_of_gunicorn(folder)
        if _destinations:
            ends.before(lambda: _tell_destinations("finish"))
        if _settings.metrics_port is not None and not workers.is_management_command():
            port.start(_settings.metrics_port, _settings.metrics_address, page_registry)
    except Exception:
        guard.failed("runtime.serving")


def _remind_of_gunicorn(folder: Path) -> None:
    """Say what several gunicorn workers lack without our line: of one server's, the one that made the folder.

    System checks run in other processes, which do not see gunicorn's command line.
    """
    if not folders.was_made_here(folder) or gunicorn_check.ID in django_settings.SILENCED_SYSTEM_CHECKS:
        return
    if said := gunicorn_check.reminder():
        logger.warning(said)


def _prometheus(settings: Settings) -> PrometheusExporter:
    """The exporter, made once: what was counted outlives a change of other settings."""
    global _store, _exporter, _collector
    ceilings = {metric.name: settings.max_series_of(metric.name) for metric in catalogue.metrics()}
    buckets = {
        metric.name: chosen for metric in catalogue.metrics() if (chosen := settings.buckets_of(metric.name))
    }
    if _exporter is not None and (ceilings, buckets) == _exporter.configuration:
        return _exporter
    if _collector is not None:
        unregister(_collector)
    _store = Store(catalogue.metrics(), buckets=buckets, max_series_by_metric=ceilings)
    _exporter = PrometheusExporter(_store)
    _exporter.configuration = (ceilings, buckets)
    versions = __version__, settings.release, django.__version__, platform.python_version()
    _exporter.constants = {catalogue.BUILD_INFO: (versions, 1)}
    _collector = Collector(_store, before=_flush, unapplied=_lacking)
    register(_collector)
    return _exporter


def _lacking() -> Mapping[tuple[str, ...], int]:
    """The migrations that each database lacks, if the site wants to know."""
    try:
        return _unapplied.read() if _settings is not None and _settings.migrations else {}
    except Exception:  # DATABASES may be anything, and the page shows the rest
        guard.failed("runtime.migrations")
        return {}


def _show_capacity() -> None:
    """How many requests this worker can serve at once is known once it serves."""
    if _exporter is not None and (slots := capacity.capacity()):
        _exporter.hold({**_exporter.constants, catalogue.WORKER_CAPACITY: ((), slots)})


def _finish() -> None:
    """At a process's end: what broke last may wait for a request that never comes."""
    _flush()


def _tell_destinations(what: str) -> None:
    for each in _destinations:
        try:
            getattr(each, what)()
        except Exception:
            guard.failed(f"exporter {type(each).__name__}.{what}")


def _flush() -> None:
    """Count what waits to be counted, ahead of a scrape."""
    try:
        units.flush()
        if _exporter is not None:
            tell(PrometheusExporter.flush, _exporter)
    except Exception:
        guard.failed("runtime.flush")


def _make(path: str) -> Any:
    """An instance of the class at a dotted path, or None; the system checks say what is wrong with it."""
    try:
        return import_string(path)()
    except Exception as error:
        logger.warning("djmetrics leaves out %s: %r. See the system check djmetrics.W010.", path, error)
        return None


def _install(hook: Hook) -> None:
    try:
        hook.install()
        _hooks.append(hook)
    except Exception:
        guard.failed(f"hook {hook.name}.install")


def _restart(*, setting: str, **kwargs: Any) -> None:
    if setting == "DJMETRICS" and (_settings is not None or get_settings().enabled):
        stop()
        start()


def _after_fork() -> None:
    """In a child: what the parent recorded and has not counted yet is the parent's to count."""
    global _serving, _unapplied
    _serving = False
    recorder.disown()
    _unapplied = Unapplied()
    units.reset()
    if _exporter is not None:
        # A child is no worker until it serves.
        known = _exporter.constants.items()
        _exporter.constants = {
            metric: each for metric, each in known if metric is not catalogue.WORKER_CAPACITY
        }
        _exporter.forget()
    _tell_destinations("after_fork")


setting_changed.connect(_restart, dispatch_uid="djmetrics.runtime")
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
