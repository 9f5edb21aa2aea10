"""How many requests the workers can serve at once, as the page tells it under each real server."""

from .client import fetch_all
from .drivers import Server
from .page import scrape_until

CAPACITY = "djmetrics_worker_capacity"
THREADS = {
    "gunicorn sync": 1,
    "gunicorn gthread": 4,
    "gunicorn preload": 1,
    "gunicorn recycling": 1,
    "gunicorn without our line": 1,
    "gunicorn with PROMETHEUS_MULTIPROC_DIR": 1,
    "uwsgi prefork": 2,
    "uwsgi lazy-apps": 2,
    "apache mod_wsgi": 4,
}
"""Of each process, as the configurations start them; the others have no such number."""


def test_capacity(server: Server) -> None:
    """Threads of all workers that have served; no sample at all where there is no such number."""
    name, workers = server.configuration.name, server.configuration.workers
    server.worker_pids(workers)
    fetch_all(server.port, ["/hello/"] * 20)
    page = scrape_until(server.port, lambda page: page.value("djmetrics_workers") >= workers)
    threads = THREADS.get(name, 0)
    assert page.value(CAPACITY) == threads * page.value("djmetrics_workers"), name
    assert bool(page.all(CAPACITY)) == bool(threads), name
