"""The clocks: what a nanosecond is, and of what.

Only the recorder reads them, so that a test can replace them all at one place.
"""

import time

now = time.perf_counter_ns
"""Wall time in nanoseconds, monotonic, from an arbitrary start."""

unix = time.time_ns
"""Nanoseconds since 1970: when a record began; it may jump when the machine's clock is set."""

cpu = time.thread_time_ns
"""CPU time of the calling thread in nanoseconds (``CLOCK_THREAD_CPUTIME_ID``), user and system together."""
