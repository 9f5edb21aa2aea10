"""``manage.py djmetrics_rules``, and the rules that ``djmetrics_dashboards`` writes beside the boards."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from djmetrics.rules.document import alert_names
from tests.components.fixtures import need

SLOS = {"availability": {"OBJECTIVE": 0.999}}
NAME = "djmetrics.rules.yml"


def run(*arguments: str, command: str = "djmetrics_rules", **settings: Any) -> tuple[str, str]:
    """What the command writes to either stream."""
    out, errors = StringIO(), StringIO()
    with override_settings(DJMETRICS={"SLOS": SLOS, **settings}):
        call_command(command, *arguments, stdout=out, stderr=errors)
    return out.getvalue(), errors.getvalue()


def alerts(text: str) -> list[dict[str, Any]]:
    """The alerts of a rule file."""
    need("yaml", "test")
    import yaml

    groups = yaml.safe_load(text)["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_prints_writes_and_checks(tmp_path: Path) -> None:
    """The same text to the terminal, to a file and into a folder; the check sees a change."""
    printed, _ = run()
    path = tmp_path / "prometheus" / "rules.yml"
    assert run(f"--out={path}")[0] == f"written  {path}\n"
    assert run(f"--out={tmp_path}")[0] == f"written  {tmp_path / NAME}\n"
    assert path.read_text() == (tmp_path / NAME).read_text() == printed
    assert run(f"--out={path}", "--check")[0] == "Up to date.\n"
    path.write_text(printed.replace("0.999", "0.99"))
    with pytest.raises(CommandError, match=f"Out of date: {path}"):
        run(f"--out={path}", "--check")
    assert "0.99 " in path.read_text(), "a check changes nothing"
    with pytest.raises(CommandError, match="Out of date"):
        run(f"--out={tmp_path / 'missing.yml'}", "--check")


def test_objectives_are_the_settings(tmp_path: Path) -> None:
    """Another objective is drift; without any there are no burn alerts, and that is said."""
    run(f"--out={tmp_path}")
    with pytest.raises(CommandError, match="Out of date"):
        run(f"--out={tmp_path}", "--check", SLOS={"availability": {"OBJECTIVE": 0.99}})
    _, errors = run(f"--out={tmp_path}", SLOS={})
    assert "No objectives in DJMETRICS['SLOS']" in errors
    assert "ErrorBudgetBurn" not in (tmp_path / NAME).read_text()


@pytest.mark.parametrize(
    "slos, message",
    [
        ({"fast": {"OBJECTIVE": 0.9, "LATENCY": 0.3}}, "the nearest: 0.25 and 0.5"),
        ({"up": {"OBJECTIVE": 99}}, r"DJMETRICS\['SLOS'\]\['up'\]\['OBJECTIVE'\] must be a share"),
        (["up"], r"DJMETRICS\['SLOS'\] must be a dict"),
    ],
)
def test_wrong_objective_is_refused(tmp_path: Path, slos: Any, message: str) -> None:
    """Rules that lack an objective would look whole."""
    with pytest.raises(CommandError, match=message):
        run(f"--out={tmp_path}", SLOS=slos)
    assert list(tmp_path.iterdir()) == []


def test_options() -> None:
    """Labels, links, severities and what is left out."""
    text, _ = run(
        *(
            "--job-label=service",
            "--namespace-label=",
            "--job=shop",
            "--grafana-url=https://grafana.example/",
        ),
        *(
            "--runbooks=https://docs.example/runbooks/{}.html",
            "--severity=critical=page",
            "--alert-label=team=web",
        ),
        *("--without-alert=DjmetricsQueueing", "--without-alert=DjmetricsNewException"),
    )
    found = alerts(text)
    assert {each["alert"] for each in found} == set(alert_names()) - {
        "DjmetricsQueueing",
        "DjmetricsNewException",
    }
    assert {each["labels"]["severity"] for each in found} == {"page", "warning"}
    assert {each["labels"]["team"] for each in found} == {"web"}
    [down] = [each for each in found if each["alert"] == "DjmetricsTargetDown"]
    assert down["annotations"] == {
        "summary": "{{ $labels.service }}: the metrics page of {{ $labels.instance }} cannot be read",
        "description": "Prometheus has not read the metrics page of {{ $labels.instance }} for 5 minutes: the site is "
        "down, or the page is closed to Prometheus. No other alert sees this instance now.",
        "dashboard_url": "https://grafana.example/d/djmetrics-runtime?var-job={{ urlquery $labels.service }}"
        "&var-instance={{ urlquery $labels.instance }}",
        "runbook_url": "https://docs.example/runbooks/target-down.html",
    }
    assert down["expr"].startswith('up{service="shop"} == 0')
    assert "namespace" not in text
    assert "<<" not in text


@pytest.mark.parametrize(
    "option, message",
    [
        ("--severity=urgent=page", "No such severity: urgent. There are: critical, warning, info"),
        ("--severity=critical", "--severity critical: must be of the form NAME=VALUE"),
        ("--object-label=release", "--object-label release: must be of the form"),
        ("--alert-label==x", "must be of the form NAME=VALUE"),
        ("--without-alert=Down", "No such alert: Down. There are: DjmetricsErrorBudgetBurn, "),
        ("--check", "--check needs --out"),
        ("--alert-label=a-b=x", "--alert-label 'a-b': must be a label of Prometheus"),
        ("--alert-label=severity=x", "--alert-label severity: djmetrics has a label of that name"),
        ("--alert-label=slo=x", "--alert-label slo: djmetrics has a label of that name"),
        ("--alert-label=job=x", "--alert-label job: is the label that tells sites apart"),
        ("--alert-label=team={{", "--alert-label team={{: must be plain text, without {{"),
        ("--severity=critical={{", "--severity critical={{: must be plain text, without {{"),
        (
            "--grafana-url=https://x/{{ .Values.x }}",
            "--grafana-url https://x/{{ .Values.x }}: must be a plain",
        ),
        ("--runbooks=https://x/{{ x }}/{}", "--runbooks https://x/{{ x }}/{}: must be a plain address"),
        ("--runbooks=https://x/runbooks", "--runbooks https://x/runbooks: must have {} where a page's name"),
        ("--object-name=My Rule!", "--object-name 'My Rule!': must be of lower case letters"),
        ("--object-name=", "--object-name '': must be of lower case letters"),
        ("--object-name=" + "a" * 254, "253 characters at most"),
        ("--object-name=a\n", "must be of lower case letters"),
        ("--object-label=a b=c", "--object-label a b=c: name and value must be of"),
        ("--object-label=a=c d/", "--object-label a=c d/: name and value must be of"),
        ("--object-label=/a=c", "--object-label /a=c: name and value must be of"),
        ("--object-label=A_B/a=c", "--object-label A_B/a=c: name and value must be of"),
        ("--object-label=a=" + "x" * 64, "63 characters at most"),
    ],
)
def test_wrong_option_is_named(option: str, message: str) -> None:
    """A misspelt option is an error that names what there is."""
    with pytest.raises(CommandError, match=re.escape(message)):
        run(option)


@pytest.mark.parametrize("command", ["djmetrics_rules", "djmetrics_dashboards"])
@pytest.mark.parametrize(
    "option, message",
    [
        ("--job-label=my-label", "--job-label 'my-label': must be a label of Prometheus"),
        ("--job-label=a b", "--job-label 'a b': must be a label of Prometheus"),
        ("--job-label=", "--job-label '': must be a label of Prometheus"),
        ("--job-label=1a", "--job-label '1a': must be a label of Prometheus"),
        ("--job-label=__name__", "--job-label '__name__': must be a label of Prometheus"),
        ("--job-label=é", "--job-label 'é': must be a label of Prometheus"),
        ("--namespace-label=x-y", "--namespace-label 'x-y': must be a label of Prometheus"),
        ("--job-label=NaN", "--job-label NaN: PromQL cannot group by a label of that name"),
        (
            "--namespace-label=without",
            "--namespace-label without: PromQL cannot group by a label of that name",
        ),
        ("--namespace-label=job", "--namespace-label job: is the job's label already"),
        *(
            (f"--job-label={name}", f"--job-label {name}: djmetrics has a label of that name itself")
            for name in ("release", "view", "instance", "le", "slo", "severity", "long", "short", "alertname")
        ),
    ],
)
def test_label_that_cannot_tell_sites_apart(tmp_path: Path, command: str, option: str, message: str) -> None:
    """Rules and boards with it would be refused, or ask for something else; nothing is written."""
    with pytest.raises(CommandError, match=f"^{re.escape(message)}"):
        run(f"--out={tmp_path}", option, command=command)
    assert list(tmp_path.iterdir()) == []


def test_object_may_have_what_kubernetes_takes() -> None:
    """A name with dots, a label with a prefix."""
    text, _ = run(
        "--format=prometheus-operator", "--object-name=a.b-1", "--object-label=example.org/Team_a.b=Web-1"
    )
    assert "name: a.b-1\n" in text
    assert "example.org/Team_a.b: Web-1\n" in text


def test_file_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    """A file in a folder's place is told of, without a traceback."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(CommandError, match="taken"):
        run(f"--out={tmp_path / 'taken' / 'rules.yml'}")


def test_operator_object_holds_the_same_rules() -> None:
    """Prometheus's operator gets an object around the very same groups."""
    need("yaml", "test")
    import yaml

    plain, wrapped = (
        yaml.safe_load(run(f"--format={each}")[0]) for each in ("prometheus", "prometheus-operator")
    )
    assert (wrapped["apiVersion"], wrapped["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert wrapped["metadata"] == {"name": "djmetrics", "labels": {"app.kubernetes.io/name": "djmetrics"}}
    assert wrapped["spec"] == plain
    told = (
        "--format=prometheus-operator",
        "--object-name=djmetrics-shop",
        "--object-label=release=monitoring",
    )
    about = yaml.safe_load(run(*told)[0])["metadata"]
    assert about["name"] == "djmetrics-shop"
    assert about["labels"]["release"] == "monitoring"


def test_rules_come_with_the_boards(tmp_path: Path) -> None:
    """One command writes both, with the same labels and options; its check sees when the rules are old."""
    run(
        f"--out={tmp_path}", "--job-label=service", "--severity=critical=page", command="djmetrics_dashboards"
    )
    path = tmp_path / "prometheus" / NAME
    assert path.read_text() == run("--job-label=service", "--severity=critical=page")[0]
    with pytest.raises(CommandError, match=r"Out of date:\n.*djmetrics\.rules\.yml$"):
        run(
            *(f"--out={tmp_path}", "--check", "--job-label=service", "--severity=critical=page"),
            command="djmetrics_dashboards",
            SLOS={},
        )


def test_rules_are_as_many_as_the_documentation_says() -> None:
    """Twelve without objectives, fifteen more for each."""

    def rules(objectives: int) -> int:
        slos = {f"slo-{number}": {"OBJECTIVE": 0.999} for number in range(objectives)}
        return run(SLOS=slos)[0].count("expr:")

    text = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "alerts.md").read_text()
    assert (rules(0), rules(1), rules(200)) == (12, 27, 3012)
    assert (
        "An objective is fifteen rules, eleven recorded and four alerts; without any there are twelve."
        in text
    )
    assert "Two hundred objectives are 3,012\n" in text
