"""The page: both formats, exemplars, names, filters, prometheus_client's own metrics and its multiprocess mode."""

import os
import subprocess
import sys
import textwrap
import time

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from djmetrics import catalogue
from djmetrics.exporters.prometheus import (
    Collector,
    Store,
    family_name,
    label_name,
    page_registry,
    prometheus_name,
    register,
    unregister,
)
from djmetrics.exporters.prometheus.exporter import PrometheusExporter

from .helpers import (
    ACTIVE,
    HITS,
    LATENCY,
    METRICS,
    MS,
    TIME,
    Held,
    add,
    observe,
    openmetrics,
    page,
    registry,
    values,
)


def exemplars(store: Store) -> dict[str, tuple[str, float, float]]:
    """The exemplars on the page, by le: trace id, value, time."""
    return {
        sample.labels["le"]: (
            sample.exemplar.labels["trace_id"],
            sample.exemplar.value,
            float(sample.exemplar.timestamp),
        )
        for family in parse_openmetrics(openmetrics(store))
        for sample in family.samples
        if sample.exemplar
    }


@pytest.fixture
def full_store():
    """A store of the whole catalogue with one observation of everything."""
    store = Store(catalogue.metrics())
    with store.lock:
        for metric in store.metrics:
            if metric.name in store.layouts:
                series = store.series(metric, tuple(f'a\\\n"{label}' for label in metric.labels))
                store.words[series.offset] += 1
    yield store
    store.close()


def test_names():
    """Dots become underscores; unit and _total are appended."""
    assert prometheus_name(catalogue.REQUEST_DURATION) == "http_server_request_duration_seconds"
    assert prometheus_name(catalogue.PHASE_TIME) == "django_request_phase_time_seconds_total"
    assert family_name(catalogue.PHASE_TIME) == "django_request_phase_time_seconds"
    assert prometheus_name(catalogue.RESPONSE_BODY_SIZE) == "http_server_response_body_size_bytes"
    assert prometheus_name(catalogue.WORKERS) == "djmetrics_workers"
    assert prometheus_name(catalogue.REQUEST_QUERIES) == "django_request_db_queries"
    assert label_name("http.request.method") == "http_request_method"


def test_every_metric_is_on_the_page(full_store):
    """Each metric of the catalogue is shown under its name, and both formats parse."""
    for families in (parse_text(page(full_store)), parse_openmetrics(openmetrics(full_store))):
        samples = {sample.name for family in families for sample in family.samples}
        for metric in catalogue.metrics():
            suffix = "_count" if metric.kind == "histogram" else ""
            if metric is catalogue.MIGRATIONS_UNAPPLIED:  # the databases are asked, not the store
                continue
            assert prometheus_name(metric) + suffix in samples
        assert not [name for name in samples if name.endswith("_created")]


def test_label_values_survive(full_store):
    """Quotes, backslashes and line ends in label values come through."""
    family = next(f for f in parse_text(page(full_store)) if f.name == "django_request_cpu_time_seconds")
    assert family.samples[0].labels["view"] == 'a\\\n"view'


def test_promtool(full_store, promtool):
    """Prometheus's own checker finds nothing to say."""
    assert promtool("check", "metrics", stdin=page(full_store)) == ""


def test_empty_store():
    """What nobody observed is not shown."""
    store = Store(METRICS)
    names = {
        line.split("{")[0].split(" ")[0] for line in page(store).splitlines() if not line.startswith("#")
    }
    assert names == {"djmetrics_workers"}


def test_claimed_but_not_observed(store):
    """Series that were claimed and never counted are left out; an idle gauge is shown as 0."""
    with store.lock:
        store.series(LATENCY, ("home", ""))
        store.series(HITS, ("home",))
        store.series(ACTIVE, ("GET",))
    found = values(store)
    assert not [name for name in found if name.startswith(("test_latency", "test_hits"))]
    assert found['test_active{method="GET"}'] == 0


def test_exemplar(store):
    """A bucket bears the trace that last fell into it, in shown units and seconds."""
    at = 1_700_000_000_123_456_789
    observe(store, 200 * MS, trace_id=(1 << 127) | 5, at=at)
    observe(store, 50 * MS)

    assert exemplars(store) == {"0.5": ("8" + "0" * 30 + "5", 0.2, float(f"{at / 1e9:.9f}"))}
    assert f'span_id="{7:016x}"' in openmetrics(store)
    assert "trace_id" not in page(store)


def test_newest_exemplar_of_all_workers(make_store, tmp_path):
    """Over all slots the newest one is shown, and it survives its worker."""
    reader = make_store()
    reader.attach(tmp_path)
    now = time.time_ns()
    observe(reader, 200 * MS, trace_id=1, at=now)

    def work() -> None:
        store = Store(METRICS)
        store.attach(tmp_path)
        observe(store, 300 * MS, trace_id=2, at=now + 10)
        observe(store, 50 * MS, trace_id=3, at=now)

    Held(work).kill()

    found = {le: trace for le, (trace, _, _) in exemplars(reader).items()}
    assert found == {"0.5": f"{2:032x}", "0.1": f"{3:032x}"}


@pytest.mark.parametrize("word", range(6))
def test_torn_exemplar(make_store, tmp_path, word):
    """An exemplar of which a killed worker wrote only a part is dropped for the next newest."""
    one, two = make_store(), make_store()
    for store, trace_id in ((one, 1), (two, 2)):
        store.attach(tmp_path)
        observe(store, 200 * MS, trace_id=trace_id, at=trace_id)
    with two.lock:
        series = two.series(LATENCY, ("home", ""))
    path = tmp_path / "exemplars-001.v1"
    place = (series.exemplars + 6 + word) * 8  # the second bucket's
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)

    assert [trace for trace, _, _ in exemplars(one).values()] == [f"{1:032x}"]


def test_exemplar_of_a_metric_without(store):
    """To give an exemplar to a counter does nothing."""
    with store.lock:
        series = store.series(HITS, ("home",))
        store.exemplar(series, 0, 1, 1, 1, 1)
    add(store, HITS)
    assert "trace_id" not in openmetrics(store)


def test_name_filter(store):
    """``name[]`` finds the metrics by any of their names, and reads nothing else."""
    observe(store, MS)
    add(store, TIME, (), 10**9)
    restricted = registry(store).restricted_registry(["test_time_seconds_total", "test_latency_seconds_sum"])

    lines = [line for line in generate_latest(restricted).decode().splitlines() if not line.startswith("#")]

    assert sorted(lines) == [
        'test_latency_seconds_sum{error_type="",view="home"} 0.001',
        "test_time_seconds_total 1.0",
    ]


def test_before(store):
    """What waits is counted before the page is made."""
    made = CollectorRegistry()
    made.register(Collector(store, before=lambda: add(store, HITS)))
    assert b'test_hits_total{view="home"} 1.0' in generate_latest(made)
    assert b'test_hits_total{view="home"} 2.0' in generate_latest(made)


def test_default_registry():
    """The page has the site's own metrics and ours; registering twice and unregistering twice are harmless."""
    store = Store([LATENCY])  # djmetrics's own names may be taken: by djmetrics
    collector = Collector(store)
    own = Counter("page_orders", "Orders.")
    try:
        observe(store, MS)
        register(collector)
        register(collector)
        assert page_registry(collector) is REGISTRY
        text = generate_latest(REGISTRY).decode()
        assert text.count("# TYPE test_latency_seconds histogram") == 1
        assert "page_orders_total 0.0" in text
    finally:
        unregister(collector)
        unregister(collector)
        REGISTRY.unregister(own)
    assert "test_latency" not in generate_latest(REGISTRY).decode()


MULTIPROCESS = """
import os, sys
from pathlib import Path
from prometheus_client import REGISTRY, Counter, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily
from djmetrics.exporters.prometheus import Collector, Store, page_registry, register
from tests.exporters.prometheus.helpers import *

class Custom:
    def collect(self):
        yield GaugeMetricFamily("site_custom", "Custom.", value=4)

folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
orders = Counter("site_orders", "Orders.")
REGISTRY.register(Custom())
store = Store(METRICS)
collector = Collector(store)
store.attach(folder)

def work():
    orders.inc()
    observe(store, MS)

for _ in range(3):
    assert join(fork(work)) == 0
work()
for _ in range(2):
    page = generate_latest(page_registry(collector)).decode()
print(page)
names = ["site_orders_total", "site_custom", "test_latency_seconds_count"]
print("FILTERED", generate_latest(page_registry(collector).restricted_registry(names)).decode())
"""


def test_multiprocess_mode_of_prometheus_client(tmp_path):
    """A site that uses prometheus_client's multiprocess mode sees its own totals, custom collectors and ours."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(MULTIPROCESS)],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown, filtered = done.stdout.split("FILTERED")
    for text in (shown, filtered):
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert lines.count("site_orders_total 4.0") == 1
        assert lines.count("site_custom 4.0") == 1
        assert lines.count('test_latency_seconds_count{error_type="",view="home"} 4.0') == 1
    assert "process_cpu_seconds" not in shown
    assert "python_info" in shown
    assert "python_info" not in filtered


def test_the_page_of_several_processes_tells_nothing_of_one():
    """The CPU time and the garbage of whichever process answers are left out; what the site registered is not."""
    store = Store([HITS])
    own = Counter("a_site_s_orders", "Orders.")
    collector = Collector(store)
    try:
        alone = {family.name for family in page_registry(collector).collect()}
        shared = {family.name for family in page_registry(collector, True).collect()}
    finally:
        unregister(collector)
        REGISTRY.unregister(own)

    gone = {name for name in alone if name.startswith(("process_", "python_gc_"))}
    assert gone
    assert alone - shared == gone
    assert "a_site_s_orders" in shared


def test_what_databases_lack():
    """What nobody counts in the store comes from whoever was asked; without an answer there is no family."""
    store = Store(METRICS)
    registry = CollectorRegistry()
    registry.register(
        Collector(Store(catalogue.metrics()), unapplied=lambda: {("default",): 2, ("other",): 0})
    )
    lines = generate_latest(registry).decode().splitlines()
    assert [line for line in lines if line.startswith("django_migrations_unapplied")] == [
        'django_migrations_unapplied{alias="default"} 2.0',
        'django_migrations_unapplied{alias="other"} 0.0',
    ]
    assert "django_migrations" not in page(store)


def test_capacity_is_that_of_those_who_say_so():
    """A worker whose server does not say how many requests it can serve is no worker of none."""
    store = Store(catalogue.metrics())
    exporter = PrometheusExporter(store)
    exporter.flush()
    assert "djmetrics_worker_capacity" not in page(store)
    exporter.hold({catalogue.WORKER_CAPACITY: ((), 4)})
    assert "djmetrics_worker_capacity 4.0" in page(store)
    exporter.hold({catalogue.WORKER_CAPACITY: ((), 8)})
    assert "djmetrics_worker_capacity 8.0" in page(store)
