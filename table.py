"""The truth table as Markdown: for each server and figure, the largest difference that was found.

python -m tests.servers.table REPORT

``REPORT`` is what the tests append to the file that ``DJMETRICS_TRUTH_REPORT`` names.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .configurations import CONFIGURATIONS
from .truth import Row

EXACT = "exact"
NOT_TRIED = "–"
ROUNDING = 1e-6
"""What adding floating-point numbers up in another order may change."""


def rows(report: Path) -> Iterator[Row]:
    """The comparisons of a report."""
    for line in report.read_text().splitlines():
        found = json.loads(line)
        del found["difference"]
        yield Row(**found)


def largest(comparisons: Iterable[Row]) -> dict[str, dict[str, Row]]:
    """The comparison that differs most, by figure and server."""
    found: dict[str, dict[str, Row]] = {}
    for row in comparisons:
        here = found.setdefault(row.figure, {})
        if row.server not in here or abs(row.difference) > abs(here[row.server].difference):
            here[row.server] = row
    return found


def shown(row: Row | None) -> str:
    """One difference: seconds as milliseconds, counts and bytes as they are."""
    if row is None:
        return NOT_TRIED
    if abs(row.difference) < ROUNDING:
        return EXACT
    return f"{row.difference * 1000:+.1f} ms" if row.unit == "seconds" else f"{row.difference:+g}"


def most(by_server: dict[str, Row]) -> str:
    """The largest value that was compared, with its unit."""
    row = max(by_server.values(), key=lambda row: row.independent)
    if row.unit == "seconds":
        return f"{row.independent * 1000:,.0f} ms"
    return f"{row.independent:,.0f} {row.unit}"


def table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table whose first column is left-aligned."""
    for cells in (headings, [":---", *["---:"] * (len(headings) - 1)], *lines):
        yield f"| {' | '.join(cells)} |"


def exact_table(found: dict[str, dict[str, Row]]) -> Iterator[str]:
    """Figures that are exact wherever they were compared: the largest value, and under how many servers."""
    lines = (
        [figure, most(by_server), str(len(by_server)), EXACT] for figure, by_server in sorted(found.items())
    )
    return table(["Figure", "Largest value compared", "Servers", "Difference"], lines)


def markdown(comparisons: Iterable[Row]) -> str:
    """Two tables: the figures that are exact under every server, and the others, server by server."""
    found = largest(comparisons)
    servers = [each.name for each in CONFIGURATIONS if any(each.name in rows for rows in found.values())]
    exact = {
        figure: by_server
        for figure, by_server in found.items()
        if {shown(row) for row in by_server.values()} == {EXACT}
    }
    others = {figure: by_server for figure, by_server in found.items() if figure not in exact}
    lines = ([server, *(shown(others[figure].get(server)) for figure in others)] for server in servers)
    headings = [f"{figure} ({most(by_server)})" for figure, by_server in others.items()]
    return "\n".join([*exact_table(exact), "", *table(["Server", *headings], lines), ""])


def main() -> None:
    """Print the tables of the report that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path)
    print(markdown(rows(parser.parse_args().report)), end="")


if __name__ == "__main__":
    main()
