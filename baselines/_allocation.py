"""InfAdapter's problem for one model: cores for a set of its variants, solved exactly.

With n_i cores variant i carries th_i rps; shares of the load l go to the most accurate first:

    max   sum_i (l_i / l) A_i  -  alpha * (sum_i n_i) / C  -  beta * max_{i started} load_i / max_j load_j
    s.t.  sum_i th_i >= l
          th_i = floor(0.8 * (a_i n_i + int(min(b_i, 0.99)))), 0 at n_i = 0
          n_i = 0 or one of the sizes it may have (2..C in the paper);  sum_i n_i <= C

A line a n + b is fitted to the largest rate at which the 99th percentile keeps the SLO. A variant is started
where it gets cores and another number than it has. Source: InfAdapter (EuroMLSys 2023) and its code;
`int` and `floor` are the code's.

Exact search: variants in order of accuracy, each at every size up to the first that carries what is left,
and at the size it has now (which alone may be larger and yet worth it, as it starts nothing). A branch ends
when nothing it can still gain beats the best known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

SATURATION = 0.8
"""Share of a fitted rate that is counted on."""
MOST_INTERCEPT_RPS = 0.99
"""What is left of a positive intercept before it is cut to a whole number."""
LEAST_LOAD_RPS = 1e-9
"""What no load counts as: the share of a first request is still its share."""


@dataclass(frozen=True, slots=True)
class Line:
    """One variant: what it carries on so many cores."""

    name: str
    accuracy: float
    slope_rps: float
    """Requests per second on one core more (a)."""
    intercept_rps: float
    """In requests per second (b)."""
    sizes: tuple[float, ...]
    """Cores it may have, ascending, other than none."""
    load_time_s: float = 0.0

    def carried_rps(self, cores: float) -> int:
        """Return the load counted on with so many cores, in requests per second."""
        if cores == 0:
            return 0
        whole = int(min(self.intercept_rps, MOST_INTERCEPT_RPS))
        return math.floor(SATURATION * (self.slope_rps * cores + whole))


ALPHA, BETA, CORES = 0.05, 0.001, 20.0
"""The weights and the C of the paper's experiments."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The weights of the objective."""

    alpha: float = ALPHA
    """Accuracy given for all *cores*."""
    beta: float = BETA
    """Accuracy given for starting the variant that loads slowest."""
    cores: float = CORES
    """C in the objective."""


@dataclass(slots=True)
class _Search:
    """The best allocation known, and what was chosen on the way to the next."""

    lines: Sequence[Line]
    load_rps: float
    running: Mapping[str, float]
    prices: Prices
    most_variants: int
    best: dict[str, float] | None = None
    value: float = -math.inf
    chosen: dict[str, float] = field(default_factory=dict)

    def go_on(self, i: int, left_rps: float, left_cores: float, served: float) -> None:
        """Try every allocation of the variants from *i* on; *served* is the accuracy of the shares so far."""
        if left_rps <= 0:
            self._take(served)
            return
        if i == len(self.lines) or len(self.chosen) == self.most_variants:
            return
        line = self.lines[i]
        if served + left_rps / self.load_rps * line.accuracy - self._core_cost() <= self.value:
            return
        for cores in self._sizes(line, left_rps, left_cores):
            carried_rps = min(line.carried_rps(cores), left_rps)
            if carried_rps > 0:
                self.chosen[line.name] = cores
                share = carried_rps / self.load_rps
                self.go_on(i + 1, left_rps - carried_rps, left_cores - cores, served + share * line.accuracy)
                del self.chosen[line.name]
        self.go_on(i + 1, left_rps, left_cores, served)

    def _sizes(self, line: Line, left_rps: float, left_cores: float) -> Iterator[float]:
        enough = False
        for cores in line.sizes:
            if cores > left_cores:
                return
            if not enough or cores == self.running.get(line.name):
                yield cores
            enough = enough or line.carried_rps(cores) >= left_rps

    def _take(self, served: float) -> None:
        value = served - self._core_cost() - self._start_cost()
        if value > self.value:
            self.best, self.value = dict(self.chosen), value

    def _core_cost(self) -> float:
        return self.prices.alpha * math.fsum(self.chosen.values()) / self.prices.cores

    def _start_cost(self) -> float:
        slowest_s = max(line.load_time_s for line in self.lines)
        started = [
            line.load_time_s
            for line in self.lines
            if line.name in self.chosen and self.chosen[line.name] != self.running.get(line.name)
        ]
        return self.prices.beta * max(started, default=0.0) / slowest_s if slowest_s else 0.0


def allocated(
    lines: Sequence[Line],
    load_rps: float,
    max_cores: float,
    *,
    running: Mapping[str, float] | None = None,
    prices: Prices | None = None,
    most_variants: int | None = None,
) -> Mapping[str, float] | None:
    """Return the best allocation, cores by variant; None where none carries the load.

    *running* is what each variant has now; *most_variants* limits the set (None: any number).
    """
    load_rps = max(load_rps, LEAST_LOAD_RPS)
    ordered = sorted(lines, key=lambda line: (-line.accuracy, line.name))
    search = _Search(
        ordered, load_rps, running or {}, prices or Prices(), most_variants or max(len(ordered), 1)
    )
    search.go_on(0, load_rps, max_cores, 0.0)
    return search.best
