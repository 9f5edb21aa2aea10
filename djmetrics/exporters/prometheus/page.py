"""What the metrics page shows: the store's metrics beside the site's own."""

from prometheus_client import GC_COLLECTOR, PROCESS_COLLECTOR, REGISTRY, CollectorRegistry, values
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector as RegistryCollector

from .collector import Collector


def register(collector: Collector) -> None:
    """Put ``collector`` into prometheus_client's default registry; to do so twice does no harm.

    Raises ``ValueError`` if another collector there has metrics of the same names.
    """
    if collector not in _registered():
        REGISTRY.register(collector)


def unregister(collector: Collector) -> None:
    """Take ``collector`` out of the default registry, if it is there."""
    if collector in _registered():
        REGISTRY.unregister(collector)


def page_registry(collector: Collector, shared: bool = False) -> CollectorRegistry:
    """The registry of a page with the site's own metrics and those of ``collector``.

    prometheus_client's default registry, with ``collector`` registered. Where several processes are ``shared`` on one
    page, a new one without what prometheus_client tells of the process that answers; and if the site uses
    prometheus_client's multiprocess mode, with what all processes have counted there.
    Raises ``ValueError`` if prometheus_client's folder is gone.
    """
    register(collector)
    in_files = is_multiprocess()
    if not (in_files or shared):
        return REGISTRY
    registry = CollectorRegistry(support_collectors_without_names=True)
    if in_files:
        MultiProcessCollector(registry)
    for found in _registered():
        # The CPU time and the garbage of whichever worker answers would mislead: they jump from scrape to scrape.
        # What the site counts is in prometheus_client's files, if it keeps any.
        if found not in (PROCESS_COLLECTOR, GC_COLLECTOR) and not (
            in_files and isinstance(found, MetricWrapperBase)
        ):
            registry.register(found)
    return registry


def is_multiprocess() -> bool:
    """Whether prometheus_client keeps the site's own metrics in files; decided when it is first imported."""
    return bool(getattr(values.ValueClass, "_multiprocess", False))


def _registered() -> list[RegistryCollector]:
    """The collectors of the default registry, which has no public list of them."""
    return list(REGISTRY._collector_to_names)
