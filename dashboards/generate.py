"""Write the boards that ship in the package: ``python dashboards/generate.py``; ``--check`` only compares.

It needs grafana-dashboard-builder, of the extra ``dashboards``, or without the headers that its Kerberos client wants:
``pip install PyYAML && pip install --no-deps grafana-dashboard-builder==0.10.0a3``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

DEFINITIONS = Path(__file__).resolve().parent
BOARDS = DEFINITIONS.parent / "djmetrics" / "grafana" / "boards"
sys.path.insert(0, str(DEFINITIONS.parent))

from djmetrics.grafana.components.generate import generate  # noqa: E402 (it is found by the path above)


def stale(boards: Path) -> dict[Path, str | None]:
    """The files that are not as they should be: what should be in them, None for those that should not be."""
    wanted = {boards / f"{uid}.json": text for uid, text in generate(DEFINITIONS).items()}
    found = {path: path.read_text(encoding="utf-8") for path in boards.glob("*.json")}
    return {
        path: wanted.get(path) for path in sorted({*wanted, *found}) if wanted.get(path) != found.get(path)
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, or check; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a board is out of date")
    check = parser.parse_args(arguments).check
    wrong = stale(BOARDS)
    for path, text in wrong.items():
        if check:
            print(f"out of date: {path.name}; run python dashboards/generate.py")
        elif text is None:
            path.unlink()
            print(f"removed: {path.name}")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"written: {path.name}")
    return 1 if check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
