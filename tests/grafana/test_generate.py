"""The boards that ship are those that the definitions make, on every Python and whatever the order of sets."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..components.fixtures import need
from .boards import ROOT

GENERATE = ROOT / "dashboards" / "generate.py"


@pytest.fixture(autouse=True)
def builder() -> None:
    """These tests need grafana-dashboard-builder."""
    need("grafana_dashboards", "dashboards, installed without its dependencies")


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", str(GENERATE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_boards_are_up_to_date() -> None:
    """Each shipped board is what its definition makes."""
    done = run("--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_same_bytes_under_each_hash_seed() -> None:
    """The order of sets does not show."""
    code = (
        "import sys; from pathlib import Path; from djmetrics.grafana.components.generate import generate;"
        f"[sys.stdout.write(text) for text in generate(Path({str(GENERATE.parent)!r})).values()]"
    )
    digests = set()
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        text = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
        digests.add(hashlib.sha256(text.stdout).hexdigest())
    assert len(digests) == 1


def test_neither_command_line_nor_client_is_imported() -> None:
    """The parts of the builder that need Kerberos, or rule logging, stay out."""
    code = (
        "import sys, djmetrics.grafana.components.generate;"
        "print([name for name in ('cli', 'client') if f'grafana_dashboards.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n"


def test_what_we_rely_on_is_there() -> None:
    """The few names of the builder that are not quite public."""
    from djmetrics.grafana.components import library

    assert library.Context({"a": 1})._context == {"a": 1}
    assert callable(library.ComponentRegistry.create_component)
    assert callable(library.ComponentRegistry.get_component)
    assert callable(library.Project._get_dashboard_names)
    assert callable(library.GDBLoader.add_constructor)
    assert isinstance(library.ComponentRegistry()._types, dict)


BOARD = """\
- name: site
  grafana-project: {{site: 'job="a"', dashboards: [one]}}
- name: one
  grafana-dashboard:
    title: One
    description: "?"
    rows:
      - section:
          title: Row
          panels:
            - timeseries:
                title: Panel
                targets:
                  - prom: {{legend: {legend}, expr: {expr}}}
"""


def generated(folder: Path, **parts: str) -> dict[str, str]:
    from djmetrics.grafana.components.generate import generate

    (folder / "site.yaml").write_text(BOARD.format(**parts))
    return generate(folder)


def test_raw_text_keeps_its_braces(tmp_path: Path) -> None:
    """PromQL that the builder would choke on goes through, with its own placeholder replaced."""
    made = generated(
        tmp_path, legend="!raw '{{view}}'", expr="""!raw 'x{<<site>>, status=~"5..", a!="b:c"}'"""
    )
    assert r"x{job=\"a\", status=~\"5..\", a!=\"b:c\"}" in made["one"]
    assert '"{{view}}"' in made["one"]


def test_unknown_placeholder_is_an_error(tmp_path: Path) -> None:
    """A misspelt placeholder does not end up in a query."""
    with pytest.raises(KeyError, match="sight"):
        generated(tmp_path, legend="x", expr="!raw 'x{<<sight>>}'")


def test_unknown_component_is_an_error(tmp_path: Path) -> None:
    """The builder would leave it out without a word."""
    (tmp_path / "a.yaml").write_text("- name: one\n  grafana-dashbord: {}\n")
    with pytest.raises(ValueError, match=r"a\.yaml: not a named component"):
        generated(tmp_path, legend="x", expr="x")
