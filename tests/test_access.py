"""Who may read /metrics: closed by default, and never opened by what a client can write."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from djmetrics.access import bears_token, client_address, is_forwarded, may_read
from djmetrics.conf import load

TOKEN = "a-token-that-is-long-enough"
FORWARDING = [
    "HTTP_CDN_LOOP",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_CF_RAY",
    "HTTP_CLIENT_IP",
    "HTTP_DO_CONNECTING_IP",
    "HTTP_FASTLY_CLIENT_IP",
    "HTTP_FLY_CLIENT_IP",
    "HTTP_FORWARDED",
    "HTTP_FORWARDED_FOR",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_VIA",
    "HTTP_X_AMZN_TRACE_ID",
    "HTTP_X_APPENGINE_USER_IP",
    "HTTP_X_AZURE_CLIENTIP",
    "HTTP_X_AZURE_SOCKETIP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_X_ENVOY_EXTERNAL_ADDRESS",
    "HTTP_X_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_X_NF_CLIENT_CONNECTION_IP",
    "HTTP_X_ORIGINAL_FORWARDED_FOR",
    "HTTP_X_ORIGINAL_URL",
    "HTTP_X_ORIGINATING_IP",
    "HTTP_X_QUEUE_START",
    "HTTP_X_REAL_IP",
    "HTTP_X_REMOTE_ADDR",
    "HTTP_X_REMOTE_IP",
    "HTTP_X_REQUEST_START",
    "HTTP_X_VERCEL_FORWARDED_FOR",
]


def settings(**given):
    made, problems = load({key.upper(): value for key, value in given.items()})
    assert problems == ()
    return made


ALLOWED = settings(metrics_allowed_ips=["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "127.0.0.1"])
PROXIED = settings(metrics_allowed_ips=["10.0.0.0/8"], metrics_trusted_proxies=["192.0.2.0/28"])

addresses = st.ip_addresses().map(str)
junk = st.text(max_size=30)
plain_headers = st.dictionaries(
    st.sampled_from(["HTTP_HOST", "HTTP_USER_AGENT", "HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_ORIGIN"]),
    junk,
)


def test_nobody_may_read_by_default():
    """Without settings not even loopback is let in."""
    assert not may_read({"REMOTE_ADDR": "127.0.0.1"}, settings(), debug=False)
    assert not may_read(
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_AUTHORIZATION": "Bearer "}, settings(), debug=False
    )


@given(addresses | junk, plain_headers)
def test_default_settings_open_to_no_request(peer, headers):
    """Whatever the peer is and sends, without settings the page is closed."""
    assert not may_read({"REMOTE_ADDR": peer, **headers}, settings(), debug=False)


@pytest.mark.parametrize(
    "peer,is_allowed",
    [
        ("10.1.2.3", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:192.0.2.8", False),
        ("127.0.0.1", True),
        ("::1", False),
        ("", False),
        ("unix:", False),
        ("10.1.2.3:443", False),
        ("0x0a010203", False),
    ],
)
def test_the_connections_own_address_decides(peer, is_allowed):
    """A peer in METRICS_ALLOWED_IPS is let in, IPv4 inside IPv6 too; a Unix socket has no address."""
    assert may_read({"REMOTE_ADDR": peer}, ALLOWED, debug=False) is is_allowed


def test_a_request_without_an_address_is_judged_by_its_token():
    """Behind a Unix socket, ASGI servers leave REMOTE_ADDR out: only the token opens."""
    assert not may_read({}, ALLOWED, debug=True)
    assert may_read({"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}, settings(metrics_token=TOKEN), debug=False)


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_may_read_under_debug(peer):
    """A developer's own machine is let in under DEBUG, and only then."""
    assert may_read({"REMOTE_ADDR": peer}, settings(), debug=True)
    assert not may_read({"REMOTE_ADDR": peer}, settings(), debug=False)


@given(st.ip_addresses().filter(lambda ip: not ip.is_loopback and not getattr(ip, "ipv4_mapped", None)))
def test_debug_opens_to_loopback_alone(address):
    """DEBUG lets no other machine in."""
    assert not may_read({"REMOTE_ADDR": str(address)}, settings(), debug=True)


@pytest.mark.parametrize("name", FORWARDING)
@pytest.mark.parametrize("value", ["", "10.0.0.1", "127.0.0.1"])
def test_a_proxy_on_the_same_host_opens_nothing(name, value):
    """A request that was passed on is not its proxy: an allowed peer's address counts no more, nor does DEBUG."""
    meta = {"REMOTE_ADDR": "127.0.0.1", name: value}

    assert is_forwarded(meta)
    assert not may_read(meta, ALLOWED, debug=True)


@given(addresses | st.just("127.0.0.1"), st.sampled_from(FORWARDING), addresses | junk, plain_headers)
def test_forwarding_headers_never_open(peer, name, value, headers):
    """Whatever a forwarding header says, without trusted proxies it opens nothing."""
    assert not may_read({"REMOTE_ADDR": peer, **headers, name: value}, ALLOWED, debug=True)


@pytest.mark.parametrize("name", FORWARDING)
def test_the_token_opens_through_a_proxy(name):
    """Who bears the token may come from anywhere."""
    meta = {"REMOTE_ADDR": "127.0.0.1", name: "x", "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}

    assert may_read(meta, settings(metrics_token=TOKEN), debug=False)


@pytest.mark.parametrize(
    "name", ["HTTP_HOST", "HTTP_ACCEPT", "HTTP_USER_AGENT", "HTTP_TRACEPARENT", "REMOTE_ADDR"]
)
def test_ordinary_headers_are_no_sign_of_a_proxy(name):
    """What Prometheus itself sends leaves the peer's address in force."""
    assert not is_forwarded({name: "10.0.0.1", "SERVER_NAME": "x", "REMOTE_HOST": ""})


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN} "])
def test_the_token_opens(header):
    """The scheme's case and white space around the token do not matter."""
    assert bears_token({"HTTP_AUTHORIZATION": header}, TOKEN)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer x {TOKEN}",
    ],
)
def test_anything_but_the_token_does_not_open(header):
    """A part of the token, or the token under another scheme, is not it."""
    assert not bears_token({"HTTP_AUTHORIZATION": header}, TOKEN)


@given(junk, junk)
def test_only_the_same_token_opens(header, token):
    """No text that differs from `Bearer <token>` opens, whatever its characters; nothing raises."""
    meta = {"HTTP_AUTHORIZATION": header}
    if bears_token(meta, token):
        assert header.partition(" ")[2].strip(" \t").encode("latin-1") == token.encode()


@example("voilà")
@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_token_that_is_accepted_opens_whatever_its_last_byte(text):
    """A server hands UTF-8 bytes over as Latin-1, where some look like white space: they still count."""
    _, problems = load({"METRICS_TOKEN": text})
    if not problems:
        assert bears_token({"HTTP_AUTHORIZATION": f"Bearer {text}".encode().decode("latin-1")}, text)


@pytest.mark.parametrize(
    "forwarded_for,is_allowed",
    [
        ("10.1.1.1", True),
        ("198.51.100.1, 10.1.1.1", True),
        ("10.1.1.1, 192.0.2.2", True),
        ("10.1.1.1,192.0.2.3 , 192.0.2.2", True),
        ("::ffff:10.1.1.1", True),
        ("10.1.1.1, 198.51.100.1", False),
        ("10.1.1.1, 198.51.100.1, 192.0.2.2", False),
        ("10.1.1.1, unknown", False),
        ("10.1.1.1, ", False),
        ("10.1.1.1:80", False),
        ("192.0.2.2", False),
        ("", False),
    ],
)
def test_a_trusted_proxy_names_the_client(forwarded_for, is_allowed):
    """The right-most entry that is no trusted proxy is the client; what cannot be read is nobody."""
    meta = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": forwarded_for}

    assert may_read(meta, PROXIED, debug=False) is is_allowed


@pytest.mark.parametrize("name", [each for each in FORWARDING if each != "HTTP_X_FORWARDED_FOR"])
def test_only_x_forwarded_for_is_believed(name):
    """A trusted proxy that names the client in another header names nobody."""
    meta = {"REMOTE_ADDR": "192.0.2.1", name: "10.1.1.1"}

    assert client_address(meta, PROXIED.metrics_trusted_proxies) is None


@given(st.lists(addresses | junk, max_size=4), st.ip_addresses())
def test_what_a_client_writes_before_the_proxys_entry_does_not_matter(spoofed, client):
    """The proxy appends the client's address; entries to its left change nothing."""
    proxies = [ip_network("192.0.2.0/28")]
    entries = ",".join([*spoofed, str(client)])
    meta = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": entries}
    if not any(client in network for network in proxies):
        expected = getattr(client, "ipv4_mapped", None) or client
        assert client_address(meta, proxies) == expected


@given(st.ip_addresses().filter(lambda ip: ip not in ip_network("192.0.2.0/28")), addresses)
def test_x_forwarded_for_from_others_is_not_believed(peer, claimed):
    """Only a trusted proxy's word counts."""
    meta = {"REMOTE_ADDR": str(peer), "HTTP_X_FORWARDED_FOR": claimed}
    mapped = getattr(peer, "ipv4_mapped", None)
    if mapped is None or mapped not in ip_network("192.0.2.0/28"):
        assert not may_read(meta, PROXIED, debug=True)


def test_a_trusted_proxys_own_request_is_judged_by_its_address():
    """Without forwarding headers the proxy's machine itself asks, and is in nobody's list."""
    assert client_address({"REMOTE_ADDR": "192.0.2.1"}, PROXIED.metrics_trusted_proxies) == ip_address(
        "192.0.2.1"
    )
    assert not may_read({"REMOTE_ADDR": "192.0.2.1"}, PROXIED, debug=False)
