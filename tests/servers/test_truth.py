"""What /metrics says of some requests is what the client, the database and the kernel say of them."""

from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .client import Caller, fetch, fetch_all
from .configurations import CONFIGURATIONS
from .conftest import Truth
from .drivers import FILE_BYTES, Server
from .page import Page, read, scrape, scrape_quiet, scrape_until
from .site.views import BACKGROUND_QUERIES, CHUNK_BYTES

REQUESTS = "http_server_request_duration_seconds_count"
ACTIVE = "http_server_active_requests"
SECONDS = "http_server_request_duration_seconds_sum"

OUTSIDE = [each for each in CONFIGURATIONS if each.name in ("gunicorn sync", "uvicorn workers")]
ASGI = [each for each in CONFIGURATIONS if each.interface == "asgi"]

SLACK_SECONDS = 0.05
"""How far apart client and server may be: connecting, the server's own work before and after, a busy machine."""


def is_the_stopwatch_s(server: Server, difference: float, requests: int) -> bool:
    """Whether exported seconds of so many requests are the client's.

    Where workers are recycled a client may wait for the next one to start, of which no worker knows: only then may the
    client's be more.
    """
    slack = requests * SLACK_SECONDS
    return difference <= slack and (difference >= -slack or server.is_recycling())


def more(before: Page, after: Page, name: str, **labels: str) -> float:
    """How much a figure grew."""
    return after.value(name, **labels) - before.value(name, **labels)


def settled(server: Server, before: Page, requests: int, **labels: str) -> Page:
    """The page once so many more requests are on it: a response ends a moment before its record does."""
    return scrape_until(server.port, lambda page: more(before, page, REQUESTS, **labels) >= requests)


def test_every_request_is_counted_once(server: Server, truth: Truth) -> None:
    """Counts by view and status are the client's own, under concurrent load on all workers."""
    paths = {"hello": "/hello/", "async": "/async/", "error": "/error/", "missing": "/missing/"}
    plan = ["hello"] * 40 + ["async"] * 20 + ["error"] * 10 + ["missing"] * 10
    before = scrape_quiet(server.port)
    replies = fetch_all(server.port, [paths[name] for name in plan] + ["/no/such/path/"] * 10)
    names = {path: name for name, path in paths.items()}
    client = Counter((names.get(reply.path, "(unresolved)"), str(reply.status)) for reply in replies)

    after = settled(server, before, len(replies))

    exported = {
        key: more(before, after, REQUESTS, view=key[0], http_response_status_code=key[1]) for key in client
    }
    for view, status in sorted(client):
        truth(f"requests with status {status}", "requests", exported[view, status], client[view, status])
    assert exported == dict(client)
    assert more(before, after, REQUESTS) == len(replies)


def test_every_worker_shows_the_same_page(server: Server) -> None:
    """The totals do not depend on which worker answers the scrape."""
    before = scrape_quiet(server.port)
    replies = fetch_all(server.port, ["/hello/"] * 12)
    assert {reply.status for reply in replies} == {200}
    settled(server, before, len(replies))

    first, *others = [scrape(server.port).all(REQUESTS) for _ in range(8)]

    assert [page for page in others if page != first] == []


def test_duration_is_the_stopwatch_s(server: Server, truth: Truth) -> None:
    """A view that waits is measured as the client measures it, from either side of the connection."""
    for view, path in (("sleep", "/sleep/150/"), ("sleep-async", "/sleep-async/150/")):
        before = scrape_quiet(server.port)
        replies = [fetch(server.port, path) for _ in range(3)]
        client = sum(reply.total for reply in replies)

        after = settled(server, before, 3, view=view)

        row = truth(f"duration, {view}", "seconds", more(before, after, SECONDS, view=view), client)
        assert row.exported >= 3 * 0.149
        assert is_the_stopwatch_s(server, row.difference, 3)
        in_view = more(before, after, "django_view_duration_seconds_sum", view=view)
        assert 3 * 0.149 <= in_view <= row.exported


def test_streamed_body_is_part_of_the_request(server: Server, truth: Truth) -> None:
    """Duration lasts to the last byte, the first byte has its own figure, and every byte is counted."""
    before = scrape_quiet(server.port)
    replies = [fetch(server.port, "/stream/5/60/") for _ in range(2)]

    after = settled(server, before, 2, view="stream")

    total = sum(reply.total for reply in replies)
    row = truth("duration, streamed", "seconds", more(before, after, SECONDS, view="stream"), total)
    assert row.exported >= 2 * 0.299
    assert is_the_stopwatch_s(server, row.difference, 2)
    first = sum(reply.first_byte for reply in replies)
    exported = more(before, after, "django_request_first_byte_duration_seconds_sum", view="stream")
    row = truth("first byte, streamed", "seconds", exported, first)
    assert 2 * 0.059 <= row.exported <= 2 * 0.15
    assert row.exported <= first
    received = sum(len(reply.body) for reply in replies)
    assert received == 2 * 5 * CHUNK_BYTES
    exported = more(before, after, "http_server_response_body_size_bytes_sum", view="stream")
    assert truth("body, streamed", "bytes", exported, received).difference == 0
    assert more(before, after, "django_request_outcomes_total", view="stream", outcome="completed") == 2


def test_bytes_are_those_on_the_wire(server: Server, truth: Truth) -> None:
    """Sizes of plain and file responses and of request bodies are the client's own."""
    before = scrape_quiet(server.port)
    plain = [fetch(server.port, "/hello/") for _ in range(3)]
    files = [fetch(server.port, "/file/") for _ in range(2)]
    uploads = [fetch(server.port, "/upload/", method="POST", body=bytes(n)) for n in (0, 17, 40_000)]

    after = settled(server, before, 8)

    assert [len(reply.body) for reply in files] == [FILE_BYTES] * 2
    for view, replies in (("hello", plain), ("file", files)):
        received = sum(len(reply.body) for reply in replies)
        exported = more(before, after, "http_server_response_body_size_bytes_sum", view=view)
        assert truth(f"body, {view}", "bytes", exported, received).difference == 0
    read = sum(reply.json()["bytes"] for reply in uploads)
    exported = more(before, after, "http_server_request_body_size_bytes_sum", view="upload")
    assert read == 40_017
    assert truth("request body", "bytes", exported, read).difference == 0


def test_file_is_still_the_server_s_to_send(server: Server) -> None:
    """Where the server has a ``wsgi.file_wrapper``, it is given the open file, to send by sendfile."""
    log = server.folder / "site.log"
    fetch(server.port, "/file/")
    if server.configuration.interface == "asgi":
        assert log.read_text() == ""
        return
    kind, is_file, is_wrapped, has_wrapper = log.read_text().splitlines()[-1].split()
    assert (has_wrapper == "False") == (kind == "django.http.response.FileResponse")
    assert has_wrapper == "False" or "True" in (is_file, is_wrapped)


def test_cpu_is_the_kernel_s(server: Server, truth: Truth) -> None:
    """CPU seconds of views that burn are those that the kernel charges to the server's processes."""
    views = {"burn": "/burn/60/", "burn-async": "/burn-async/60/"}
    if "gevent" in server.configuration.name:
        del views[
            "burn-async"
        ]  # gevent's threads are one thread, whose clock asgiref's hop to a loop reads twice
    for view, path in views.items():
        fetch(server.port, path)  # imports and first-time work are not the burning's
        before, kernel_before = scrape_quiet(server.port), server.cpu_seconds()
        replies = [fetch(server.port, path) for _ in range(6)]
        kernel = server.cpu_seconds() - kernel_before
        burnt = sum(reply.json()["seconds"] for reply in replies)

        after = settled(server, before, 6, view=view)

        exported = more(before, after, "django_request_cpu_time_seconds_sum", view=view)
        assert burnt <= exported <= burnt + 6 * 0.005
        if not server.is_recycling():  # starting new workers is CPU, too, and not the requests'
            truth(f"CPU, {view}", "seconds", exported, kernel)
            assert kernel - 6 * 0.015 <= exported <= kernel + 0.03


@pytest.mark.parametrize("server", ASGI, ids=lambda each: each.name.replace(" ", "-"), indirect=True)
def test_async_requests_side_by_side_pay_for_themselves_alone(server: Server, truth: Truth) -> None:
    """While one request burns in steps, others that wait on the same loop are charged next to nothing."""
    before = scrape_quiet(server.port)
    paths = ["/sleep-async/200/"] * 3 + ["/burn-async/100/"] + ["/sleep-async/200/"] * 2
    replies = fetch_all(server.port, paths)
    burnt = sum(reply.json()["seconds"] for reply in replies if "burn" in reply.path)

    after = settled(server, before, len(paths))

    cpu = "django_request_cpu_time_seconds_sum"
    exported = more(before, after, cpu, view="burn-async")
    row = truth("CPU, burn-async among waiting ones", "seconds", exported, burnt)
    assert burnt <= row.exported <= burnt + 0.03
    assert more(before, after, cpu, view="sleep-async") <= 5 * 0.01


def test_queries_are_those_the_database_saw(server: Server, truth: Truth) -> None:
    """Queries per request, by operation and repeated ones, equal what SQLite's own trace says."""
    before = scrape_quiet(server.port)
    different = [fetch(server.port, f"/queries/{n}/").json()["seen"] for n in (0, 3, 7)]
    repeated = [fetch(server.port, "/repeated/6/").json()["seen"] for _ in range(2)]
    assert (different, repeated) == ([0, 3, 7], [6, 6])

    after = settled(server, before, 5)

    per_request = "django_request_db_queries_sum"
    row = truth("queries", "queries", more(before, after, per_request, view="queries"), sum(different))
    assert row.difference == 0
    row = truth("queries, N+1", "queries", more(before, after, per_request, view="repeated"), sum(repeated))
    assert row.difference == 0
    selects = more(before, after, "db_client_operation_duration_seconds_count", db_operation_name="SELECT")
    assert truth("SELECTs", "queries", selects, sum(different) + sum(repeated)).difference == 0
    again = more(before, after, "django_request_db_repeated_queries_total", view="repeated")
    assert truth("repeated queries", "queries", again, 2 * 5).difference == 0


def test_cache_hits_and_misses_are_counted(server: Server, truth: Truth) -> None:
    """A key that was deleted is a miss, a cached 0 is a hit."""
    before = scrape_quiet(server.port)
    fetch(server.port, "/cached/4/")

    after = settled(server, before, 1, view="cached")

    for result in ("hit", "miss"):
        keys = more(before, after, "django_cache_keys_total", view="cached", operation="get", result=result)
        assert truth(f"cache, {result}", "keys", keys, 4).difference == 0


@pytest.mark.parametrize("server", OUTSIDE, ids=lambda each: each.name.replace(" ", "-"), indirect=True)
def test_queries_outside_any_request_are_counted(server: Server, truth: Truth) -> None:
    """What threads of their own ask the database is on every worker's page once their worker answered again."""
    operations = "db_client_operation_duration_seconds_count"
    before = scrape_quiet(server.port)
    seen = sum(reply.json()["seen"] for reply in fetch_all(server.port, ["/background/"] * 7))
    assert seen == 7 * BACKGROUND_QUERIES
    fetch_all(server.port, ["/hello/"] * 20)  # each worker's last request takes along what waits in it

    after = settled(server, before, 7 + 20)

    selects = more(before, after, operations, db_operation_name="SELECT")
    assert truth("SELECTs, outside any request", "queries", selects, seen).difference == 0
    assert more(before, after, "django_request_db_queries_sum", view="background") == 0


def test_phases_sum_to_the_duration(server: Server, truth: Truth) -> None:
    """The exclusive times of a view's phases add up to its requests' time."""
    before = scrape_quiet(server.port)
    for path in ("/queries/5/", "/stream/3/10/", "/sleep-async/20/"):
        fetch(server.port, path)

    after = settled(server, before, 3)

    for view in ("queries", "stream", "sleep-async"):
        phases = more(before, after, "django_request_phase_time_seconds_total", view=view)
        row = truth(f"phases, {view}", "seconds", phases, more(before, after, SECONDS, view=view))
        assert abs(row.difference) < 1e-6


def test_hung_up_stream_is_told_from_a_finished_one(server: Server, truth: Truth) -> None:
    """When clients of a stream vanish, the outcome says so, and no request stays in flight."""
    before = scrape_quiet(server.port)
    for _ in range(3):
        with Caller(server.port, "/stream/25/40/") as caller:
            caller.read_until(b"\r\n\r\n")

    after = settled(server, before, 3, view="stream")

    outcome = "disconnected" if server.configuration.tells_disconnects else "completed"
    told = more(before, after, "django_request_outcomes_total", view="stream", outcome=outcome)
    assert truth(f"hung up, {outcome}", "requests", told, 3).difference == 0
    assert truth("in flight, after", "requests", after.value(ACTIVE), 0).difference == 0


def test_request_in_flight_is_seen_while_it_runs(server: Server, truth: Truth) -> None:
    """The gauge counts a request from its begin to its last byte."""
    with Caller(server.port, "/stream/60/50/") as caller:  # long enough for workers that are being replaced
        caller.read_until(b"\r\n\r\n")
        # The test before may have left one that was answered a moment ago.
        page = scrape_until(server.port, lambda page: page.value(ACTIVE) == 1, seconds=1.5)
        during = page.value(ACTIVE, http_request_method="GET")
    assert truth("in flight, during a stream", "requests", during, 1).difference == 0
    after = scrape_until(server.port, lambda page: page.value(ACTIVE) == 0)
    assert after.value(ACTIVE) == 0


def test_own_metrics_are_on_the_same_page(server: Server) -> None:
    """A counter that the site made with prometheus_client is shown beside ours."""
    fetch(server.port, "/order/")
    families = {family.name for family in text_string_to_metric_families(read(server.port))}
    assert {"site_orders", "http_server_request_duration_seconds", "python_info"} <= families
