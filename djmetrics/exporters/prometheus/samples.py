"""From summed words to prometheus_client's samples."""

import sys
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client.samples import Exemplar, Sample, Timestamp
from prometheus_client.utils import floatToGoString

from djmetrics.catalogue import BUILD_INFO, NANOSECONDS, WORKER_CAPACITY, Metric

from . import exemplars
from .layout import Entry, Layout
from .naming import label_name
from .scan import SlotCopy

_WORD = (1 << 64) - 1


def add_up(parts: Sequence[bytes]) -> list[int]:
    """Add arrays of 64-bit words of equal length, word by word.

    Each array is read as one long integer: additions in C, and no carry from one word to the next as long as no
    sum reaches 2**64, which a sum of nanoseconds does in 584 years.
    """
    total = sum(int.from_bytes(part, sys.byteorder) for part in parts)
    size = len(parts[0]) if parts else 0
    try:
        words = total.to_bytes(size, sys.byteorder)
    except OverflowError:  # a damaged file: its figures are lost, the others' are not
        views = [memoryview(part).cast("Q") for part in parts]
        return [sum(column) & _WORD for column in zip(*views, strict=True)]
    return memoryview(words).cast("Q").tolist()


class Sums:
    """The words of all slots together."""

    def __init__(self, slots: Sequence[SlotCopy]) -> None:
        self.totals = add_up([slot.counts for slot in slots])
        # What a dead worker counted stays; what its gauges said is over.
        self._living = [memoryview(slot.counts).cast("Q") for slot in slots if slot.alive]
        self._exemplars = exemplars.Newest(slot.exemplars for slot in slots)

    def gauges(self, offset: int) -> Iterable[int]:
        """One gauge in each living worker."""
        return (words[offset] for words in self._living)

    def exemplar(self, place: int, scale: int) -> Exemplar | None:
        """The newest exemplar of all slots at a place."""
        found = self._exemplars.find(place)
        if found is None:
            return None
        labels = {"trace_id": f"{found.trace_id:032x}", "span_id": f"{found.span_id:016x}"}
        return Exemplar(labels, found.value / scale, Timestamp(*divmod(found.timestamp, NANOSECONDS)))


def list_samples(
    metric: Metric, layout: Layout, name: str, entries: Iterable[Entry], sums: Sums
) -> list[Sample]:
    """The samples of one metric's series; ``name`` is the family's."""
    if layout.kind == "histogram":
        return _list_histograms(metric, layout, name, entries, sums)
    labels = [label_name(label) for label in layout.labels]
    if layout.kind == "counter":
        return [
            Sample(f"{name}_total", dict(zip(labels, entry.values, strict=True)), value / metric.scale)
            for entry in entries
            if (value := sums.totals[entry.offset])
        ]
    return _list_gauges(metric, layout, name, entries, sums)


def _list_gauges(
    metric: Metric, layout: Layout, name: str, entries: Iterable[Entry], sums: Sums
) -> list[Sample]:
    labels = [label_name(label) for label in layout.labels]
    found = []
    for entry in entries:
        if layout.labels and entry.values == layout.reserved and not any(sums.gauges(entry.offset)):
            continue
        value = sum(sums.gauges(entry.offset))
        if metric in (BUILD_INFO, WORKER_CAPACITY) and not value:
            continue  # no worker says so
        if metric is BUILD_INFO:
            # Each worker says which release it is: the answer is one or none, not how many.
            value = 1
        found.append(Sample(name, dict(zip(labels, entry.values, strict=True)), value / metric.scale))
    return found


def _list_histograms(
    metric: Metric, layout: Layout, name: str, entries: Iterable[Entry], sums: Sums
) -> list[Sample]:
    bucket_name, count_name, sum_name = f"{name}_bucket", f"{name}_count", f"{name}_sum"
    label_names = [label_name(label) for label in layout.labels]
    scale, buckets, totals = metric.scale, len(layout.bounds) + 1, sums.totals
    les = [floatToGoString(bound / scale) for bound in layout.bounds] + ["+Inf"]
    found: list[Sample] = []
    for entry in entries:
        end = entry.offset + buckets
        counts = list(accumulate(totals[entry.offset : end]))
        if not counts[-1]:
            continue
        labels = dict(zip(label_names, entry.values, strict=True))
        if layout.exemplars:
            places = (exemplars.place(entry.exemplars, bucket) for bucket in range(buckets))
            found += [
                Sample(bucket_name, {**labels, "le": le}, count, None, sums.exemplar(place, scale))
                for le, count, place in zip(les, counts, places, strict=True)
            ]
        else:
            found += [
                Sample(bucket_name, {**labels, "le": le}, count)
                for le, count in zip(les, counts, strict=True)
            ]
        found.append(Sample(count_name, labels, counts[-1]))
        found.append(Sample(sum_name, labels, totals[end] / scale))
    return found
