"""Exporters: each knows one destination and is given every finished record once.

A third party's exporter is a class with the methods of ``djmetrics.units.Exporter``, called without arguments,
named by its dotted path in ``DJMETRICS["EXTRA_EXPORTERS"]``. ``Exporter`` here does nothing in each, to be
overridden in part.
"""

from collections.abc import Sequence

from ..record import Operation, Record


class Exporter:
    """An exporter that ignores everything."""

    def opened(self, record: Record) -> None:
        """A unit of work began."""

    def spill(self, record: Record, operations: Sequence[Operation]) -> None:
        """Operations of a record that is still open, and will not be there when it is exported."""

    def export(self, record: Record) -> None:
        """A unit of work is over."""

    def dropped(self, record: Record) -> None:
        """A unit of work is over that shall not be counted."""
