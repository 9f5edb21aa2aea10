"""Ids of traces and spans. Not from ``random``: a site may seed that, and count on what it gives then.

From the system, which no fork copies: uWSGI's Python tells nobody, so that children would give the same ids.
"""

import os

from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator


def new_span_id() -> int:
    """A random span id that is not zero."""
    return int.from_bytes(os.urandom(8)) or 1


def new_trace_id() -> int:
    """A random trace id that is not zero."""
    return int.from_bytes(os.urandom(16)) or 1


class Ids(IdGenerator):
    """The ids of a provider of ours, for the site's own spans, which without us draw nothing from ``random`` either."""

    def generate_span_id(self) -> int:
        """A new span id."""
        return new_span_id()

    def generate_trace_id(self) -> int:
        """A new trace id."""
        return new_trace_id()

    def is_trace_id_random(self) -> bool:
        """That they are is said in ``traceparent``, so that others may sample by them."""
        return True


def ids_for(generator: IdGenerator, trace_id: int) -> tuple[int, int]:
    """The trace id, a new one if ``trace_id`` is 0, and a new span id; a site's own generator is asked for them."""
    if type(generator) is RandomIdGenerator:
        return trace_id or new_trace_id(), new_span_id()
    return trace_id or generator.generate_trace_id(), generator.generate_span_id()
