"""gunicorn's configuration, read and never run: its file or module, and what that imports with a star."""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FILE = "gunicorn.conf.py"
MODULE = "python:"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The ``name`` of the file, and the syntax ``trees`` of it and of those that it imports with a star."""

    name: str
    trees: tuple[ast.Module, ...] = ()

    def imports(self, module: str) -> bool:
        """Whether this module, or something from it, is imported anywhere."""
        return any(f"{name}.".startswith(f"{module}.") for tree in self.trees for name in _imported(tree))

    def mentions(self, variables: Iterable[str]) -> bool:
        """Whether one of these environment variables is spelled out, by itself or as in ``NAME=value``."""
        texts = (
            node.value for tree in self.trees for node in ast.walk(tree) if isinstance(node, ast.Constant)
        )
        return any(text.partition("=")[0] in variables for text in texts if isinstance(text, str))

    def assigned(self, setting: str) -> ast.expr | None:
        """What is assigned to a setting, by the first file that does so."""
        for node in (node for tree in self.trees for node in tree.body):
            if not isinstance(node, (ast.Assign, ast.AnnAssign)):
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == setting for target in targets):
                return node.value
        return None


def read(location: str, folder: Path) -> Configuration | None:
    """The configuration that gunicorn started in ``folder`` has, with ``location`` as its ``--config``.

    With no location it is gunicorn.conf.py or, where there is none, empty. None if it cannot be known here,
    because what was named is not to be found from this process, or is no Python.
    """
    file = _file(location or FILE, folder)
    if file is None or not file.is_file():
        return None if location else Configuration(FILE)
    found = tuple(_trees(file, folder))
    return Configuration(file.name, found) if found else None


def _file(location: str, folder: Path) -> Path | None:
    if location.startswith(MODULE):
        return _module_file(location.removeprefix(MODULE), [folder, *map(Path, sys.path)])
    return folder / location.removeprefix("file:")


def _module_file(name: str, roots: Iterable[Path]) -> Path | None:
    """A module's source. Not by ``importlib``, which would run the packages around it."""
    for root in roots:
        module = root.joinpath(*name.split("."))
        for file in (module / "__init__.py", module.parent / f"{module.name}.py"):
            if file.is_file():
                return file
    return None


def _trees(file: Path, folder: Path) -> Iterator[ast.Module]:
    files = [file]
    for each in files:
        try:
            tree = ast.parse(each.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        yield tree
        files += [found for found in _starred(tree, each, folder) if found not in files]


def _starred(tree: ast.Module, file: Path, folder: Path) -> Iterator[Path]:
    """The files whose names are all taken over."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            roots = [file.parents[node.level - 1]] if node.level else [folder, *map(Path, sys.path)]
            if (found := _module_file(node.module or "", roots)) is not None:
                yield found


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
