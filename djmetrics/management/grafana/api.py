"""Grafana's folders and dashboards, by the API of Grafana 12 and later.

That is ``/apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME``, Kubernetes's way: an object has ``metadata`` with
a name, annotations and a ``resourceVersion`` that changes with each write, and a ``spec``. Grafana's documentation
describes it under "HTTP API", "Dashboard API" and "Folder API".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .errors import GrafanaError, refused
from .wire import Wire

Json = dict[str, Any]

FOLDER = "grafana.app/folder"
MANAGER = "grafana.app/managedBy"
MESSAGE = "grafana.app/message"

# 13 serves v1; 12 serves v1beta1 with the same content. The others hold boards of another model.
VERSIONS = ("v1", "v1beta1")

DASHBOARDS = "dashboard.grafana.app"
FOLDERS = "folder.grafana.app"

_NAMESPACE = re.compile(r"default|org-[1-9]\d*|stacks-[1-9]\d*")
_PAGES = 100


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of objects: what it is called, the version of the API that they are written in, the path of them all."""

    kind: str
    version: str
    path: str

    def written(self, metadata: Json, spec: Json) -> Json:
        """An object as it is sent."""
        return {"apiVersion": self.version, "kind": self.kind, "metadata": metadata, "spec": spec}


class Grafana:
    """One organisation of a Grafana server. Every method raises GrafanaError."""

    def __init__(self, wire: Wire, namespace: str = "default") -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise GrafanaError(
                f"{namespace} is no namespace of Grafana's: default for the first organisation, org-2 for the second, "
                "stacks-ID in Grafana Cloud."
            )
        self._wire = wire
        self._dashboards = self._resource(DASHBOARDS, "Dashboard", namespace)
        self._folders = self._resource(FOLDERS, "Folder", namespace)

    def folder(self, title: str) -> str | None:
        """The name of the folder with that title, outside of any other; None if there is none."""
        found = sorted(
            str(each["metadata"]["name"])
            for each in self._all_folders()
            if each["spec"].get("title") == title and not annotations(each).get(FOLDER)
        )
        return found[0] if found else None

    def create_folder(self, title: str) -> str:
        """Make a folder with that title, outside of any other; its name."""
        made = self._folders.written({"name": folder_name(title)}, {"title": title})
        created = self._asked("POST", self._folders.path, f"create the folder {title}", made)
        return str(created["metadata"]["name"])

    def board(self, uid: str) -> Json | None:
        """A dashboard with its metadata; None if there is none."""
        path = f"{self._dashboards.path}/{quote(uid, '')}"
        what = f"read {uid}"
        status, body, said = self._wire.ask("GET", path)
        if status == 404 and isinstance(body, dict):
            return None
        return self._good(what, status, body, said)

    def create(self, board: Json, folder: str | None, message: str) -> None:
        """Add a dashboard to a folder, or outside of any."""
        metadata = {"name": board["uid"], "annotations": _annotations({}, folder, message)}
        made = self._dashboards.written(metadata, spec(board))
        self._asked("POST", self._dashboards.path, f"create {board['uid']}", made)

    def update(self, there: Json, board: Json, folder: str | None, message: str) -> None:
        """Replace a dashboard, if it is still as it was when it was read: 409 otherwise."""
        kept = {
            key: there["metadata"][key]
            for key in ("name", "resourceVersion", "labels")
            if key in there["metadata"]
        }
        metadata = {**kept, "annotations": _annotations(annotations(there), folder, message)}
        made = self._dashboards.written(metadata, spec(board))
        path = f"{self._dashboards.path}/{quote(board['uid'], '')}"
        self._asked("PUT", path, f"update {board['uid']}", made)

    def _all_folders(self) -> Iterator[Json]:
        after = ""
        for _ in range(_PAGES):
            page = f"?limit=500{after and '&continue=' + quote(after, '')}"
            status, body, said = self._wire.ask("GET", self._folders.path + page)
            if status != 200 or not isinstance(body, dict) or not isinstance(body.get("items"), list):
                raise refused("list the folders", status, said)
            yield from filter(_is_object, body["items"])
            after = str((body.get("metadata") or {}).get("continue") or "")
            if not after:
                return
        raise GrafanaError(f"list the folders: Grafana names more than {_PAGES} pages of them.")

    def _asked(self, method: str, path: str, what: str, body: Json) -> Json:
        return self._good(what, *self._wire.ask(method, path, body))

    def _good(self, what: str, status: int, body: Any, said: str) -> Json:
        if status not in (200, 201):
            raise refused(what, status, said)
        if not _is_object(body):
            raise GrafanaError(f"{what}: {self._wire.url} answers with no object of Grafana's.")
        found: Json = body
        return found

    def _resource(self, group: str, kind: str, namespace: str) -> Resource:
        """A kind of objects, in the newest version that the server has and that we know."""
        status, body, said = self._wire.ask("GET", f"/apis/{group}")
        if status in (401, 403, 429) or 300 <= status < 400 or status >= 500:
            raise refused("ask for its versions", status, said)
        if status != 200 or not isinstance(body, dict) or body.get("kind") != "APIGroup":
            raise self._none(group)
        served = {str(each.get("version")) for each in body.get("versions") or () if isinstance(each, dict)}
        for version in VERSIONS:
            if version in served:
                path = f"/apis/{group}/{version}/namespaces/{namespace}/{kind.lower()}s"
                return Resource(kind, f"{group}/{version}", path)
        raise GrafanaError(
            f"{self._wire.url} serves {group} as {', '.join(sorted(served)) or 'nothing'}; needed is "
            f"{' or '.join(VERSIONS)}, which Grafana 12 and 13 have."
        )

    def _none(self, group: str) -> GrafanaError:
        """Why there is no such API: the Grafana is too old, or it is none."""
        status, body, _ = self._wire.ask("GET", "/api/health")
        if status == 200 and isinstance(body, dict) and "database" in body:
            version = str(body.get("version") or "of unknown version")[:40]
            return GrafanaError(
                f"{self._wire.url} is a Grafana {version} without {group}: 12 or later is needed. "
                "Write the boards with --out, and import or provision them."
            )
        return GrafanaError(
            f"{self._wire.url} is no Grafana: neither /apis/{group} nor /api/health is there."
        )


def annotations(there: Json) -> dict[str, str]:
    """An object's annotations, none if it has none."""
    return dict(there["metadata"].get("annotations") or {})


def spec(board: Json) -> Json:
    """A board as that API keeps it: what names and counts it is metadata there."""
    return {key: value for key, value in board.items() if key not in ("id", "uid", "version")}


def folder_name(title: str) -> str:
    """A folder's name in addresses, from its title; Grafana takes 40 characters."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return plain[:40].rstrip("-") or "djmetrics"


def _annotations(before: dict[str, str], folder: str | None, message: str) -> dict[str, str]:
    """Those that were there, with our folder: without one, none."""
    kept = {key: value for key, value in before.items() if key != FOLDER}
    return {**kept, **({FOLDER: folder} if folder else {}), MESSAGE: message}


def _is_object(body: Any) -> bool:
    return isinstance(body, dict) and all(isinstance(body.get(key), dict) for key in ("metadata", "spec"))
