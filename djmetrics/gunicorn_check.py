"""Whether several gunicorn workers know djmetrics: judged before gunicorn starts, and from inside a worker.

Other servers need no line of their own for their workers' figures to be added up: only gunicorn is judged.
"""

import shlex
import sys
from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from . import gunicorn_config, workers
from .gunicorn_config import Configuration

OUR_MODULE = "djmetrics.gunicorn"
ID = "djmetrics.W005"
WITHOUT = (
    "Their figures are added up, but start anew at a binary upgrade (USR2); METRICS_PORT opens with the first "
    "request only; the folder of the figures is left behind at the end; prometheus_client's gauges of dead "
    "workers stay."
)
"""What a gunicorn with several workers lacks without our line."""
REMEDY = f"Add this line to gunicorn.conf.py: from {OUR_MODULE} import *"

_FOLDERS = (workers.ENVIRONMENT, workers.PROMETHEUS_ENVIRONMENT)


@dataclass(frozen=True, slots=True)
class Workers:
    """How many ``workers`` were asked for, None when a calculation says so, and the ``source`` that asks."""

    workers: int | None
    source: str

    @property
    def several(self) -> bool:
        """Whether there is more than one, as far as can be known."""
        return self.workers is None or self.workers > 1


def unshared_workers(environ: Mapping[str, str], folder: Path, argv: Sequence[str] = ()) -> Workers | None:
    """Several gunicorn workers without our hooks, as the environment or ``folder`` asks for; else None.

    ``argv`` is this process's own command line: it counts where it is gunicorn's. Nothing is executed: the
    configuration is read, not run.
    """
    is_gunicorn = workers.is_gunicorn_line(argv)
    line = _arguments(argv[1:] if is_gunicorn else ())
    variable = _arguments(_split(environ.get("GUNICORN_CMD_ARGS", "")))
    if any(environ.get(name) for name in _FOLDERS) or _gives_folder(line) or _gives_folder(variable):
        return None
    if is_gunicorn and OUR_MODULE in sys.modules:
        return None
    configuration = gunicorn_config.read(line.config or variable.config, folder)
    if configuration is None or configuration.imports(OUR_MODULE) or configuration.mentions(_FOLDERS):
        return None
    found = (
        _given(line, "The command line")
        or _given(variable, "GUNICORN_CMD_ARGS")
        or _configured(configuration)
        or _concurrency(environ)
    )
    return found if found is not None and found.several else None


def workers_here() -> int | None:
    """How many workers gunicorn was told to run, if this process is one of several without our line."""
    worker = workers.gunicorn_worker()
    if worker is None or OUR_MODULE in sys.modules:
        return None
    return worker.cfg.workers if worker.cfg.workers > 1 else None


def _split(line: str) -> Sequence[str]:
    try:
        return shlex.split(line)
    except ValueError:  # gunicorn itself will say what is wrong with it
        return ()


def _arguments(line: Sequence[str]) -> Namespace:
    """Those of gunicorn's options that matter here."""
    parser = ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("-w", "--workers", type=int)
    parser.add_argument("-c", "--config", default="")
    parser.add_argument("-e", "--env", action="append", default=[])
    try:
        return parser.parse_known_args(line)[0]
    except (ArgumentError, SystemExit):  # as above
        return Namespace(workers=None, config="", env=[])


def _gives_folder(arguments: Namespace) -> bool:
    """Whether ``--env`` names the folder that the workers share."""
    return any(pair.partition("=")[0] in _FOLDERS for pair in arguments.env)


def _given(arguments: Namespace, source: str) -> Workers | None:
    return None if arguments.workers is None else Workers(arguments.workers, source)


def _configured(configuration: Configuration) -> Workers | None:
    """What the configuration assigns to ``workers``; a calculation is taken for several."""
    value = configuration.assigned("workers")
    number = getattr(value, "value", None)
    if value is None:
        return None
    return Workers(number if isinstance(number, int) else None, configuration.name)


def _concurrency(environ: Mapping[str, str]) -> Workers | None:
    """What WEB_CONCURRENCY says. Other servers read it too, so it counts only where gunicorn is installed."""
    value = environ.get("WEB_CONCURRENCY", "")
    if not value.isdecimal() or find_spec("gunicorn") is None:
        return None
    return Workers(int(value), "WEB_CONCURRENCY")


def reminder() -> str:
    """What the workers of the gunicorn that this process belongs to lack; "" for nothing."""
    number = workers_here()
    if number is None:
        return ""
    return (
        f"gunicorn runs {number} worker processes, but its configuration does not import djmetrics. {WITHOUT} {REMEDY} "
        "(docs/reference/checks.md#djmetrics-w005)"
    )
