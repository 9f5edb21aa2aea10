"""The results as a fragment of Markdown: the tables that the documentation shows."""

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from .contenders import BARE, CONTENDERS
from .endpoints import ENDPOINTS
from .instructions import Counts
from .run import Results

TARGETS = {
    ("djmetrics", "django-prometheus"): {
        "hello": 0.60, "page": 0.30, "queries": 0.20, "error": 0.50, "async-lean": 0.10,
    },
    ("djmetrics, many processes", "django-prometheus, many processes"): {
        "hello": 0.60, "page": 0.25, "queries": 0.20, "error": 0.50, "async-lean": 0.10,
    },
    ("djmetrics, all three, 10 % of traces", "today's stack, 10 % of traces"): {
        "hello": 0.15, "page": 0.12, "queries": 0.08, "error": 0.60, "async-lean": 0.10,
    },
    ("djmetrics, all three, all traces", "today's stack, all traces"): {
        "hello": 0.35, "page": 0.30, "queries": 0.30, "error": 0.70, "async-lean": 0.25,
    },
}  # fmt: skip
"""What djmetrics may add to a request, as a share of what the other adds."""

METHOD = (
    "Each contender runs in a process of its own, in turns with a process of the bare application, {blocks} blocks of "
    "requests each; a repetition's figure is the mean difference of the blocks without the highest and the lowest "
    "tenth, in CPU time of the whole process. Shown is the median of {repetitions} repetition(s), in fresh "
    "processes and shuffled order, with the quartiles in brackets; what `bare again` adds is the noise of the method."
)

COUNTED = (
    "Thousands of instructions added to each request, as valgrind counts them (the first row: what the request takes "
    "without; the last: what djmetrics adds, as a share of what the others add):"
)


def report_counts(counts: Counts) -> str:
    """Instructions per request, and djmetrics's share of django-prometheus's."""
    names = list(dict.fromkeys(name for name, _ in counts))
    added = {key: number - counts[BARE, key[1]] for key, number in counts.items() if key[0] != BARE}
    rows = [[BARE, *(f"{counts[BARE, endpoint] / 1000:,.0f}" for endpoint in ENDPOINTS)]]
    rows += [
        [name, *(f"{added[name, endpoint] / 1000:,.0f}" for endpoint in ENDPOINTS)]
        for name in names
        if name != BARE
    ]
    for ours, theirs in TARGETS:
        if {ours, theirs} <= set(names):
            shares = (added[ours, endpoint] / added[theirs, endpoint] for endpoint in ENDPOINTS)
            rows.append([f"share: {ours}", *(f"{share:.2f}" for share in shares)])
    return f"{COUNTED}\n\n{_table(['', *ENDPOINTS], rows)}\n"


def report(results: Results) -> str:
    """All of it, without a heading."""
    parts = [_about(), METHOD.format(blocks=results.effort.blocks, repetitions=results.effort.repetitions)]
    parts += ["CPU time added to each request, in µs (the first row: what the request costs without):"]
    parts += [_added(results)]
    if ratios := _ratios(results):
        parts += ["What djmetrics adds, as a share of what the others add in the same run:", ratios]
    parts += ["What each recorded per request:", _recorded(results)]
    if results.absent:
        parts += [f"Not measured, because not installed: {', '.join(results.absent)}."]
    return "\n\n".join(parts) + "\n"


def _about() -> str:
    packages = {
        "Django",
        "prometheus-client",
        *(name for each in CONTENDERS.values() for name in each.packages),
    }
    found = []
    for name in sorted(packages, key=str.lower):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    python = f"{platform.python_implementation()} {platform.python_version()}"
    date = datetime.date.today().isoformat()
    return (
        f"{date}; {python}, {', '.join(found)}; {_processor()}, {os.cpu_count()} cores, {platform.system()}."
    )


def _processor() -> str:
    """The processor's model, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: bool = True) -> str:
    rule = ["---"] + ["---:" if numbers else "---"] * (len(heads) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in [heads, rule, *rows])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _added(results: Results) -> str:
    rows = [[BARE, *(_number(results.bare(endpoint)) for endpoint in ENDPOINTS)]]
    for name in results.contenders:
        row = [name]
        for endpoint in ENDPOINTS:
            low, high = results.quartiles(name, endpoint)
            row.append(f"{_number(results.added(name, endpoint))} ({_number(low)} to {_number(high)})")
        rows.append(row)
    return _table(["", *ENDPOINTS], rows)


def _ratios(results: Results) -> str:
    rows = []
    for (ours, theirs), targets in TARGETS.items():
        if not {ours, theirs} <= set(results.contenders):
            continue
        for endpoint, target in targets.items():
            ratio = results.added(ours, endpoint) / results.added(theirs, endpoint)
            # Judged as it is shown.
            verdict = "met" if round(ratio, 2) <= target else "missed"
            rows.append([ours, endpoint, f"{ratio:.2f}", f"{target:.2f}", verdict])
    return _table(["", "endpoint", "share", "target", ""], rows) if rows else ""


def _recorded(results: Results) -> str:
    rows = []
    for name in results.contenders:
        cells = []
        for endpoint in ENDPOINTS:
            found = results.recorded(name, endpoint)
            cells.append(
                ", ".join(f"{word} {value:.3g}" for word, value in found.items() if value) or "nothing"
            )
        rows.append([name, *cells])
    return _table(["", *ENDPOINTS], rows, numbers=False)
