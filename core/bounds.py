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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.options import Floats, Ints, StageOptions, charge
from core.problem import TOLERANCE, Problem

STEPS = 40
"""Subgradient steps; past this the bounds hardly move."""
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


def _pruned_once(
    problem: Problem, stages: Sequence[StageOptions]
) -> tuple[StageOptions, ...]:
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
    for _ in range(STEPS):
        priced = gains - np.tensordot(multipliers, table.use, axes=1)
        chosen = priced.argmax(axis=2)
        best = np.take_along_axis(priced, chosen[:, :, None], axis=2)
        dual = offsets + multipliers @ table.limit + best[:, :, 0].sum(axis=1)
        np.minimum(bounds, dual[:, None, None] - best + priced, out=bounds)
        search.try_all(chosen)
        slack = table.limit - table.use[:, everywhere, chosen].sum(axis=2).T
        aim = search.best if search.best > -np.inf else dual.min() - 0.05 * abs(dual.min())
        length = np.maximum((slack**2).sum(axis=1), 1e-12)
        step = np.maximum(dual - aim, 0.0) / length
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
