"""The command ``djmetrics_top``, against a real server and in a real terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from djmetrics import workers
from djmetrics.management.commands import djmetrics_top

from .top.sample import Sample
from .top.server import Site, serving

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sample() -> Sample:
    return Sample()


@pytest.fixture
def site(sample: Sample) -> Iterator[Site]:
    """A server whose every page has ten requests to ``shop:cart`` more than the page before, two of them failed."""

    def answer() -> Any:
        for number in range(10):
            failed = number < 2
            sample.request("shop:cart", 0.05, 4, "500" if failed else "200", "KeyError" if failed else "")
        return sample.answer()

    with serving(answer) as serving_site:
        yield serving_site


def top(*arguments: str) -> str:
    out = StringIO()
    call_command("djmetrics_top", *arguments, stdout=out)
    return out.getvalue()


def test_once_prints_one_table(site: Site) -> None:
    """Two scrapes make one table, of what happened between them."""
    text = top("--url", site.url, "--once", "--interval", "0.5")

    assert len(site.asked) == 2
    (line,) = [line for line in text.splitlines() if "shop:cart" in line]
    view, rate, share, _, p50, p95, _, queries, cpu, bar = line.split()
    assert (view, share, queries, cpu) == ("shop:cart", "20.0%", "4.0", "25.0")
    assert 15 < float(rate) <= 20
    assert (p50, p95) == ("55.0", "95.5")  # ten in the bucket from 10 to 100 ms, spread evenly
    assert bar == "v" * round(len(bar) * 3 / 4) + "d" * round(len(bar) / 4)


def test_nothing_runs_into_a_line_of_its_own(site: Site) -> None:
    """Each line of the table is one line of the output."""
    text = top("--url", site.url, "--once", "--interval", "0.01")
    assert max(map(len, text.splitlines())) == djmetrics_top.PLAIN_WIDTH


def test_the_errors_of_the_page_are_the_commands() -> None:
    """A closed page is a CommandError, and so a line in red and exit status 1."""
    with serving(lambda: (404, {}, b"")) as closed, pytest.raises(CommandError, match="METRICS_ALLOWED_IPS"):
        top("--url", closed.url, "--once")


@pytest.mark.parametrize("wrong", ["0", "-1", "nan", "inf", "soon"])
def test_an_interval_is_a_time(wrong: str) -> None:
    """An interval that is none is refused before anything is scraped."""
    with pytest.raises(CommandError, match="number of seconds above 0"):
        top("--interval", wrong)


def test_the_token_of_the_settings_stays_on_this_host() -> None:
    """The settings' token is for loopback; another host gets it only from --token."""
    with override_settings(DJMETRICS={"METRICS_TOKEN": "secret"}):
        here = ["http://127.0.0.1:8000/metrics", "http://[::1]/metrics", "http://localhost/metrics"]
        assert [djmetrics_top.default_token(url) for url in here] == ["secret"] * 3
        away = ["http://192.0.2.1/metrics", "http://localhost.example/metrics", "http://[::1/metrics", ""]
        assert [djmetrics_top.default_token(url) for url in away] == [""] * 4


def test_the_token_is_sent(site: Site) -> None:
    """The settings' token reaches a page on this host; --token comes before it."""
    with override_settings(DJMETRICS={"METRICS_TOKEN": "ours"}):
        top("--url", site.url, "--once", "--interval", "0.01")
        top("--url", site.url, "--once", "--interval", "0.01", "--token", "theirs")
    sent = [headers["Authorization"] for headers in site.asked]
    assert sent == ["Bearer ours"] * 2 + ["Bearer theirs"] * 2


def test_the_page_of_these_settings_is_the_default() -> None:
    """Without --url it is the usual port of runserver and gunicorn, or METRICS_PORT's page."""
    assert djmetrics_top.default_url() == "http://127.0.0.1:8000/metrics"
    with override_settings(DJMETRICS={"METRICS_PORT": 9100}):
        assert djmetrics_top.default_url() == "http://127.0.0.1:9100/metrics"
    with override_settings(DJMETRICS={"METRICS_PORT": 9100, "METRICS_ADDRESS": "::1"}):
        assert djmetrics_top.default_url() == "http://[::1]:9100/metrics"


def test_the_help_says_how_quantiles_are_found() -> None:
    """The method is stated where users look."""
    text = djmetrics_top.Command().create_parser("manage.py", "djmetrics_top").format_help()
    assert "histogram_quantile" in text
    assert "spread evenly within a bucket" in text


def test_without_rich_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing optional package is one sentence with what to type."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)  # what Python does with a package that is not there
    for part in ("screen", "table"):
        monkeypatch.delitem(sys.modules, f"djmetrics.management.top.{part}", raising=False)
    with pytest.raises(CommandError, match="pip install rich"):
        top("--once")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "django", "djmetrics_top", *arguments]


def environment(**changed: str) -> dict[str, str]:
    known = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    return {**known, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "tests.settings", **changed}


def test_it_leaves_nothing_behind(site: Site, tmp_path: Path) -> None:
    """The command writes no worker files, although the environment names a folder, and binds no port."""
    folder = tmp_path / "workers"
    folder.mkdir()
    taken = subprocess.run(
        command("--url", site.url, "--once", "--interval", "0.05"),
        env=environment(PROMETHEUS_MULTIPROC_DIR=str(folder), **{workers.ENVIRONMENT: str(folder)}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (taken.returncode, taken.stderr) == (0, "")
    assert "shop:cart" in taken.stdout
    assert list(folder.iterdir()) == []


def test_a_pipe_gets_plain_tables_until_it_is_terminated(site: Site) -> None:
    """Into a pipe it prints table after table without control characters, and SIGTERM ends it well."""
    process = subprocess.Popen(
        command("--url", site.url, "--interval", "0.1"), env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    seen = ""
    while seen.count("all views") < 3:
        line = process.stdout.readline()
        assert line, "it ended by itself"
        seen += line
    process.terminate()
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "\x1b" not in seen + rest


class Terminal:
    """A pseudo-terminal with the command in it; ``seen`` is all that it drew."""

    def __init__(self, arguments: list[str], columns: int, lines: int) -> None:
        self.master, slave = pty.openpty()
        self.resize(columns, lines)
        self.process = subprocess.Popen(
            arguments, env=environment(TERM="xterm-256color"), stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read_until(self, enough: str, seconds: float = 20.0) -> str:
        """What is drawn from now on, until ``enough`` is in it."""
        end, new = time.monotonic() + seconds, ""
        while enough not in new:
            assert time.monotonic() < end, f"{enough!r} was not drawn: {new[-2000:]!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    new += os.read(self.master, 65536).decode(errors="replace")
                except OSError:  # the other end is closed
                    break
        self.seen += new
        return new


@contextmanager
def terminal(arguments: list[str], columns: int = 120, lines: int = 30) -> Iterator[Terminal]:
    opened = Terminal(arguments, columns, lines)
    try:
        yield opened
    finally:
        if opened.process.poll() is None:
            opened.process.kill()
        opened.process.wait()
        os.close(opened.master)


def table_width(drawn: str) -> int:
    """How wide the table was last drawn: as wide as the rule below its heading."""
    return len(re.findall("─+", drawn)[-1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_terminal_is_put_back_in_order(site: Site, number: signal.Signals) -> None:
    """Live, it draws on the alternate screen; Ctrl-C or SIGTERM leaves that and shows the cursor again."""
    with terminal(command("--url", site.url, "--interval", "0.1")) as screen:
        screen.read_until("shop:cart")
        screen.process.send_signal(number)
        screen.read_until("\x1b[?1049l")
        assert screen.process.wait(20) == 0
    assert "\x1b[?1049h" in screen.seen
    assert screen.seen.rindex("\x1b[?25h") > screen.seen.rindex("\x1b[?25l")
    assert "Traceback" not in screen.seen


def test_a_resized_terminal_is_filled_anew(site: Site) -> None:
    """The table fits the terminal it finds at each drawing."""
    with terminal(command("--url", site.url, "--interval", "0.1"), columns=140) as screen:
        assert table_width(screen.read_until("shop:cart")) == 138
        screen.resize(90, 20)
        end = time.monotonic() + 10
        while table_width(screen.read_until("shop:cart")) != 88:
            assert time.monotonic() < end, "not drawn for 90 columns"


def test_a_site_that_goes_away_is_tried_again(sample: Sample) -> None:
    """While it runs, a failed scrape is a note under the table; the figures come back with the site."""
    down = threading.Event()

    def answer() -> Any:
        sample.request("shop:cart", 0.05)
        return (503, {}, b"") if down.is_set() else sample.answer()

    with serving(answer) as site, terminal(command("--url", site.url, "--interval", "0.1")) as screen:
        screen.read_until("shop:cart")
        down.set()
        screen.read_until("Trying again")
        down.clear()
        asked = len(site.asked)
        while len(site.asked) < asked + 5:
            screen.read_until("shop:cart")
        screen.read_until("\x1b[H")
        assert "Trying again" not in screen.read_until("other")
        assert screen.process.poll() is None
