"""The log as CSV, streamed: rows are read from the database while the answer is on its way."""

import csv
from collections.abc import Iterator

from django.http import HttpRequest, StreamingHttpResponse

from ..models import Run

PIECE = 1000
HEADER = ["date", "employee", "team", "miles", "time", "pace", "calories", "elevation", "heart_rate"]


class Echo:
    """A file that hands back what is written, so that csv's writer formats and this module streams."""

    def write(self, value: str) -> str:
        """``value`` itself."""
        return value


def pieces() -> Iterator[str]:
    """The CSV in pieces of ``PIECE`` rows, each read by a query of its own: memory stays flat on every database."""
    writer = csv.writer(Echo())
    yield writer.writerow(HEADER)
    last = 0
    while runs := list(Run.objects.select_related("employee").filter(pk__gt=last).order_by("pk")[:PIECE]):
        yield "".join(writer.writerow(row(run)) for run in runs)
        last = runs[-1].pk


def row(run: Run) -> list[object]:
    """One run as CSV cells, in the order of ``HEADER``."""
    who = run.employee
    return [
        run.date, who.name, who.team, run.miles, run.time, run.pace,
        run.calories, run.elevation, run.heart_rate,
    ]  # fmt: skip


def runs_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Every run, as a download."""
    return StreamingHttpResponse(
        pieces(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="runs.csv"'},
    )
