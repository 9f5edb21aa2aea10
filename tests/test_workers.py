"""In which folder a process shares its figures, told from the process itself. Real servers: tests/servers."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from djmetrics import folders, workers

ROOT = Path(__file__).parents[1]
# One write, so that the lines of processes side by side stay whole.
REPORT = (
    "import sys; from djmetrics import workers; "
    "sys.stdout.write(f'{workers.shared_folder()} {workers.is_management_command()}\\n')"
)


def run(script: Path, code: str, *arguments: str, **env: str) -> list[str]:
    """Run a script of this name with this code in a process of its own; return the words it printed."""
    script.write_text(textwrap.dedent(code))
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**clean_environment(), **env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def clean_environment() -> dict[str, str]:
    """This environment, without the variables that name folders."""
    ours = (workers.ENVIRONMENT, workers.PROMETHEUS_ENVIRONMENT)
    return {key: value for key, value in os.environ.items() if key not in ours}


def test_lone_process_shares_nothing(tmp_path: Path) -> None:
    """A server of one process keeps its figures in memory, and is no management command."""
    assert run(tmp_path / "serve.py", REPORT) == ["None", "False"]


def test_given_folder_is_used_as_it_is(tmp_path: Path) -> None:
    """DJMETRICS_MULTIPROC_DIR is the folder itself, made if it is not there."""
    folder = tmp_path / "given"
    found = run(tmp_path / "serve.py", REPORT, **{workers.ENVIRONMENT: str(folder)})
    assert found == [str(folder), "False"]
    assert folder.is_dir()


def test_prometheus_s_folder_gets_a_folder_inside(tmp_path: Path) -> None:
    """In PROMETHEUS_MULTIPROC_DIR our files lie apart from prometheus_client's."""
    found = run(tmp_path / "serve.py", REPORT, **{workers.PROMETHEUS_ENVIRONMENT: str(tmp_path)})
    assert found == [str(tmp_path / "djmetrics"), "False"]


def test_our_own_variable_comes_first(tmp_path: Path) -> None:
    """With both variables, ours decides."""
    env = {workers.ENVIRONMENT: str(tmp_path / "ours"), workers.PROMETHEUS_ENVIRONMENT: str(tmp_path / "its")}
    assert run(tmp_path / "serve.py", REPORT, **env)[0] == str(tmp_path / "ours")
    assert not (tmp_path / "its").exists()


@pytest.mark.parametrize("command", ["migrate", "shell", "test", ""])
def test_management_commands_share_nothing(tmp_path: Path, command: str) -> None:
    """A command leaves no files, although the environment names a folder."""
    folder = tmp_path / "given"
    arguments = [command] if command else []
    found = run(tmp_path / "manage.py", REPORT, *arguments, **{workers.ENVIRONMENT: str(folder)})
    assert found == ["None", "True"]
    assert not folder.exists()


@pytest.mark.parametrize("command,is_command", [("serve", False), ("test", True)])
def test_command_that_runs_a_server_is_one(tmp_path: Path, command: str, is_command: bool) -> None:
    """A site may start uvicorn, say, from a command of its own; but a test's server is none."""
    (tmp_path / "uvicorn.py").write_text("def run(app): app()")
    code = f"""
        import threading
        import uvicorn

        def app():
            {REPORT}

        def on_a_thread():
            thread = threading.Thread(target=app)
            thread.start()
            thread.join()

        uvicorn.run(on_a_thread)
    """
    assert run(tmp_path / "manage.py", code, command) == ["None", str(is_command)]


def test_runserver_is_a_server(tmp_path: Path) -> None:
    """The development server is a management command by name only."""
    assert run(tmp_path / "manage.py", REPORT, "runserver", "--noreload") == ["None", "False"]


def test_manage_script_of_another_name_is_known_by_what_it_calls(tmp_path: Path) -> None:
    """A renamed manage.py still runs management commands."""
    code = f"""
        def main():
            from django.core.management import execute_from_command_line
            {REPORT}

        main()
    """
    assert run(tmp_path / "site-admin.py", code, "migrate") == ["None", "True"]


def test_interactive_shell_is_no_server(tmp_path: Path) -> None:
    """Whoever tries the site's views in a Python shell leaves no files."""
    done = subprocess.run(
        [sys.executable, "-i", "-c", REPORT],
        input="",
        env={**clean_environment(), workers.ENVIRONMENT: str(tmp_path / "given"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["None", "True"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_multiprocessing_meet_in_one_folder(tmp_path: Path, method: str) -> None:
    """Workers that a server starts with multiprocessing share the folder named after their parent."""
    code = f"""
        import multiprocessing, os, sys

        def work():
            {REPORT}

        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            children = [context.Process(target=work) for _ in range(2)]
            for child in children:
                child.start()
            for child in children:
                child.join()
            {REPORT}
            print(os.getpid())
    """
    first, is_command, second, _, parent_s, _, parent = run(tmp_path / "serve.py", code)
    assert first == second
    assert is_command == "False"
    assert parent_s == "None"
    folder = Path(first)
    assert folders.is_private(folder)
    assert folder.name.startswith(f"{parent}-")
    assert not folders.is_alive(folder.name)
    assert folders.remove_if_idle(folder)


def test_parallel_tests_of_a_site_share_nothing(tmp_path: Path) -> None:
    """``manage.py test --parallel`` forks, too, and is still a management command."""
    code = f"""
        import multiprocessing

        def work():
            {REPORT}

        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
    """
    assert run(tmp_path / "manage.py", code, "test", "--parallel") == ["None", "True"]


def test_nothing_of_django_or_prometheus_is_imported(tmp_path: Path) -> None:
    """gunicorn's master reads its configuration file before the site's settings exist."""
    code = """
        import sys
        from djmetrics import gunicorn, workers
        print(*(name for name in ("django.conf", "prometheus_client") if name in sys.modules))
    """
    assert run(tmp_path / "serve.py", code) == []


class FakeWorker:
    """What a gunicorn worker has that matters here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ppid = os.getppid()

    def handle(self, number: int, frame: Any) -> None:
        """Handle a signal, as its methods do."""


@pytest.fixture
def gunicorn_base(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process with gunicorn in it, whose signals are put back afterwards."""
    monkeypatch.setitem(sys.modules, "gunicorn.workers.base", SimpleNamespace(Worker=FakeWorker))  # type: ignore[arg-type]
    before = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("gunicorn_base")
def test_gunicorn_worker_is_known_by_its_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A title that the site gave the process hides no worker: the folder is named after its master."""
    monkeypatch.setattr(workers, "_is_fork_of_parent", lambda: False)
    worker = FakeWorker(os.getpid())
    signal.signal(signal.SIGUSR1, worker.handle)

    assert workers.gunicorn_worker() is worker
    assert workers.server_key() == folders.process_key(os.getppid())


@pytest.mark.usefixtures("gunicorn_base")
def test_gunicorn_worker_is_known_by_who_runs_it() -> None:
    """Workers on an asyncio loop have their signals behind the loop, and the arbiter on their stack."""
    worker = FakeWorker(os.getpid())
    arbiter: dict[str, Any] = {"__name__": "gunicorn.arbiter"}
    exec("def spawn_worker(worker, run):\n    return run()", arbiter)

    assert arbiter["spawn_worker"](worker, workers.gunicorn_worker) is worker
    assert workers.gunicorn_worker() is None


@pytest.mark.usefixtures("gunicorn_base")
def test_child_of_a_gunicorn_worker_is_none() -> None:
    """A process that a worker forked has the worker's handlers, but not its pid."""
    signal.signal(signal.SIGUSR1, FakeWorker(os.getppid()).handle)
    assert workers.gunicorn_worker() is None


@pytest.mark.parametrize(
    "argv,expected",
    [
        (["/srv/venv/bin/gunicorn", "-w", "4"], True),
        (["gunicorn3"], True),
        (["/lib/gunicorn/__main__.py", "mysite.wsgi"], True),
        (["/lib/gunicorn/app/wsgiapp.py"], True),
        (["manage.py", "run_gunicorn", "-w", "4"], False),
        (["/lib/pytest/__main__.py"], False),
        ([], False),
    ],
)
def test_gunicorn_s_command_line(argv: list[str], expected: bool) -> None:
    """gunicorn's program is known as a script and as a module."""
    assert workers.is_gunicorn_line(argv) is expected
