"""A stand-in for Grafana's HTTP API, as its documentation describes it: folders and dashboards with their versions.

It keeps what it is sent, and refuses what the documentation does not allow: a body of another shape, a folder that is
not there, an object that is there already or that was written meanwhile, a board that is not in Grafana's schema.
What it does not know it answers with 404. It is no Grafana.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.grafana.test_schema import mistakes

Json = dict[str, Any]

SERVED = {
    12: ("v1beta1", "v0alpha1", "v2alpha1"),
    13: ("v2", "v2beta1", "v2alpha1", "v1", "v1beta1", "v0alpha1"),
}
KINDS = {
    ("dashboard.grafana.app", "dashboards"): "Dashboard",
    ("folder.grafana.app", "folders"): "Folder",
}
PATH = re.compile(
    r"/apis/(?P<group>[\w.]+)/(?P<version>\w+)/namespaces/(?P<namespace>[\w-]+)/(?P<kind>\w+)(?:/(?P<name>[^/]+))?"
)
NAME = re.compile(r"[a-zA-Z0-9_-]{1,40}")
PAGE = 2


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Server:
    """What is kept, what was asked, and how to behave.

    ``before`` is called with each request's method and path, and may do anything or raise a Refusal.
    """

    token: str
    release: int = 13
    namespace: str = "default"
    url: str = ""
    objects: dict[tuple[str, str], Json] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    before: Callable[[str, str], None] = lambda method, path: None
    written: int = 0

    def boards(self) -> dict[str, Json]:
        """The dashboards by their names."""
        return {name: each for (kind, name), each in self.objects.items() if kind == "Dashboard"}

    def folders(self) -> dict[str, Json]:
        """The folders by their names."""
        return {name: each for (kind, name), each in self.objects.items() if kind == "Folder"}

    def writes(self) -> list[str]:
        """The methods and last parts of the paths of what was to be written."""
        return [f"{method} {path.rpartition('/')[2]}" for method, path in self.asked if method != "GET"]

    def put(self, kind: str, name: str, spec: Json, **annotations: str) -> Json:
        """Have an object there, as if somebody else had made it."""
        self.written += 1
        made = {
            "kind": kind,
            "apiVersion": f"{kind.lower()}.grafana.app/v1",
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "uid": f"internal-{self.written}",
                "resourceVersion": str(1_758_000_000_000_000 + self.written),
                "generation": 1,
                "creationTimestamp": "2026-01-23T22:06:40Z",
                "labels": {"grafana.app/deprecatedInternalID": str(self.written)},
                "annotations": {f"grafana.app/{key}": value for key, value in annotations.items()},
            },
            "spec": spec,
        }
        self.objects[kind, name] = made
        return made

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, Json]:
        """The status and the JSON of an answer."""
        parts = urlsplit(target)
        self.asked.append((method, parts.path))
        self.before(method, parts.path)
        if parts.path == "/api/health":
            return 200, {"database": "ok", "version": f"{self.release}.2.0", "commit": "0"}
        if headers["Authorization"] != f"Bearer {self.token}":
            raise Refusal(401, "Invalid API key")
        if method == "GET" and parts.path.removeprefix("/apis/") in {group for group, _ in KINDS}:
            return 200, self._group(parts.path.removeprefix("/apis/"))
        match = PATH.fullmatch(parts.path)
        if not match or (match["group"], match["kind"]) not in KINDS:
            raise Refusal(404, "")
        if match["version"] not in SERVED.get(self.release, ()):
            raise Refusal(404, "the server could not find the requested resource")
        if match["namespace"] != self.namespace:
            raise Refusal(403, f'namespace does not match: "{match["namespace"]}"')
        kind, name = KINDS[match["group"], match["kind"]], match["name"] and unquote(match["name"])
        if method == "GET":
            return 200, self._one(kind, name) if name else self._page(kind, parse_qs(parts.query))
        sent = self._body(headers, body)
        if (sent["apiVersion"], sent["kind"]) != (f"{match['group']}/{match['version']}", kind):
            raise Refusal(400, "the kind or the version of the object does not match the URL")
        if method == "POST" and not name:
            return 201, self._create(kind, sent)
        if method == "PUT" and name:
            return 200, self._update(kind, name, sent)
        raise Refusal(405, "the server does not allow this method on the requested resource")

    def _group(self, group: str) -> Json:
        if self.release not in SERVED:
            raise Refusal(404, "")
        versions = [{"groupVersion": f"{group}/{each}", "version": each} for each in SERVED[self.release]]
        return {"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": versions,
                "preferredVersion": versions[0]}  # fmt: skip

    def _one(self, kind: str, name: str) -> Json:
        found = self.objects.get((kind, name))
        if found is None:
            raise Refusal(404, f'{kind.lower()}s.{kind.lower()}.grafana.app "{name}" not found')
        return found

    def _page(self, kind: str, query: dict[str, list[str]]) -> Json:
        there = [each for (of, _), each in sorted(self.objects.items()) if of == kind]
        start = int(query.get("continue", ["0"])[0])
        end = start + min(PAGE, int(query["limit"][0]))
        more = {"continue": str(end)} if end < len(there) else {}
        return {"kind": f"{kind}List", "metadata": more, "items": there[start:end]}

    def _body(self, headers: Any, body: bytes) -> Json:
        if headers["Content-Type"] != "application/json":
            raise Refusal(415, "the body of the request was in an unknown format")
        sent = json.loads(body)
        if not isinstance(sent, dict) or set(sent) != {"kind", "apiVersion", "metadata", "spec"}:
            raise Refusal(400, "unknown or missing fields")
        known = {"name", "namespace", "uid", "resourceVersion", "labels", "annotations"}
        if set(sent["metadata"]) - known or not NAME.fullmatch(sent["metadata"].get("name", "")):
            raise Refusal(400, "invalid metadata")
        texts = {**sent["metadata"].get("labels", {}), **sent["metadata"].get("annotations", {})}
        if not all(isinstance(each, str) for each in texts.values()):
            raise Refusal(400, "labels and annotations are texts")
        return sent

    def _create(self, kind: str, sent: Json) -> Json:
        name = sent["metadata"]["name"]
        if "resourceVersion" in sent["metadata"]:
            raise Refusal(400, "resourceVersion should not be set on objects to be created")
        if (kind, name) in self.objects:
            raise Refusal(409, f'{kind.lower()}s.{kind.lower()}.grafana.app "{name}" already exists')
        made = self.put(kind, name, self._spec(kind, sent))
        made["metadata"]["annotations"] = {"grafana.app/createdBy": "service-account:1", **self._folder(sent)}
        return made

    def _update(self, kind: str, name: str, sent: Json) -> Json:
        there = self._one(kind, name)
        if sent["metadata"]["name"] != name:
            raise Refusal(400, "the name of the object does not match the name on the URL")
        if sent["metadata"].get("resourceVersion") != there["metadata"]["resourceVersion"]:
            raise Refusal(
                409, "the object has been modified; please apply your changes to the latest version"
            )
        spec = self._spec(kind, sent)
        metadata = deepcopy(there["metadata"])
        self.written += 1
        metadata["resourceVersion"] = str(1_758_000_000_000_000 + self.written)
        metadata["generation"] += spec != there["spec"]
        sent_annotations = {
            **sent["metadata"].get("annotations", {}),
            "grafana.app/updatedBy": "service-account:1",
        }
        metadata["annotations"] = {**sent_annotations, **self._folder(sent)}
        self.objects[kind, name] = {**there, "metadata": metadata, "spec": spec}
        return self.objects[kind, name]

    def _folder(self, sent: Json) -> dict[str, str]:
        folder = sent["metadata"].get("annotations", {}).get("grafana.app/folder")
        if folder is None:
            return {}
        if ("Folder", folder) not in self.objects:
            raise Refusal(404, f'folders.folder.grafana.app "{folder}" not found')
        return {"grafana.app/folder": folder}

    def _spec(self, kind: str, sent: Json) -> Json:
        """What is kept: without what is metadata, and with a default of Grafana's own."""
        spec = deepcopy(sent["spec"])
        if kind == "Folder":
            if set(spec) != {"title"} or not spec["title"]:
                raise Refusal(422, "spec.title: Required value")
            return spec
        if spec.get("schemaVersion") != 42:
            raise Refusal(422, "schema version not migrated to target version")
        if wrong := mistakes(spec):
            self.wrong += wrong
            raise Refusal(422, wrong[0])
        for key in ("id", "uid", "version"):
            spec.pop(key, None)
        spec.setdefault("fiscalYearStartMonth", 0)
        for panel in spec["panels"]:
            panel.setdefault("pluginVersion", "13.2.0")
            panel["fieldConfig"] = {"defaults": {}, "overrides": [], **panel.get("fieldConfig", {})}
        return spec


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve on loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            try:
                status, said = server.answer(self.command, self.path, self.headers, body)
            except Refusal as refusal:
                status = refusal.status
                said = {"kind": "Status", "status": "Failure", "message": str(refusal), "code": status}
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        server.url = f"http://127.0.0.1:{httpd.server_port}"
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            httpd.shutdown()
            thread.join()
