"""Who may read the /metrics page: a judgement on one request's environment, closed by default."""

import hmac
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from .conf import Network, Settings

Address = IPv4Address | IPv6Address

FORWARDING_PARTS = (
    "FORWARDED",
    "CLIENT_IP",
    "CLIENTIP",
    "CLIENT_CONNECTION_IP",
    "CONNECTING_IP",
    "ORIGINATING_IP",
    "REAL_IP",
    "REMOTE_IP",
    "REMOTE_ADDR",
    "SOCKETIP",
    "USER_IP",
    "X_ORIGINAL_",
    "X_ENVOY_",
)
"""A request header whose name holds one of these says that a proxy passed the request on."""

FORWARDING_NAMES = frozenset(
    {
        "HTTP_CDN_LOOP",
        "HTTP_CF_RAY",
        "HTTP_CF_VISITOR",
        "HTTP_VIA",
        "HTTP_X_AMZN_TRACE_ID",
        "HTTP_X_CLOUD_TRACE_CONTEXT",
        "HTTP_X_QUEUE_START",
        "HTTP_X_REQUEST_START",
    }
)
"""So does each of these, which proxies and front servers add."""


def may_read(meta: Mapping[str, Any], settings: Settings, debug: bool) -> bool:
    """Whether a request with this environment (``request.META``) may read the metrics.

    ``debug`` is Django's DEBUG, under which loopback may read them. An address counts only where nobody can
    have made it up: the connection's own, or the one that a trusted proxy names.
    """
    if bears_token(meta, settings.metrics_token):
        return True
    address = client_address(meta, settings.metrics_trusted_proxies)
    if address is None:
        return False
    return is_in(address, settings.metrics_allowed_ips) or (
        debug and not is_forwarded(meta) and address.is_loopback
    )


def bears_token(meta: Mapping[str, Any], token: str) -> bool:
    """Whether the request sends ``Authorization: Bearer <token>``; an empty token opens nothing."""
    scheme, _, given = str(meta.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if not token or scheme.lower() != "bearer":
        return False
    try:
        # A header's bytes reach Django as Latin-1 text.
        sent = given.strip(" \t").encode("latin-1")
    except UnicodeEncodeError:
        return False
    return hmac.compare_digest(sent, token.encode())


def client_address(meta: Mapping[str, Any], proxies: Iterable[Network]) -> Address | None:
    """The address that the request is judged by, or None if there is none to rely on.

    It is the connection's own. A request that a proxy passed on has only the one that the trusted ``proxies``
    name: the right-most entry of X-Forwarded-For that is not one of them.
    """
    peer = parse(str(meta.get("REMOTE_ADDR") or ""))
    if peer is None or not is_forwarded(meta):
        return peer
    if not is_in(peer, proxies):
        return None
    for entry in reversed(str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
        address = parse(entry.strip())
        if address is None or not is_in(address, proxies):
            return address
    return None


def is_forwarded(meta: Mapping[str, Any]) -> bool:
    """Whether the request carries a header that only a proxy adds, whatever its value."""
    return any(
        name in FORWARDING_NAMES
        or (name.startswith("HTTP_") and any(part in name for part in FORWARDING_PARTS))
        for name in meta
    )


def parse(text: str) -> Address | None:
    """The address that ``text`` spells, IPv4 where it is IPv4 inside IPv6; None if it spells none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    """Whether ``address`` is in one of ``networks``."""
    return any(address in network for network in networks)
