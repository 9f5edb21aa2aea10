"""Every contender in every repetition, in shuffled order."""

import random
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass, field

from .contenders import BARE, CONTENDERS, missing
from .duet import Effort, Figures, play
from .endpoints import ENDPOINTS


@dataclass
class Results:
    """The figures of all duets, by contender and endpoint, and the contenders that are not installed."""

    effort: Effort
    figures: dict[tuple[str, str], list[Figures]] = field(default_factory=lambda: defaultdict(list))
    absent: list[str] = field(default_factory=list)

    @property
    def contenders(self) -> list[str]:
        """The names of those that were measured."""
        measured = {name for name, _ in self.figures}
        return [name for name in CONTENDERS if name in measured]

    def bare(self, endpoint: str) -> float:
        """What a request costs without anything, in CPU microseconds: the median of all duets."""
        found = [each.bare for (_, of), all_ in self.figures.items() if of == endpoint for each in all_]
        return statistics.median(found)

    def added(self, name: str, endpoint: str) -> float:
        """What a contender adds to that: the median of the repetitions."""
        return statistics.median(each.added for each in self.figures[name, endpoint])

    def quartiles(self, name: str, endpoint: str) -> tuple[float, float]:
        """Between which figures the middle half of the repetitions lie."""
        added = [each.added for each in self.figures[name, endpoint]]
        if len(added) == 1:
            return added[0], added[0]
        low, _, high = statistics.quantiles(added, n=4, method="inclusive")
        return low, high

    def recorded(self, name: str, endpoint: str) -> dict[str, float]:
        """What a contender recorded per request: the median of the repetitions."""
        all_ = [each.recorded for each in self.figures[name, endpoint]]
        return {word: statistics.median(each.get(word, 0) for each in all_) for word in all_[-1]}


def measure(effort: Effort, names: list[str] | None = None) -> Results:
    """Run it all; says on the standard error where it is. Raises RuntimeError when a worker ends too early."""
    chosen = [name for name in names or CONTENDERS if name != BARE]
    results = Results(effort, absent=[name for name in chosen if missing(name)])
    chosen = [name for name in chosen if name not in results.absent]
    handlers: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for endpoint, about in ENDPOINTS.items():
        handlers[about.interface, about.middlewares].append(endpoint)
    for repetition in range(effort.repetitions):
        # The machine drifts: no contender shall always come at the same point.
        for name in random.Random(repetition).sample(chosen, len(chosen)):
            print(f"repetition {repetition + 1} of {effort.repetitions}: {name}", file=sys.stderr, flush=True)
            for endpoints in handlers.values():
                for endpoint, figures in play(name, endpoints, repetition, effort).items():
                    results.figures[name, endpoint].append(figures)
    return results
