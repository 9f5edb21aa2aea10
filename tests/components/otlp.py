"""A receiver of OTLP traces on OpenTelemetry's own stubs, over HTTP and gRPC; and rotel, a real collector before it."""

import gzip
import importlib.util
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from . import process

WAIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Span:
    """One span as it came over the network; ids are hexadecimal, "" for none."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    start: int
    end: int
    failed: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]
    scope: str


@dataclass
class Receiver:
    """Keeps the spans that were sent to ``url``; ``answer`` is the HTTP status, ``gate`` lets answers out."""

    url: str = ""
    answer: int = 200
    spans: list[Span] = field(default_factory=list)
    calls: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.gate.set()

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Note what one call brought, and answer once the gate is open."""
        with self._news:
            self.calls += 1
            if self.answer < 400:
                self.spans += _spans(request)
            self._news.notify_all()
        self.gate.wait(WAIT_SECONDS)

    def wait(self, wanted: Callable[["Receiver"], Any], seconds: float = WAIT_SECONDS) -> bool:
        """Whether it came true in time."""
        with self._news:
            return bool(self._news.wait_for(lambda: wanted(self), seconds))

    def named(self, name: str) -> list[Span]:
        """The spans of this name."""
        return [each for each in self.spans if each.name == name]


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for whole in request.resource_spans:
        resource = {each.key: _value(each.value) for each in whole.resource.attributes}
        for scoped in whole.scope_spans:
            for each in scoped.spans:
                yield Span(
                    *(each.name, each.trace_id.hex(), each.span_id.hex(), each.parent_span_id.hex()),
                    *(each.kind, each.start_time_unix_nano, each.end_time_unix_nano, each.status.code == 2),
                    {pair.key: _value(pair.value) for pair in each.attributes},
                    resource,
                    scoped.scope.name,
                )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return None if kind is None else getattr(value, kind)


@contextmanager
def http() -> Iterator[Receiver]:
    """A receiver of OTLP over HTTP."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.take(ExportTraceServiceRequest.FromString(body))
            answer = ExportTraceServiceResponse().SerializeToString()
            try:
                self.send_response(receiver.answer)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                pass  # whoever asked has gone

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.gate.set()
        server.shutdown()
        server.server_close()
        thread.join(WAIT_SECONDS)


@contextmanager
def grpc() -> Iterator[Receiver]:
    """A receiver of OTLP over gRPC. Raises ``process.Missing``."""
    if importlib.util.find_spec("grpc") is None:
        raise process.Missing("the Python package grpcio is not installed (dependency group: servers)")
    import grpc as library
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as stubs

    receiver = Receiver()

    class Service(stubs.TraceServiceServicer):  # type: ignore[misc]
        def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:
            receiver.take(request)
            return ExportTraceServiceResponse()

    with ThreadPoolExecutor(4) as pool:
        server = library.server(pool)
        stubs.add_TraceServiceServicer_to_server(Service(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        receiver.url = f"http://127.0.0.1:{port}"
        try:
            yield receiver
        finally:
            receiver.gate.set()
            server.stop(1).wait()


@contextmanager
def rotel(behind: str, folder: Path) -> Iterator[str]:
    """A collector that sends on to the receiver ``behind``, over HTTP; its own address. Raises ``process.Missing``."""
    found = importlib.util.find_spec("rotel")
    if found is None or found.origin is None:
        raise process.Missing("the Python package rotel is not installed (dependency group: servers)")
    # The program is linked against the Python that its wheel is for.
    library = Path(str(sysconfig.get_config_var("LIBDIR")), str(sysconfig.get_config_var("INSTSONAME")))
    if library.suffix == ".a" or not library.exists():
        raise process.Missing("rotel needs a Python with a shared library (--enable-shared)")
    grpc_port, http_port = process.free_port(), process.free_port()
    command = [
        str(Path(found.origin).parent / "rotel-agent"),
        *("start", "--otlp-grpc-endpoint", f"127.0.0.1:{grpc_port}"),
        *("--otlp-http-endpoint", f"127.0.0.1:{http_port}"),
        *("--exporter", "otlp", "--otlp-exporter-protocol", "http", "--otlp-exporter-endpoint", behind),
        *("--batch-timeout", "100ms"),
    ]
    environment = {"LD_LIBRARY_PATH": str(library.parent)}
    with process.running(command, ready=lambda: process.accepts(http_port), cwd=folder, env=environment):
        yield f"http://127.0.0.1:{http_port}"


def until(wanted: Callable[[], Any], seconds: float = WAIT_SECONDS) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not wanted() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(wanted())
