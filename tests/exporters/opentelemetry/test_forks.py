"""A fork in the middle of something: the child waits for no thread that it does not have."""

import os
import signal

import pytest

from djmetrics import runtime
from djmetrics.exporters.opentelemetry import OpenTelemetryExporter


def in_child(work):
    """Do it in a forked child, which a signal ends if it hangs; its exit status."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(10)
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitpid(pid, 0)[1]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_locks_of_the_parent_are_free(memory, switched_on):
    """While another thread looked for the provider the child was made: it looks itself."""
    with switched_on():
        (exporter,) = [each for each in runtime._destinations if isinstance(each, OpenTelemetryExporter)]
        with exporter._provider._lock, exporter._joining:
            status = in_child(lambda: exporter._tracer() is not None)
    assert status == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_the_process_of_a_child_is_its_own(monkeypatch, switched_on):
    """Where the provider was made before the fork, too."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    with switched_on():
        (exporter,) = [each for each in runtime._destinations if isinstance(each, OpenTelemetryExporter)]
        exporter._tracer()

        def is_own() -> bool:
            exporter._tracer()
            return exporter._pipeline.spans._resource.attributes["process.pid"] == os.getpid()

        assert is_own()
        assert in_child(is_own) == 0
