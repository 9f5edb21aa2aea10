"""The metrics page: its format, its compression and its choice of metrics, whichever server answers."""

import gzip
from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

RegistryFactory = Callable[[], CollectorRegistry]

METHODS = ("GET", "HEAD")

GZIP_LEVEL = 6
"""Level 9 takes twice as long for a page that is 2 % smaller."""


def render(
    registry: CollectorRegistry, accept: str, accept_encoding: str, names: Sequence[str]
) -> tuple[bytes, dict[str, str]]:
    """The page's body and its headers.

    ``accept`` and ``accept_encoding`` are the request's headers, "" where they are missing; ``names`` are the
    samples that were asked for with ``name[]``, none for all.
    """
    encode, content_type = _encoder(accept)
    body = encode(registry.restricted_registry(names) if names else registry)
    headers = {"Content-Type": content_type}
    if accepts_gzip(accept_encoding):
        body = gzip.compress(body, GZIP_LEVEL)
        headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(body))
    return body, headers


def _encoder(accept: str) -> tuple[Callable[[Any], bytes], str]:
    """The format for an Accept header; plain text where it makes no sense to prometheus_client."""
    try:
        # The version asked for comes back in the response's header: on one line.
        return choose_encoder(" ".join(accept.split()))
    except (TypeError, ValueError):
        return choose_encoder("")


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip; ``gzip;q=0`` forbids it."""
    for coding in accept_encoding.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0") not in {"q=", "q=0."}
    return False
