"""``make demo``: the running log under load, and what djmetrics says of it, live in the terminal.

Needs Python 3.11 or later and its standard library. What else it needs goes into demo_site/.venv.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one shall read this, not a traceback
    sys.exit("The demo needs Python 3.11 or later; this is {}.{}.".format(*sys.version_info[:2]))

import argparse
import secrets
import shutil
import signal
import tempfile
import threading
from pathlib import Path

from launch import destinations, parts, ports, preview, pythons
from launch.processes import Failure, Processes, quietly, run

HERE = Path(__file__).resolve().parent
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody wants the demo to end."""


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("--seconds", type=float, help="stop by itself after so many seconds")
    parser.add_argument("--no-load", action="store_true", help="start no load tool")
    parser.add_argument(
        "--metrics-only",
        action="store_true",
        help="no places for errors and traces, no preview of the boards",
    )
    parser.add_argument(
        "--deploy-after", type=float, default=60, help="seconds until the demo deploys its next release (60)"
    )
    parser.add_argument("--workers", type=int, default=3, help="gunicorn's worker processes (3)")
    parser.add_argument("--users", type=int, default=10, help="the load tool's simulated users (10)")
    return parser.parse_args()


def say(text: str) -> None:
    """One line for the reader, at once, also into a pipe."""
    print(text, flush=True)


def demo(chosen: argparse.Namespace, processes: Processes, scratch: Path) -> None:
    """Prepare, start everything, and show the table until somebody or something stops it."""
    python = pythons.environment(HERE / ".venv", HERE, say)
    site_port = ports.choose(8000, "the site", say)
    base = f"http://127.0.0.1:{site_port}"
    errors = traces = page = None
    if not chosen.metrics_only:
        page = built_preview()
        errors = destinations.errors(HERE / ".venv-bugsink", scratch / "bugsink", processes, say)
        traces = destinations.viewer(HERE / "var" / "viewer", processes, say)
    told = {**(errors.environment if errors else {}), **(traces.environment if traces else {})}
    release_file = scratch / "release"
    release_file.write_text(parts.RELEASES[0])
    place = parts.Place(HERE, python, base, secrets.token_urlsafe(16), release_file, told)

    run([*place.manage, "migrate", "--verbosity=0"], place.environment)
    run([*place.manage, "load_runs"], place.environment)

    processes.start("gunicorn", parts.gunicorn(place, site_port, chosen.workers), place.environment)
    processes.wait_for(f"{base}/", "gunicorn")
    if not chosen.no_load:
        processes.start("locust", parts.locust(place, chosen.users), place.environment)
    say(f"\n  The site      {base}/  (the account demo has the password demo)")
    say(f"  Its metrics   curl -H 'Authorization: Bearer {place.token}' {base}/metrics")
    prometheus = start_prometheus(place, processes, scratch)
    if prometheus and page is not None:
        start_preview(place, processes, page, prometheus)
    if errors is not None:
        say(f"  Errors        {errors.url}/issues/1/  {errors.about}")
    if traces is not None:
        say(f"  Traces        {traces.url}/  {traces.about}")
    show_a_failure(base, errors, traces)
    say(f"  Logs          {processes.logs}")
    say("  Ctrl-C stops everything.\n")

    table = processes.start_in_front(
        "djmetrics_top", parts.table(place, sys.stdout.isatty()), place.environment
    )
    deploy = threading.Timer(chosen.deploy_after, lambda: deployed(place, processes))
    deploy.daemon = True
    deploy.start()
    try:
        processes.watch(table, chosen.seconds)
    finally:
        deploy.cancel()


def deployed(place: parts.Place, processes: Processes) -> None:
    """Deploy the next release, as a site does: gunicorn replaces its workers, one after the other."""
    place.release_file.write_text(parts.RELEASES[1])
    processes.signal("gunicorn", signal.SIGHUP)


def show_a_failure(
    base: str, errors: destinations.Destination | None, traces: destinations.Destination | None
) -> None:
    """Ask for the failing page once, and say where its trace and its error are to be seen."""
    if errors is None and traces is None:
        return
    trace_id = parts.failing_request(f"{base}/fail/")
    if not trace_id:
        return
    say(f"  One failing request, in the trace {trace_id}:")
    if traces is not None:
        say(f"    its trace   {traces.url}/#trace={trace_id}")
    if errors is not None:
        say(f"    its error   {errors.url}/issues/1/?q=trace:{trace_id}")


def built_preview() -> Path | None:
    """Where the preview of the boards was built; None if it cannot be here, which is said."""
    if shutil.which("prometheus") is None:
        return None
    try:
        return preview.build(HERE / "var" / "preview", say)
    except Failure as failure:
        say(f"  Boards        no preview, the demo works without it: {failure}")
        return None


def start_preview(place: parts.Place, processes: Processes, page: Path, prometheus: str) -> None:
    """Serve the preview of the boards, and say where it is."""
    port = ports.choose(3000, "the preview of the boards", say)
    url = f"http://127.0.0.1:{port}"
    processes.start("preview", parts.boards(place, page, port, prometheus), place.environment)
    processes.wait_for(f"{url}/boards", "preview")
    say(f"  Boards        {url}/  (a preview, drawn with Grafana's components)")


def start_prometheus(place: parts.Place, processes: Processes, scratch: Path) -> str:
    """Start Prometheus if it is on this machine, and say where it is; its address, "" without it."""
    binary = shutil.which("prometheus")
    if binary is None:
        say(
            "  Prometheus    not on this machine; the demo works without it, and without a preview of the boards"
        )
        return ""
    port = ports.choose(9090, "Prometheus", say)
    url = f"http://127.0.0.1:{port}"
    quietly([*place.manage, "djmetrics_rules", "--out", str(parts.rules(scratch))], HERE, place.environment)
    alerts = start_alertmanager(place, processes, scratch)
    processes.start("prometheus", parts.prometheus(place, binary, port, scratch, alerts), place.environment)
    processes.wait_for(f"{url}/-/ready", "prometheus")
    say(f"  Prometheus    {url}/")
    if alerts:
        say(f"  Alerts        http://{alerts}/  (/fail/, asked for again and again, burns the error budget)")
    return url


def start_alertmanager(place: parts.Place, processes: Processes, scratch: Path) -> str:
    """Start Alertmanager if it is on this machine; its host and port, "" without it."""
    binary = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if binary is None:
        say("  Alerts        Alertmanager is not on this machine; Prometheus shows its alerts by itself")
        return ""
    port = ports.choose(9093, "Alertmanager", say)
    processes.start("alertmanager", parts.alertmanager(binary, port, scratch), place.environment)
    processes.wait_for(f"http://127.0.0.1:{port}/-/ready", "alertmanager")
    return f"127.0.0.1:{port}"


def stop(number: int, frame: object) -> None:
    """Take a signal as the wish to end; the processes are stopped on the way out."""
    raise Stopped


def main() -> int:
    """Run the demo; the exit status is 0 when it was stopped, 1 when something failed."""
    chosen = options()
    for number in STOP_SIGNALS:
        signal.signal(number, stop)
    processes = Processes(HERE / "var" / "log")
    scratch = Path(tempfile.mkdtemp(prefix="running-log-"))
    status = 0
    try:
        demo(chosen, processes, scratch)
    except Stopped:
        pass
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        status = 1
    finally:
        # A second Ctrl-C must not leave anything behind.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        processes.stop()
        shutil.rmtree(scratch, ignore_errors=True)
    say("Everything is stopped.")
    return status


if __name__ == "__main__":
    sys.exit(main())
