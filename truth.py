"""The truth table: what was exported beside what was measured without djmetrics."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

REPORT = "DJMETRICS_TRUTH_REPORT"
"""The environment variable that names a file to append to: JSON, one object per line."""


@dataclass(frozen=True)
class Row:
    """One comparison."""

    server: str
    figure: str
    unit: str
    exported: float
    independent: float

    @property
    def difference(self) -> float:
        """Exported less independent."""
        return self.exported - self.independent


class Table:
    """The rows of one session."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, server: str, figure: str, unit: str, exported: float, independent: float) -> Row:
        """Keep one comparison and return it."""
        row = Row(server, figure, unit, exported, independent)
        self.rows.append(row)
        return row

    def write(self) -> None:
        """Append the rows to the file that the environment names, if it names one; several processes may."""
        if path := os.environ.get(REPORT):
            lines = [json.dumps({**asdict(row), "difference": row.difference}) for row in self.rows]
            with Path(path).open("a") as report:
                report.write("".join(f"{line}\n" for line in lines))
