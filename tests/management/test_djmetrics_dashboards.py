"""``manage.py djmetrics_dashboards``."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.components.fixtures import need
from tests.grafana.boards import BY_DEFAULT


def run(folder: Path, *arguments: str) -> str:
    """The command's output."""
    out = StringIO()
    call_command("djmetrics_dashboards", f"--out={folder}", *arguments, stdout=out)
    return out.getvalue()


def below(folder: Path) -> set[str]:
    """The files in a folder."""
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


def test_writes_all_boards_and_the_provisioning(tmp_path: Path) -> None:
    """Every board, the data sources and the provider; a second run finds nothing to do."""
    told = run(tmp_path / "grafana")
    files = below(tmp_path / "grafana")
    assert files == {
        *(f"dashboards/{uid}.json" for uid in BY_DEFAULT),
        "provisioning/datasources/djmetrics.yaml",
        "provisioning/dashboards/djmetrics.yaml",
        "prometheus/djmetrics.rules.yml",
    }
    assert told.count("written") == len(files)
    assert run(tmp_path / "grafana") == "Nothing to write: all is up to date.\n"
    assert run(tmp_path / "grafana", "--check") == "Up to date.\n"


def test_check_fails_on_drift_and_writes_nothing(tmp_path: Path) -> None:
    """A file that is missing, one that was changed, and a board that is left out are each named."""
    run(tmp_path)
    (tmp_path / "dashboards/djmetrics-view.json").unlink()
    (tmp_path / "dashboards/djmetrics-self.json").write_text("{}")
    with pytest.raises(CommandError) as failed:
        run(tmp_path, "--check", "--without=djmetrics-cache")
    assert [Path(line.strip()).name for line in str(failed.value).splitlines()[1:]] == [
        "djmetrics-cache.json",
        "djmetrics-self.json",
        "djmetrics-view.json",
    ]
    assert not (tmp_path / "dashboards/djmetrics-view.json").exists()


def test_board_that_is_left_out_goes(tmp_path: Path) -> None:
    """A board of ours that was written before is removed; other files are left alone."""
    run(tmp_path)
    (tmp_path / "dashboards/own.json").write_text("{}")
    told = run(tmp_path, "--without=djmetrics-cache")
    assert "removed" in told
    assert "dashboards/djmetrics-cache.json" not in below(tmp_path)
    assert "dashboards/own.json" in below(tmp_path)


def test_unknown_board_is_named(tmp_path: Path) -> None:
    """A misspelt board is an error that names those there are."""
    with pytest.raises(CommandError, match=r"No such board: djmetrics-cash\. There are: djmetrics-cache, "):
        run(tmp_path, "--without=djmetrics-cash")
    assert below(tmp_path) == set()


def test_folder_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    """A file in the folder's place is told of, without a traceback."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(CommandError, match="taken"):
        run(tmp_path / "taken")


@pytest.mark.parametrize("traces", ["tempo", "jaeger"])
def test_provisioning(tmp_path: Path, traces: str) -> None:
    """Grafana is told where its data sources and its boards are, and that points in graphs lead to traces."""
    need("yaml", "test")
    import yaml

    run(
        tmp_path,
        *("--prometheus=Main: one", "--prometheus-url=http://prometheus:9090", f"--traces={traces}"),
        *(
            "--traces-url=http://traces:1",
            "--folder=Web # sites",
            "--scrape-interval=1m",
            "--boards-path=/boards",
        ),
    )
    sources = yaml.safe_load((tmp_path / "provisioning/datasources/djmetrics.yaml").read_text())
    prometheus, store = sources["datasources"]
    assert sources["apiVersion"] == 1
    assert (prometheus["name"], prometheus["url"]) == ("Main: one", "http://prometheus:9090")
    assert (store["type"], store["url"], store["name"]) == (traces, "http://traces:1", traces.capitalize())
    assert prometheus["jsonData"]["timeInterval"] == "1m"
    [destination] = prometheus["jsonData"]["exemplarTraceIdDestinations"]
    assert destination == {"name": "trace_id", "datasourceUid": store["uid"]}
    [provider] = yaml.safe_load((tmp_path / "provisioning/dashboards/djmetrics.yaml").read_text())[
        "providers"
    ]
    assert (provider["folder"], provider["options"]["path"]) == ("Web # sites", "/boards")


def test_without_traces_there_is_one_data_source(tmp_path: Path) -> None:
    """Prometheus alone, and no links from its exemplars."""
    run(tmp_path)
    text = (tmp_path / "provisioning/datasources/djmetrics.yaml").read_text()
    assert "exemplarTraceIdDestinations" not in text
    assert text.count("uid:") == 1


def test_service_is_the_one_that_traces_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default the package that holds the settings, as in traces; OTEL_SERVICE_NAME comes before it."""
    for name, given in (("tests", None), ("shop", "shop")):
        if given:
            monkeypatch.setenv("OTEL_SERVICE_NAME", given)
        run(tmp_path, "--traces=jaeger")
        board = json.loads((tmp_path / "dashboards/djmetrics-view.json").read_text())
        targets = [target for panel in board["panels"] for target in panel.get("targets", ())]
        assert {each["service"] for each in targets if "service" in each} == {name}


def test_board_of_sentry_comes_with_its_data_source(tmp_path: Path) -> None:
    """It needs a plugin, so it is written only where the data source is named, and asks that one; else it goes."""
    run(tmp_path, "--sentry=Our Sentry")
    board = json.loads((tmp_path / "dashboards/djmetrics-errors-sentry.json").read_text())
    [source] = [each for each in board["templating"]["list"] if each["name"] == "sentry_datasource"]
    assert source["current"] == {"selected": True, "text": "Our Sentry", "value": "Our Sentry"}
    assert source["query"] == "grafana-sentry-datasource"
    assert "removed" in run(tmp_path)
    assert below(tmp_path / "dashboards") == {f"{uid}.json" for uid in BY_DEFAULT}
