"""Which options no optimum can use: exact pruning by Lagrangian bounds, before the model is built.

Write the problem as: choose one option o(s) per stage, maximise sum gain[s, o(s)] subject to
sum G[k, s, o(s)] <= r[k] for each limit k (one per path of the DAG, one for the core budget, one for
the accuracy floor). For any multipliers m >= 0

    D(m) = sum_k m[k] r[k] + sum_s max_o (gain[s, o] - sum_k m[k] G[k, s, o])

is at least the optimum (Lagrange duality), and D(m) minus the loss of forcing option o at stage s is
at least the best of all configurations that use it. An option whose bound lies below the value of
a configuration already known to be feasible is in no optimum, and goes. Multipliers come from
subgradient steps (Polyak); bad multipliers prune less but never wrongly.

A product traded against cost, alpha * exp(Y) with Y = sum log(accuracy), is bounded by its secants:
exp is convex, so on an interval of Y the secant lies above it, and below it elsewhere. Each
configuration has its Y in some interval, so the largest of the intervals' bounds holds for all.

Not pruned, but solved as they are: problems with several load levels or a joint accuracy table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dominance import charge
from core.options import Floats, Ints, StageOptions
from core.problem import TOLERANCE, Problem

Padding = Callable[[list[Floats], float], Floats]

STEPS = 40
"""Subgradient steps; past this the bounds hardly move."""
DAMPING = 8
"""Steps after which the step length has halved: against zigzag where the incumbent is poor."""
INTERVALS = 24
"""Secants over the range of the product."""
ROUNDS = 3
"""Times the range is cut anew around what is left; only for products."""
MAX_PATHS = 16
"""Paths that get a multiplier; leaving one out weakens the bound and nothing else."""
SMALL = 24
"""Options in all below which pruning costs more than it saves."""
KEEP = 1e-6
"""Relative distance below the incumbent at which an option still stays, for ties and rounding."""


@dataclass(frozen=True, slots=True)
class _Table:
    """The options side by side, padded to equal length. Shapes: S stages, O options, K limits."""

    gain: Floats
    """[S, O] what the objective gains from an option, without a product's part; -inf where padded."""
    log_accuracy: Floats
    """[S, O] natural logarithm; -inf for accuracy 0."""
    use: Floats
    """[K, S, O] what an option uses of each limit."""
    limit: Floats
    """[K]"""
    alpha: float
    """Weight of exp(sum log_accuracy); 0 where the gain is linear."""


def prune(problem: Problem, stages: Sequence[StageOptions]) -> tuple[StageOptions, ...]:
    """Return the options that an optimum, or one of its ties, may use."""
    stages = tuple(stages)
    for _ in range(ROUNDS if _trades_product(problem) else 1):
        if not _prunable(problem, stages):
            break
        before = sum(len(s.options) for s in stages)
        stages = _pruned_once(problem, stages)
        if sum(len(s.options) for s in stages) > 0.8 * before:  # a further round would not pay
            break
    return stages


def _prunable(problem: Problem, stages: Sequence[StageOptions]) -> bool:
    counts = [len(s.options) for s in stages]
    return (
        problem.pipeline.accuracy != "measured"
        and all(len(s.levels_rps) == 1 for s in stages)
        and min(counts) > 0
        and sum(counts) > SMALL
    )


def _trades_product(problem: Problem) -> bool:
    return problem.pipeline.accuracy == "product" and problem.objective.kind == "weighted"


def _pruned_once(problem: Problem, stages: Sequence[StageOptions]) -> tuple[StageOptions, ...]:
    table = _table(problem, stages)
    slopes, offsets = _secants(table)
    search = _Search(problem, stages, table)
    bounds = _bounds(table, slopes, offsets, search)
    if search.best == -np.inf:
        return tuple(stages)
    keep = bounds >= search.best - KEEP * max(1.0, abs(search.best))
    return tuple(
        StageOptions(s.stage, s.levels_rps, s.options.take(keep[k, : len(s.options)]))
        for k, s in enumerate(stages)
    )


def _bounds(table: _Table, slopes: Floats, offsets: Floats, search: _Search) -> Floats:
    """Return [S, O]: what no configuration with that option can beat. Feeds *search* on the way."""
    gains = _interval_gains(table, slopes)
    multipliers = np.zeros((len(slopes), len(table.limit)))
    bounds = np.full(gains.shape, np.inf)
    everywhere = np.arange(gains.shape[1])
    for step_number in range(STEPS):
        priced = gains - np.tensordot(multipliers, table.use, axes=1)
        chosen = priced.argmax(axis=2)
        best = np.take_along_axis(priced, chosen[:, :, None], axis=2)
        dual = offsets + multipliers @ table.limit + best[:, :, 0].sum(axis=1)
        np.minimum(bounds, dual[:, None, None] - best + priced, out=bounds)
        search.try_all(chosen)
        slack = table.limit - table.use[:, everywhere, chosen].sum(axis=2).T
        aim = search.best if search.best > -np.inf else dual.min() - 0.05 * abs(dual.min())
        length = np.maximum((slack**2).sum(axis=1), 1e-12)
        step = np.maximum(dual - aim, 0.0) / length / (1 + step_number / DAMPING)
        multipliers = np.maximum(multipliers - step[:, None] * slack, 0.0)
    result: Floats = bounds.max(axis=0)
    return result


def _interval_gains(table: _Table, slopes: Floats) -> Floats:
    """Return [J, S, O]: the gains with a product's part replaced by each secant's."""
    if table.alpha == 0:
        return table.gain[None]
    logs = table.log_accuracy
    with np.errstate(invalid="ignore"):
        parts = np.where(slopes[:, None, None] == 0, 0.0, slopes[:, None, None] * logs)
    return table.gain + parts


def _secants(table: _Table) -> tuple[Floats, Floats]:
    """Return slopes and offsets of lines above alpha * exp(Y), one for each interval of Y.

    The last, flat one at 0 stands for configurations with a factor of 0.
    """
    if table.alpha == 0:
        return np.zeros(1), np.zeros(1)
    valid = np.isfinite(table.log_accuracy) & np.isfinite(table.gain)
    low = float(np.where(valid, table.log_accuracy, np.inf).min(axis=1).sum())
    high = float(np.where(valid, table.log_accuracy, -np.inf).max(axis=1).sum())
    has_zero = bool((np.isneginf(table.log_accuracy) & np.isfinite(table.gain)).any())
    slopes, offsets = np.zeros(0), np.zeros(0)
    if np.isfinite(low) and np.isfinite(high):
        # Equal steps of exp(Y / 2) make the secants' errors equal.
        roots = np.linspace(np.exp(low / 2), np.exp(high / 2) * (1 + TOLERANCE), INTERVALS + 1)
        ys = 2 * np.log(roots)
        slopes = table.alpha * np.diff(roots**2) / np.maximum(np.diff(ys), 1e-300)
        offsets = table.alpha * roots[:-1] ** 2 - slopes * ys[:-1]
    if has_zero:
        slopes, offsets = np.append(slopes, 0.0), np.append(offsets, 0.0)
    return slopes, offsets


def _table(problem: Problem, stages: Sequence[StageOptions]) -> _Table:
    width = max(len(s.options) for s in stages)

    def padded(columns: list[Floats], fill: float) -> Floats:
        out = np.full((len(stages), width), fill)
        for k, column in enumerate(columns):
            out[k, : len(column)] = column
        return out

    with np.errstate(divide="ignore"):
        logs = padded([np.log(s.options.accuracy) for s in stages], -np.inf)
    use, limit = _limits(problem, stages, padded, logs)
    return _Table(
        gain=padded([linear_gain(problem, s) for s in stages], -np.inf),
        log_accuracy=logs,
        use=use,
        limit=limit,
        alpha=problem.objective.alpha if _trades_product(problem) else 0.0,
    )


def linear_gain(problem: Problem, s: StageOptions) -> Floats:
    """Return what each option adds to the objective; the product traded against cost is left out."""
    objective, options = problem.objective, s.options
    if objective.kind == "cost":
        return -options.cores
    if objective.kind == "weighted":
        gain = -charge(problem, options)
        if problem.pipeline.accuracy == "sum":
            gain = gain + objective.alpha * options.accuracy
        return gain
    return options.accuracy if problem.pipeline.accuracy == "sum" else np.log(options.accuracy)


def _limits(
    problem: Problem, stages: Sequence[StageOptions], padded: Padding, logs: Floats
) -> tuple[Floats, Floats]:
    """Return what options use of each limit, and the limits, scaled to order 1."""
    latency = padded([s.options.latency_s / problem.pipeline.slo.latency_s for s in stages], 0.0)
    use = [latency * on[:, None] for on in _paths(problem)[:MAX_PATHS]]
    limit = [1 + TOLERANCE] * len(use)
    if problem.max_cores is not None:
        use.append(padded([s.options.cores for s in stages], 0.0) / problem.max_cores)
        limit.append(1 + TOLERANCE)
    floor = problem.objective.min_accuracy
    if floor and problem.pipeline.accuracy == "sum":
        use.append(-padded([s.options.accuracy for s in stages], 0.0) / floor)
        limit.append(TOLERANCE - 1)
    if floor and problem.pipeline.accuracy == "product":
        use.append(-np.where(np.isfinite(logs), logs, 0.0))  # zeros were dropped before
        limit.append(TOLERANCE - float(np.log(floor)))
    return np.array(use), np.array(limit)


def _paths(problem: Problem) -> list[NDArray[np.float64]]:
    """Return paths through the DAG as 0/1 rows over the stages, at most `MAX_PATHS` per stage."""
    stages = problem.pipeline.stages
    ending: dict[str, list[Floats]] = {}
    for k, stage in enumerate(stages):
        here = np.eye(len(stages))[k]
        above = [path for edge in stage.after for path in ending[edge.stage]]
        ending[stage.name] = [path + here for path in above[:MAX_PATHS]] or [here]
    last = [s.name for s in stages if not problem.pipeline.successors[s.name]]
    return [path for name in last for path in ending[name]]


class _Search:
    """The best feasible configuration met so far, as a value to prune against."""

    def __init__(self, problem: Problem, stages: Sequence[StageOptions], table: _Table) -> None:
        self._table = table
        self._after = [
            [problem.pipeline.stages.index(problem.pipeline.stage(e.stage)) for e in s.stage.after]
            for s in stages
        ]
        slo_s = problem.pipeline.slo.latency_s
        width = table.gain.shape[1]
        self._latency = np.full(table.gain.shape, np.inf)
        for k, s in enumerate(stages):
            self._latency[k, : len(s.options)] = s.options.latency_s / slo_s
        paths = min(len(_paths(problem)), MAX_PATHS)
        self._other_use, self._other_limit = table.use[paths:], table.limit[paths:]
        self._rows = np.arange(len(stages))
        self._width = width
        self.best = -np.inf
        self.chosen: Ints | None = None
        self.try_all(self._latency.argmin(axis=1)[None])

    def try_all(self, chosen: Ints) -> None:
        """Look at several configurations, shape [J, S], and improve on the best of them."""
        values = self._values(chosen)
        winner = int(values.argmax())
        if values[winner] > self.best:
            self.best, self.chosen = float(values[winner]), chosen[winner].copy()
            while self._improve():
                pass

    def _values(self, chosen: Ints) -> Floats:
        """Return the objective of each configuration; -inf for infeasible ones."""
        table = self._table
        gain = table.gain[self._rows, chosen].sum(axis=1)
        if table.alpha:
            gain = gain + table.alpha * np.exp(table.log_accuracy[self._rows, chosen].sum(axis=1))
        kept = self._longest(self._latency[self._rows, chosen]) <= 1 + TOLERANCE
        if len(self._other_limit):
            used = self._other_use[:, self._rows, chosen].sum(axis=2)
            kept &= (used <= self._other_limit[:, None]).all(axis=0)
        return np.where(kept, gain, -np.inf)

    def _longest(self, latency: Floats) -> Floats:
        finish: list[Floats] = []
        for k, above in enumerate(self._after):
            start = np.max([finish[p] for p in above], axis=0) if above else 0.0
            finish.append(start + latency[:, k])
        longest: Floats = np.max(finish, axis=0)
        return longest

    def _improve(self) -> bool:
        """Change one stage for the better, if any single change is."""
        assert self.chosen is not None
        stages = len(self._rows)
        trials = np.repeat(self.chosen[None], stages * self._width, axis=0)
        stage = np.repeat(self._rows, self._width)
        trials[np.arange(len(trials)), stage] = np.tile(np.arange(self._width), stages)
        values = self._values(trials)
        winner = int(values.argmax())
        if values[winner] <= self.best:
            return False
        self.best, self.chosen = float(values[winner]), trials[winner]
        return True
