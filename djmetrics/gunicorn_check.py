"""What gunicorn will do here, judged without starting it: how many workers, and whether they know djmetrics.

Other servers need no line of their own for their workers' figures to be added up: only gunicorn is judged.
"""

import ast
import shlex
from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from . import workers

FILE = "gunicorn.conf.py"
OUR_MODULE = "djmetrics.gunicorn"


@dataclass(frozen=True, slots=True)
class Workers:
    """How many ``workers`` were asked for, None when a calculation says so, and the ``source`` that asks."""

    workers: int | None
    source: str

    @property
    def several(self) -> bool:
        """Whether there is more than one, as far as can be known."""
        return self.workers is None or self.workers > 1


def unshared_workers(environ: Mapping[str, str], folder: Path) -> Workers | None:
    """Several gunicorn workers without our hooks, as the environment or ``folder`` asks for; else None.

    Nothing is executed: the configuration file is read, not run.
    """
    if any(environ.get(name) for name in (workers.ENVIRONMENT, workers.PROMETHEUS_ENVIRONMENT)):
        return None
    arguments = _arguments(environ.get("GUNICORN_CMD_ARGS", ""))
    file = folder / (arguments.config or FILE).removeprefix("file:")
    tree = _parsed(file)
    if _imports_ours(tree):
        return None
    found = _given(arguments) or _configured(tree, file.name) or _concurrency(environ)
    return found if found is not None and found.several else None


def _arguments(line: str) -> Namespace:
    """The options of GUNICORN_CMD_ARGS that matter here."""
    parser = ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("-w", "--workers", type=int)
    parser.add_argument("-c", "--config", default="")
    try:
        return parser.parse_known_args(shlex.split(line))[0]
    except (ArgumentError, ValueError, SystemExit):  # gunicorn itself will say what is wrong with it
        return Namespace(workers=None, config="")


def _parsed(file: Path) -> ast.Module:
    """The file's syntax tree; an empty one where there is no readable file."""
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def _imports_ours(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        if any(f"{name}.".startswith(f"{OUR_MODULE}.") for name in names):
            return True
    return False


def _given(arguments: Namespace) -> Workers | None:
    return None if arguments.workers is None else Workers(arguments.workers, "GUNICORN_CMD_ARGS")


def _configured(tree: ast.Module, name: str) -> Workers | None:
    """What the file assigns to ``workers``; a calculation is taken for several."""
    for node in tree.body:
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "workers" for target in targets):
            number = getattr(getattr(node, "value", None), "value", None)
            return Workers(number if isinstance(number, int) else None, name)
    return None


def _concurrency(environ: Mapping[str, str]) -> Workers | None:
    """What WEB_CONCURRENCY says. Other servers read it too, so it counts only where gunicorn is installed."""
    value = environ.get("WEB_CONCURRENCY", "")
    if not value.isdecimal() or find_spec("gunicorn") is None:
        return None
    return Workers(int(value), "WEB_CONCURRENCY")
