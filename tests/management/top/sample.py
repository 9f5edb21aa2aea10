"""A site's metrics, made with prometheus_client alone: what the table reads is the exposition format, not our code."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Sample:
    """A few views whose requests a test invents."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.duration = Histogram(
            "http_server_request_duration_seconds",
            "d",
            ["view", "http_request_method", "http_route", "http_response_status_code", "error_type"],
            buckets=(0.01, 0.1, 1.0),
            registry=self.registry,
        )
        self.queries = Histogram("django_request_db_queries", "q", ["view"], registry=self.registry)
        self.cpu = Histogram("django_request_cpu_time_seconds", "c", ["view"], registry=self.registry)
        self.phases = Counter(
            "django_request_phase_time_seconds", "p", ["view", "phase"], registry=self.registry
        )
        Gauge("something_else", "not for the table", registry=self.registry).set(1)

    def request(
        self, view: str, seconds: float, queries: int = 2, status: str = "200", error: str = ""
    ) -> None:
        """One request; a quarter of its time in the database, the rest in the view, half of it on the CPU."""
        self.duration.labels(view, "GET", "r/", status, error).observe(seconds)
        self.queries.labels(view).observe(queries)
        self.cpu.labels(view).observe(seconds / 2)
        self.phases.labels(view, "db").inc(seconds / 4)
        self.phases.labels(view, "view").inc(seconds * 3 / 4)

    def page(self) -> bytes:
        """The page as Prometheus would get it."""
        return generate_latest(self.registry)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The page as an answer of a server."""
        return 200, {"Content-Type": "text/plain; version=0.0.4"}, self.page()
