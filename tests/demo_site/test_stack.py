"""The stack in containers, as far as it can be tried without Docker: its files, and what needs no container."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.components import process
from tests.components.fixtures import absent, need, program
from tests.components.install import BUGSINK
from tests.grafana.boards import BY_DEFAULT

pytestmark = [pytest.mark.once, pytest.mark.unmeasured]

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo_site"
STACK = DEMO / "stack"
COMPOSE = DEMO / "compose.yaml"
ONCE = {"prepare"}
"""Services that end when their work is done."""

STANDARD = {"OTEL_EXPORTER_OTLP_ENDPOINT", "SENTRY_DSN", "SENTRY_ENVIRONMENT", "HOME"}
"""Variables of the SDKs, and of every program."""


def loaded(path: Path) -> Any:
    """A YAML file."""
    need("yaml", "test")
    import yaml

    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services, as Compose reads them: what they share is filled in."""
    done = subprocess.run(
        [program("docker-compose"), "--file", str(COMPOSE), "config"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    need("yaml", "test")
    import yaml

    found: dict[str, dict[str, Any]] = yaml.safe_load(done.stdout)["services"]
    return found


def test_compose_takes_it(services: dict[str, dict[str, Any]]) -> None:
    """Compose's own reader finds no mistake, and all that was promised."""
    assert set(services) == {
        *(
            "prepare",
            "site",
            "visitors",
            "prometheus",
            "alertmanager",
            "grafana",
            "collector",
            "tempo",
            "bugsink",
        ),
    }


def test_ports_are_this_machines(services: dict[str, dict[str, Any]]) -> None:
    """No port is open to others, and no two are one."""
    ports = [str(port) for service in services.values() for port in service.get("ports", ())]
    assert len(ports) == 6
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+(/tcp)?", port) for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)


def images() -> Iterator[tuple[str, str]]:
    """Every image that is fetched, and where it is named: those that are built here are not."""
    for name, service in loaded(COMPOSE)["services"].items():
        build = service.get("build")
        if build is None:
            yield name, service["image"]
        elif "IMAGE" in build.get("args", {}):
            yield name, build["args"]["IMAGE"]
    for path in STACK.glob("*.Dockerfile"):
        for line in path.read_text().splitlines():
            if line.startswith("FROM ") and "${" not in line:
                yield path.name, line.split()[1]


def test_images_are_pinned() -> None:
    """Each names a whole version, so that it is tomorrow what it is today."""
    found = dict(images())
    assert len(found) == 8
    for where, image in found.items():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+(-[\w-]+)?", image), (where, image)


def test_services_are_watched_and_kept_in(services: dict[str, dict[str, Any]]) -> None:
    """Each says how it is, cannot write where it need not, and can become nobody else."""
    for name, service in services.items():
        assert ("healthcheck" in service) == (name not in ONCE), name
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")
        assert "docker.sock" not in json.dumps(service)


def test_each_waits_for_what_it_needs(services: dict[str, dict[str, Any]]) -> None:
    """Nobody asks another by name without waiting for it; what Prometheus reads may come later."""
    later = {"prometheus": {"site", "collector", "tempo"}}
    texts = {name: json.dumps({**service, "depends_on": None}) for name, service in services.items()}
    texts["prometheus"] += (STACK / "prometheus.yml").read_text()
    texts["collector"] += (STACK / "collector.yaml").read_text()
    for name, text in texts.items():
        waits = set(services[name].get("depends_on", ()))
        asked = {other for other in services if other != name and re.search(rf"[/\"]{other}:\d", text)}
        assert asked <= waits | later.get(name, set()), name
        if "/stack/secrets" in text and name not in ONCE:
            assert "prepare" in waits
        for other, condition in services[name].get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert condition["condition"] == wanted


def test_mounted_files_are_there(services: dict[str, dict[str, Any]]) -> None:
    """Each file that is mounted exists, and is mounted to be read only."""
    mounted = [str(each) for service in services.values() for each in service.get("volumes", ())]
    files = [each.split(":") for each in mounted if each.startswith("/")]
    assert len(files) == 5
    for source, _, mode in files:
        assert Path(source).exists(), source
        assert mode == "ro"


def test_no_secret_is_written_down(services: dict[str, dict[str, Any]]) -> None:
    """What is secret has no value in the file: it comes from one that `prepare` makes up."""
    secret = re.compile(r"password|secret|token|_key|dsn", re.IGNORECASE)
    for name, service in services.items():
        for variable, value in (service.get("environment") or {}).items():
            if secret.search(variable):
                assert variable.endswith("__FILE"), (name, variable)
                assert str(value).startswith("/stack/secrets/")
        for argument in service.get("command", ()):
            assert not re.search(r"(password|token)=", str(argument), re.IGNORECASE)


def test_variables_are_known_to_the_site(services: dict[str, dict[str, Any]]) -> None:
    """Each variable that the site is given is one that its settings read, and its docstring names."""
    settings = (DEMO / "running_log" / "settings.py").read_text()
    read = set(re.findall(r"env(?:\.\w+)?\(\s*\"(\w+)\"", settings))
    docstring = settings.split('"""')[1]
    assert {name for name in read if name not in docstring} == set()
    given = set(services["site"]["environment"])
    command = services["site"]["command"]
    given |= set(command[3 : command.index("--")])
    assert given <= read | STANDARD
    assert given >= {"METRICS_TOKEN", "SECRET_KEY", "SENTRY_DSN"}


def test_image_of_the_site_has_what_it_copies() -> None:
    """Each path that the image takes is in the repository, and its build sees it."""
    seen = (STACK / "site.Dockerfile.dockerignore").read_text().splitlines()
    for line in (STACK / "site.Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source.split('/')[0]}" in seen
    assert seen[1] == "*"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `prepare` writes, in a folder instead of /stack."""
    for module in ("environ", "bootstrap", "whitenoise"):
        if importlib.util.find_spec(module) is None:
            absent(f"the demo site needs {module} (demo_site/requirements.txt)")
    home = tmp_path_factory.mktemp("stack")
    prepare(home)
    return home


def prepare(home: Path) -> None:
    """Run it."""
    environment = {**os.environ, "STACK_DIR": str(home), "VAR_DIR": str(home / "var")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, str(STACK / "prepare.py")]
    subprocess.run(command, check=True, cwd=DEMO, env=environment, capture_output=True)


def made_up(prepared: Path) -> dict[str, str]:
    """The secrets, by service and name."""
    folder = prepared / "secrets"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.glob("*/*")}


def test_prepare_makes_up_secrets_once(prepared: Path) -> None:
    """They are long, each another, and stay; the log is filled anew."""
    before = made_up(prepared)
    assert len(before) == 8
    assert before["prometheus/METRICS_TOKEN"] == before["site/METRICS_TOKEN"]
    assert len(set(before.values())) == 7
    for name in ("site/METRICS_TOKEN", "site/SECRET_KEY", "bugsink/SECRET_KEY"):
        assert len(before[name]) > 40
    assert before["site/SENTRY_DSN"] == f"http://{before['bugsink/PROJECT_KEY']}@bugsink:8000/1"
    prepare(prepared)
    assert made_up(prepared) == before


def test_every_secret_that_is_read_is_made_up(prepared: Path, services: dict[str, dict[str, Any]]) -> None:
    """No service waits for one that nobody writes, and none is written for nobody."""
    text = json.dumps(services) + (STACK / "prometheus.yml").read_text()
    read = set(re.findall(r"/stack/secrets/(\w+/[A-Z_]+)", text))
    for service in services.values():
        command = [str(each) for each in service.get("command", ())]
        if "--" in command:
            folder, *names = command[2 : command.index("--")]
            read |= {f"{folder}/{name}" for name in names}
    assert read == set(made_up(prepared))


def test_no_service_sees_another_s_secrets(services: dict[str, dict[str, Any]]) -> None:
    """Each has its own folder, to read only; what makes them up has all of them, and its image has the folders."""
    seen = {
        name: [str(each) for each in service.get("volumes", ()) if "secrets" in str(each)]
        for name, service in services.items()
    }
    of_all = sorted(seen.pop("prepare"))
    with_any = sorted(name for name, volumes in seen.items() if volumes)
    assert with_any == ["bugsink", "grafana", "prometheus", "site"]
    assert of_all == [f"{name}-secrets:/stack/secrets/{name}:rw" for name in with_any]
    for name in with_any:
        assert seen[name] == [f"{name}-secrets:/stack/secrets/{name}:ro"]
        assert f"/stack/secrets/{name}" in (STACK / "site.Dockerfile").read_text()


def test_boards_are_where_grafana_looks(prepared: Path, services: dict[str, dict[str, Any]]) -> None:
    """The provisioning names the folder with all boards, and data sources by the services' names."""
    [provider] = loaded(prepared / "grafana/provisioning/dashboards/djmetrics.yaml")["providers"]
    assert set(provider) <= {
        *("name", "orgId", "folder", "folderUid", "type", "disableDeletion", "updateIntervalSeconds"),
        *("allowUiUpdates", "options"),
    }
    assert {path.stem for path in Path(provider["options"]["path"]).glob("*.json")} == set(BY_DEFAULT)
    sources = loaded(prepared / "grafana/provisioning/datasources/djmetrics.yaml")["datasources"]
    for source in sources:
        assert set(source) <= {"name", "uid", "type", "access", "url", "jsonData", "isDefault", "version"}
        host, port = source["url"].removeprefix("http://").split(":")
        assert source["type"] == host
        assert f"127.0.0.1:{port}:{port}" in str(services[host]["ports"])
    environment = services["grafana"]["environment"]
    assert environment["GF_PATHS_PROVISIONING"] == "/stack/grafana/provisioning"
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].removeprefix("/stack/grafana/")
    assert (prepared / "grafana" / home).is_file()


def test_prometheus_takes_its_configuration(
    prepared: Path, promtool: Callable[..., str], tmp_path: Path
) -> None:
    """With the rules that were written beside the boards, all of them, and the token."""
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text((STACK / "prometheus.yml").read_text().replace("/stack/", f"{prepared}/"))
    said = promtool("check", "config", str(configuration))
    assert "SUCCESS" in said
    rules = (prepared / "grafana").rglob("prometheus/**/*.y*ml")
    assert [path for path in rules if str(path) not in said] == []


def test_prometheus_asks_what_is_there(services: dict[str, dict[str, Any]]) -> None:
    """Each target is a service, and Alertmanager is the one that listens."""
    configuration = loaded(STACK / "prometheus.yml")
    targets = [
        target
        for job in configuration["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    ]
    assert {target.split(":")[0] for target in targets} <= {*services, "127.0.0.1"}
    [manager] = configuration["alerting"]["alertmanagers"]
    assert manager["static_configs"] == [{"targets": ["alertmanager:9093"]}]


def test_alertmanager_takes_its_configuration() -> None:
    """Its own tool finds no mistake."""
    command = [program("amtool"), "check-config", str(STACK / "alertmanager.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_collector_hands_on_what_it_receives(services: dict[str, dict[str, Any]]) -> None:
    """Each part of a pipeline is defined, each that is defined is used, and the ends are the site and Tempo."""
    configuration = loaded(STACK / "collector.yaml")
    assert set(configuration) == {"receivers", "processors", "exporters", "extensions", "service"}
    used: dict[str, set[str]] = {"extensions": set(configuration["service"]["extensions"])}
    for pipeline in configuration["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            used.setdefault(kind, set()).update(names)
        assert pipeline["processors"][0] == "memory_limiter"
        assert pipeline["processors"][-1] == "batch"
    assert used == {kind: set(configuration[kind]) for kind in used}
    protocols = configuration["receivers"]["otlp"]["protocols"]
    site = services["site"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert site == f"http://collector:{protocols['http']['endpoint'].split(':')[1]}"
    tempo = loaded(STACK / "tempo.yaml")
    port = tempo["distributor"]["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"].split(":")[1]
    [exporter] = configuration["exporters"].values()
    assert exporter["endpoint"] == f"tempo:{port}"
    health = configuration["extensions"]["health_check"]["endpoint"]
    assert health in json.dumps(services["collector"]["healthcheck"])


def test_tempo_keeps_what_it_has_in_its_tmpfs(services: dict[str, dict[str, Any]]) -> None:
    """It can write nowhere else."""
    configuration = loaded(STACK / "tempo.yaml")
    trace = configuration["storage"]["trace"]
    place = services["tempo"]["tmpfs"][0].split(":")[0]
    assert trace["local"]["path"].startswith(f"{place}/")
    assert trace["wal"]["path"].startswith(f"{place}/")
    assert f":{configuration['server']['http_listen_port']}/ready" in json.dumps(
        services["tempo"]["healthcheck"]
    )
    assert configuration["usage_report"] == {"reporting_enabled": False}


@pytest.mark.servers
def test_prometheus_may_read_the_site(
    prepared: Path, services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """The site's own command, with its secrets and variables, answers to the service's name, and to the token alone."""
    need("gunicorn")
    port = process.free_port()
    given = services["site"]["environment"]
    command = [sys.executable, str(STACK / "with_secrets.py"), *services["site"]["command"][2:]]
    at = command.index("--") + 1
    command[at : at + 1] = [sys.executable, "-m", "gunicorn", f"--chdir={DEMO}"]
    here = {"0.0.0.0:8000": f"127.0.0.1:{port}", "=gunicorn.conf.py": f"={DEMO / 'gunicorn.conf.py'}"}
    for old, new in here.items():
        command = [each.replace(old, new) for each in command]
    # Neither the collector nor Bugsink is there.
    nowhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "VAR_DIR": f"{prepared}/var", "STACK_DIR": str(prepared)}
    environment = {**os.environ, **given, **nowhere, "DJANGO_SETTINGS_MODULE": "running_log.settings"}
    token = (prepared / "secrets/site/METRICS_TOKEN").read_text()
    page = f"http://127.0.0.1:{port}/metrics"

    def status(host: str, authorization: str) -> int:
        request = urllib.request.Request(page, headers={"Host": host, "Authorization": authorization})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert b"djmetrics_build_info" in answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    ready = lambda: process.answers(f"http://127.0.0.1:{port}/")  # noqa: E731
    with process.running(command, ready=ready, cwd=tmp_path, env=environment):
        assert status("site:8000", f"Bearer {token}") == 200
        assert status("site:8000", "Bearer another") in {403, 404}
        assert status("elsewhere:8000", f"Bearer {token}") == 400


def test_command_gets_its_secrets(prepared: Path) -> None:
    """From its service's files, by their names; what is missing is named."""
    script = [sys.executable, str(STACK / "with_secrets.py"), "bugsink"]
    show = "import os; print(os.environ['SECRET_KEY'], os.environ['PROJECT_KEY'])"
    environment = {**os.environ, "STACK_DIR": str(prepared)}
    command = [*script, "SECRET_KEY", "PROJECT_KEY", "--", sys.executable, "-c", show]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    known = made_up(prepared)
    assert done.stdout.split() == [known["bugsink/SECRET_KEY"], known["bugsink/PROJECT_KEY"]]
    done = subprocess.run([*script, "NOTHING", "--", "true"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "NOTHING" in done.stderr


def test_health_check_tells_good_from_bad(tmp_path: Path) -> None:
    """An address that answers, one that refuses, one where nobody is."""
    port = process.free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    base = f"http://127.0.0.1:{port}"

    def status(url: str) -> int:
        return subprocess.run(
            [sys.executable, str(STACK / "answers.py"), url], capture_output=True
        ).returncode

    assert status(base) != 0
    with process.running(command, ready=lambda: process.answers(base), cwd=tmp_path):
        assert status(base) == 0
        assert status(f"{base}/nothing") != 0


@pytest.mark.servers
def test_bugsink_takes_the_errors_of_the_site(
    prepared: Path, services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """The service's own command, with the files of its image, makes the project and takes what the site's DSN sends.

    The image holds the package that is installed here, its configuration for containers, and nothing else of note.
    """
    found = BUGSINK.find()
    if found is None:
        absent("bugsink is not installed (python3 -m tests.components.install)")
    python, port = Path(found), process.free_port()
    where = [str(python), "-c", "import bugsink; print(bugsink.__path__[0])"]
    package = Path(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip())
    template = (package / "conf_templates" / "docker.py.template").read_text()
    (tmp_path / "bugsink_conf.py").write_text(template.replace("'/tmp/", f"'{tmp_path}/"))
    shutil.copy(package / "gunicorn.docker.conf.py", tmp_path)
    script = (STACK / "bugsink.sh").read_text().replace("/stack/files", str(STACK))
    (tmp_path / "bugsink.sh").write_text(script.replace("0.0.0.0:8000", f"127.0.0.1:{port}"))
    here = {"python": str(python), "/stack/files/bugsink.sh": str(tmp_path / "bugsink.sh")}
    command = [
        here.get(each, each.replace("/stack/files", str(STACK))) for each in services["bugsink"]["command"]
    ]
    environment = {
        **services["bugsink"]["environment"],
        "DATABASE_PATH": str(tmp_path / "db.sqlite3"),
        "DJANGO_SETTINGS_MODULE": "bugsink_conf",
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "STACK_DIR": str(prepared),
    }
    base = f"http://127.0.0.1:{port}"
    dsn = (prepared / "secrets/site/SENTRY_DSN").read_text()
    key, host = re.fullmatch(r"http://(\w+)@([\w:]+)/1", dsn).groups()  # type: ignore[union-attr]
    event = json.dumps(
        {"event_id": "0" * 32, "message": "of the stack", "platform": "python", "timestamp": 1}
    )
    item = json.dumps({"type": "event", "length": len(event)})
    envelope = "\n".join([json.dumps({"event_id": "0" * 32}), item, event, ""])
    headers = {"Host": host, "X-Sentry-Auth": f"Sentry sentry_key={key}, sentry_version=7"}
    request = urllib.request.Request(f"{base}/api/1/envelope/", envelope.encode(), headers)
    count = (
        "from django.contrib.auth import get_user_model; from events.models import Event;"
        "print('COUNT', Event.objects.filter(project_id=1).count(), get_user_model().objects.get().username)"
    )

    def arrived() -> bool:
        shell = [str(python.parent / "bugsink-manage"), "shell", "-c", count]
        whole = {**os.environ, **environment, "SECRET_KEY": "x" * 50}
        done = subprocess.run(shell, cwd=tmp_path, env=whole, capture_output=True, text=True, check=True)
        return "COUNT 1 demo@example.org" in done.stdout

    ready = lambda: process.answers(f"{base}/health/ready")  # noqa: E731
    with process.running(command, ready=ready, cwd=tmp_path, env=environment):
        urllib.request.urlopen(request, timeout=10).close()
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(urllib.request.Request(base, headers={"Host": "elsewhere"}), timeout=10)
        end = time.monotonic() + 30
        while not arrived():
            assert time.monotonic() < end, (tmp_path / "server.log").read_text()[-2000:]


@pytest.mark.parametrize(
    "docker, said",
    [
        (None, "docker is not on this machine"),
        ('[ "$1" = compose ] && exit 1', "Docker is here without Compose 2"),
        ('[ "$1" = version ] && exit 1', "Docker does not run here"),
        ('case "$*" in *" up "*) exit 3;; esac', "It did not start"),
    ],
)
def test_what_is_lacking_is_said(docker: str | None, said: str, tmp_path: Path) -> None:
    """Without Docker, without Compose, without a server: one sentence each, and no traceback."""
    if docker is not None:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{docker}\nexit 0\n")
        (tmp_path / "docker").chmod(0o755)
    command = [sys.executable, str(STACK / "up.py")]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_addresses_are_said(tmp_path: Path, services: dict[str, dict[str, Any]]) -> None:
    """Where it starts, each address that it names is a port of the stack."""
    (tmp_path / "docker").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    (tmp_path / "docker").chmod(0o755)
    command = [sys.executable, str(STACK / "up.py")]
    done = subprocess.run(command, env={"PATH": f"{tmp_path}:/bin:/usr/bin"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[-1] == f"compose --project-name running-log --file {COMPOSE} up --build --detach"
    ports = {str(port).split(":")[1] for each in services.values() for port in each.get("ports", ())}
    assert set(re.findall(r"http://127\.0\.0\.1:(\d+)/", done.stdout)) < ports
