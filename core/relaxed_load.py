"""The largest load that would fit, where the one asked for does not.

Feasibility is not monotone in the load: more of it needs more replicas but fills batches sooner. So the
loads are searched from the top by branch and bound. Between loads a < b nothing can be feasible unless
it is with the replicas and waits of a and the batch filling of b, each the best of the interval. Where
that fails the interval is dropped, else halved (geometrically), down to `LOAD_PRECISION`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from core.dominance import undominated
from core.ilp import closest
from core.objective import Limits, Objective
from core.options import StageOptions, all_options, within_reach
from core.problem import Problem

LEAST_SHARE = 1e-3
"""Share of the load below which no feasible load is looked for."""
LOAD_PRECISION = 1e-3
"""Relative width of the intervals that are not looked into any further."""


def largest_load_rps(problem: Problem, *, solver: str | None = None) -> float | None:
    """Return the largest feasible load below the problem's, None where there is none.

    It is feasible itself; a larger one lies less than `LOAD_PRECISION` above it.
    """
    present = problem.load_rps
    bare = _bare(problem)
    intervals = [(present * LEAST_SHARE, present)] if present > 0 else []
    while intervals:
        low, high = intervals.pop()
        if not _possible(bare, low, high, solver):
            continue
        if high < present and _possible(bare, high, high, solver):
            return high
        if high > low * (1 + LOAD_PRECISION):
            middle = math.sqrt(low * high)
            intervals += [(low, middle), (middle, high)]
    return None


def _bare(problem: Problem) -> Problem:
    """Return the problem with all of its limits and nothing to gain or lose."""
    return problem.replaced(
        objective=Objective(minimise="cost", min_accuracy=problem.objective.min_accuracy or 0.0),
        limits=Limits(max_cores=problem.max_cores),
        running=None,
    )


def _possible(bare: Problem, low: float, high: float, solver: str | None) -> bool:
    """Say whether any load in [low, high] could be feasible; exact where both are one."""
    problem = bare.replaced(load_rps=low)
    stages = tuple(_filling_sooner(s, low / high) for s in all_options(problem))
    stages = undominated(problem, within_reach(problem, stages))
    nowhere = [np.zeros(len(s.options)) for s in stages]
    return closest(problem, stages, nowhere, solver=solver) is not None


def _filling_sooner(s: StageOptions, share: float) -> StageOptions:
    """Return the options with the time a batch takes to fill cut to *share*."""
    o = s.options
    levels_rps = s.levels_rps[o.level]
    filling_s = np.divide(o.batch - 1, levels_rps, out=np.zeros(len(o)), where=levels_rps > 0)
    return StageOptions(s.stage, s.levels_rps, replace(o, latency_s=o.latency_s - (1 - share) * filling_s))
