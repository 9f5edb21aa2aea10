"""The clocks are Python's own, in nanoseconds."""

import time

from djmetrics import clock


def test_now():
    """Wall time never goes back."""
    times = [clock.now() for _ in range(100)]
    assert times == sorted(times)
    assert isinstance(times[0], int)


def test_unix():
    """Nanoseconds since 1970."""
    assert abs(clock.unix() - time.time() * 1e9) < 5e9


def test_cpu():
    """CPU time of this thread only goes on while it works."""
    before = clock.cpu()
    time.sleep(0.02)
    slept = clock.cpu() - before
    while clock.cpu() - before < 20_000_000:
        pass
    assert slept < 15_000_000
