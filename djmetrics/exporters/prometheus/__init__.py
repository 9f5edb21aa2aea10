"""The Prometheus exporter: counts finished records in a store of its own, shown through prometheus_client."""

from .collector import Collector
from .layout import OVERFLOW
from .naming import family_name, label_name, prometheus_name
from .page import page_registry, register, unregister
from .series import Series
from .store import Store

__all__ = [
    "OVERFLOW",
    "Collector",
    "Series",
    "Store",
    "family_name",
    "label_name",
    "page_registry",
    "prometheus_name",
    "register",
    "unregister",
]
