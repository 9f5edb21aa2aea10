"""``manage.py djmetrics_dashboards --upload``, against a stand-in for Grafana."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from djmetrics.grafana.shipped import boards
from tests.components.fixtures import need
from tests.grafana.boards import BY_DEFAULT

from .server import SERVED, Refusal, Server, serving

pytestmark = pytest.mark.once

TOKEN = "glsa_of-the-test"


@pytest.fixture(params=[13, 12])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A Grafana, 13 and 12, with folders of others."""
    need("jsonschema", "test")
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    with serving(Server(TOKEN, request.param)) as server:
        for number in range(5):
            server.put("Folder", f"other-{number}", {"title": f"Other {number}"})
        server.put("Folder", "inside", {"title": "djmetrics"}, folder="other-1")
        yield server
    assert server.wrong == []


def upload(server: Server, *arguments: str) -> str:
    """The command's output."""
    out = StringIO()
    call_command("djmetrics_dashboards", f"--upload={server.url}", *arguments, stdout=out)
    return out.getvalue()


def failed(server: Server, *arguments: str) -> str:
    """The command's error, one line without the token."""
    with pytest.raises(CommandError) as raised:
        upload(server, *arguments)
    said = str(raised.value)
    assert TOKEN not in said
    assert "\n" not in said
    return said


def test_without_yes_nothing_is_written(server: Server) -> None:
    """Every board and the folder are told of as new."""
    told = upload(server).splitlines()
    assert told[0] == "new       folder djmetrics"
    assert [line.split()[:2] for line in told[1:-1]] == [["new", uid] for uid in BY_DEFAULT]
    assert told[-1] == f"Nothing was written. --yes writes {len(BY_DEFAULT)} of {len(BY_DEFAULT)} boards."
    assert server.writes() == []


def test_boards_are_uploaded_once(server: Server) -> None:
    """They are there as they ship, in the folder; a second time nothing is written."""
    upload(server, "--yes")
    [name] = [name for name, each in server.folders().items() if each["spec"]["title"] == "djmetrics" and
              "grafana.app/folder" not in each["metadata"]["annotations"]]  # fmt: skip
    assert set(server.boards()) == set(BY_DEFAULT)
    for uid, there in server.boards().items():
        assert there["metadata"]["annotations"]["grafana.app/folder"] == name
        assert there["spec"]["title"] == boards()[uid]["title"]
        assert len(there["spec"]["panels"]) <= len(boards()[uid]["panels"])
    server.asked.clear()
    assert upload(server, "--yes").splitlines()[-1] == "All is up to date."
    assert upload(server, "--check").splitlines()[-1] == "All is up to date."
    assert server.writes() == []


def test_changed_board_alone_is_written(server: Server) -> None:
    """What somebody changed is named, shown line by line if asked, and put back; the others are left alone."""
    upload(server, "--yes")
    there = server.boards()["djmetrics-cache"]
    panel = there["spec"]["panels"][1]
    title = panel["title"]
    panel["targets"][0]["expr"] = "vector(1)"
    removed = there["spec"]["panels"].pop()["title"]
    there["spec"]["panels"].append({"id": 99, "type": "text", "title": "Of somebody else"})
    there["spec"]["tags"] = ["cash"]
    server.asked.clear()

    [line] = [line for line in upload(server).splitlines() if line.startswith("changed")]
    assert line.endswith(
        f"   panels changed: {title}; panels added: {removed}; panels removed: Of somebody else; tags"
    )
    diff = upload(server, "-v", "2")
    assert '\n-          "expr": "vector(1)"' in diff
    assert '-    "cash"' in diff
    assert "pluginVersion" not in diff
    assert "fiscalYearStartMonth" not in diff
    assert failed(server, "--check") == f"1 of {len(BY_DEFAULT)} boards differ."
    assert server.writes() == []

    upload(server, "--yes")
    assert server.writes() == ["PUT djmetrics-cache"]
    assert upload(server).splitlines()[-1] == "All is up to date."


def test_panels_are_compared_by_their_titles(server: Server) -> None:
    """One that somebody took away moves the others, and Grafana's own keys in them are still none of a change."""
    upload(server, "--yes")
    panels = server.boards()["djmetrics-cache"]["spec"]["panels"]
    title = panels.pop(2)["title"]
    [line] = [line for line in upload(server).splitlines() if line.startswith("changed")]
    assert line.endswith(f"   panels added: {title}")


def test_key_that_is_gone_is_shown_as_new(server: Server) -> None:
    """Not as one that was null; one without a value is none."""
    upload(server, "--yes")
    spec = server.boards()["djmetrics-cache"]["spec"]
    del spec["refresh"]
    for panel in spec["panels"]:
        if panel["type"] != "row":
            del panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"]
    diff = upload(server, "-v", "2").splitlines()
    assert [line for line in diff if line[:1] in "+-" and line[:3] not in {"+++", "---"}] == [
        '+  "refresh": "1m",'
    ]


def test_panels_in_another_order(server: Server) -> None:
    """An order that somebody changed is a change."""
    upload(server, "--yes")
    server.boards()["djmetrics-cache"]["spec"]["panels"].reverse()
    assert "panels in another order" in upload(server)


def test_annotations_and_labels_of_others_stay(server: Server) -> None:
    """An update keeps what else is said of a board, and says who wrote it."""
    upload(server, "--yes")
    there = server.boards()["djmetrics-cache"]
    there["metadata"]["annotations"]["example.org/team"] = "shop"
    there["spec"]["title"] = "Cash"
    before = there["metadata"]
    upload(server, "--yes")
    after = server.boards()["djmetrics-cache"]["metadata"]
    assert after["annotations"]["example.org/team"] == "shop"
    assert after["annotations"]["grafana.app/message"].startswith("djmetrics ")
    assert after["labels"] == before["labels"]
    assert after["generation"] == before["generation"] + 1


def test_folder_is_found_by_its_title(server: Server) -> None:
    """A folder that is there is used, whatever its name; one inside of another is none of ours."""
    server.put("Folder", "abcdef", {"title": "Web"})
    upload(server, "--yes", "--folder=Web", "--without=djmetrics-view")
    assert not any("folders" in write for write in server.writes())
    assert {each["metadata"]["annotations"]["grafana.app/folder"] for each in server.boards().values()} == {
        "abcdef"
    }
    assert "djmetrics-view" not in server.boards()


def test_board_moves_with_the_folder(server: Server) -> None:
    """Another folder is a change; without a folder boards are in none."""
    upload(server, "--yes")
    told = upload(server, "--yes", "--folder=Web sites")
    assert "written   folder Web sites" in told
    assert told.count("folder: Web sites") == len(BY_DEFAULT)
    assert "web-sites" in server.folders()
    assert upload(server, "--folder=").count("folder: none") == len(BY_DEFAULT)
    upload(server, "--yes", "--folder=")
    assert not any(
        "grafana.app/folder" in each["metadata"]["annotations"] for each in server.boards().values()
    )


def test_options_are_those_of_the_files(server: Server) -> None:
    """Labels and data sources are fitted."""
    upload(server, "--yes", "--job-label=service", "--namespace-label=", "--prometheus=Mimir")
    spec = server.boards()["djmetrics-overview"]["spec"]
    assert 'service=~\\"$job\\"' in str(spec).replace('"', '\\"')
    assert spec["templating"]["list"][0]["current"]["text"] == "Mimir"


def test_organisation(server: Server) -> None:
    """Another organisation than the first is named."""
    server.namespace = "org-3"
    said = failed(server)
    assert "answers 403" in said
    assert "--grafana-namespace" in said
    assert "new" in upload(server, "--grafana-namespace=org-3")
    assert "no namespace of Grafana's" in failed(server, "--grafana-namespace=Main Org.")


@pytest.mark.parametrize("keeper", ["classic-file-provisioning", "terraform", "repo"])
def test_board_that_something_else_keeps_is_left_alone(server: Server, keeper: str) -> None:
    """Files, Terraform or a repository would undo an upload: nothing is written at all."""
    server.put("Dashboard", "djmetrics-view", {"title": "x", "panels": []}, managedBy=keeper)
    assert failed(server, "--yes") == (
        f"djmetrics-view is managed by {keeper} in that Grafana, which would undo an upload; "
        "change it there, or leave it out with --without."
    )
    assert server.writes() == []


def test_board_that_changes_meanwhile_is_not_overwritten(server: Server) -> None:
    """Somebody saves it between our look and our write: 409, and it stays theirs."""
    upload(server, "--yes")
    server.boards()["djmetrics-view"]["spec"]["title"] = "Theirs"

    def saved(method: str, path: str) -> None:
        if method == "PUT":
            server.boards()["djmetrics-view"]["metadata"]["resourceVersion"] = "2"

    server.before = saved
    said = failed(server, "--yes")
    assert said.startswith("update djmetrics-view: the server answers 409: ")
    assert said.endswith("0 of 1 boards were written.")
    assert server.boards()["djmetrics-view"]["spec"]["title"] == "Theirs"


def test_board_that_comes_meanwhile_is_not_overwritten(server: Server) -> None:
    """The same for a board that was not there."""

    def saved(method: str, path: str) -> None:
        if method == "POST" and path.endswith("dashboards") and len(server.boards()) == 3:
            server.put("Dashboard", "djmetrics-errors", {"title": "Theirs", "panels": []})

    server.before = saved
    said = failed(server, "--yes")
    assert said.startswith("create djmetrics-errors: the server answers 409: there is one already")
    assert said.endswith(f"3 of {len(BY_DEFAULT)} boards were written.")
    assert server.boards()["djmetrics-errors"]["spec"]["title"] == "Theirs"


MEANT = {
    401: "the token in GRAFANA_TOKEN is not valid there",
    403: "the token's service account may not do this",
    404: "it is not there, or no longer",
    409: "there is one already",
    412: "it was changed by someone else meanwhile",
    413: "it is too large",
    418: "this is unexpected",
    422: "it is not valid there",
    429: "too many requests",
    500: "the server, or a proxy before it, fails",
    503: "the server, or a proxy before it, fails",
}


@pytest.mark.parametrize("status", MEANT)
@pytest.mark.parametrize("step", ["folder", "folders", "read", "create", "update"])
def test_refusals(server: Server, status: int, step: str) -> None:
    """Each refusal says in one line what was tried, what the server says, and what that means."""
    wanted = {
        "folders": ("GET", "/folders"), "folder": ("POST", "/folders"), "read": ("GET", "/djmetrics-cache"),
        "create": ("POST", "/dashboards"), "update": ("PUT", "/djmetrics-cache"),
    }[step]  # fmt: skip
    if step == "update":
        server.put("Folder", "djmetrics", {"title": "djmetrics"})
        server.put("Dashboard", "djmetrics-cache", {"title": "Theirs", "panels": []}, folder="djmetrics")

    def refuse(method: str, path: str) -> None:
        if (method, path[path.rindex("/") :]) == wanted:
            raise Refusal(status, f"No.\nNot with {TOKEN}.")

    server.before = refuse
    if (step, status) == ("read", 404):
        # That is what a board that is not there looks like.
        assert "new       djmetrics-cache" in upload(server)
        return
    said = failed(server, "--yes")
    assert f"the server answers {status}: {MEANT[status]}" in said
    assert "(No. Not with …)" in said
    assert "Theirs" in [each["spec"]["title"] for each in server.boards().values()] or step != "update"


@pytest.mark.parametrize("status", [401, 403, 429, 502])
def test_versions_that_are_refused(server: Server, status: int) -> None:
    """The first question says already that the token is not valid."""

    def refuse(method: str, path: str) -> None:
        raise Refusal(status, "No")

    server.before = refuse
    assert failed(server).startswith(f"ask for its versions: the server answers {status}: ")


def test_token_is_needed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the environment, and nothing is asked without it; a wrong one is told of."""
    monkeypatch.setenv("GRAFANA_TOKEN", "another")
    assert "answers 401" in failed(server)
    server.asked.clear()
    monkeypatch.delenv("GRAFANA_TOKEN")
    assert "GRAFANA_TOKEN" in failed(server)
    assert server.asked == []


def test_grafana_that_is_too_old(server: Server) -> None:
    """One without that API is told from what is no Grafana."""
    server.release = 11
    assert "is a Grafana 11.2.0 without dashboard.grafana.app: 12 or later is needed." in failed(server)


def test_grafana_of_the_far_future(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions that we do not know are named."""
    monkeypatch.setitem(SERVED, 99, ("v3",))
    server.release = 99
    assert "serves dashboard.grafana.app as v3; needed is v1 or v1beta1" in failed(server)


def test_options_that_do_not_go_together(server: Server) -> None:
    """A folder or a Grafana; --yes is for the latter."""
    for arguments in (["--out=x"], ["--yes", "--check"]):
        with pytest.raises(CommandError, match="not allowed with"):
            upload(server, *arguments)
    with pytest.raises(CommandError, match="--yes goes with --upload"):
        call_command("djmetrics_dashboards", "--out=x", "--yes", stdout=StringIO())
    with pytest.raises(CommandError, match="one of the arguments --out --upload is required"):
        call_command("djmetrics_dashboards", stdout=StringIO())


def test_more_folders_than_can_be(server: Server) -> None:
    """A server that always names a further page does not keep us for ever."""
    answer = server.answer

    def endless(*arguments: Any) -> tuple[int, Any]:
        status, said = answer(*arguments)
        if said.get("kind") == "FolderList":
            said["metadata"] = {"continue": "0"}
        return status, said

    server.answer = endless  # type: ignore[method-assign]
    assert "more than 100 pages" in failed(server)
