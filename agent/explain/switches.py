"""What would make it switch: the nearest loads, latencies and accuracies at which other variants are best.

Load. The variants of the exact optimum are not monotone in the load: replicas come in whole numbers, batches
fill sooner. So the loads are walked in steps of `STEP`, and the first step in which the optimum's variants
differ (or nothing is feasible) is halved down to `PRECISION`. What goes to other variants and back
inside one step is not seen; that is said with the answer. At most `STEPS` + 8 solves each way.

Latency and accuracy of one variant. The best value with it falls as it gets slower or less accurate, the
best without it stays: once it is left it stays left. So halving is exact, to `PRECISION`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from agent.explain.counterfactual import at_load, variants_of
from core.belief import AccuracyFactor, Evidence, LatencyFactor
from core.ilp import optimum
from core.problem import Problem
from core.solution import Optimum

STEP = 1.03
"""Ratio of neighbouring loads that are solved."""
STEPS = 47
"""Loads solved each way: up to four times the load, or down to a quarter."""
PRECISION = 2e-3
"""Relative width of the interval in which the switch lies."""
MOST_SLOWER = 8.0
"""Times its present latency up to which a variant is looked at."""
LEAST_ACCURATE = 0.02
"""Share of its present accuracy down to which a variant is looked at."""
ASSUMED = Evidence(statement="assumed, to find where the answer changes", low=0.0, high=0.0, since_s=0.0)


@dataclass(frozen=True, slots=True)
class SwitchPoint:
    """Where the answer changes: it is as at present at *kept*, and another at *changed*."""

    kept: float
    changed: float
    to: Optimum | None
    """What is best there; None where nothing is feasible."""


def load_switch(problem: Problem, *, up: bool) -> SwitchPoint | None:
    """Return the nearest load, in requests per second, at which the optimum has other variants.

    None where there is none within `STEPS` steps, or nothing is feasible at present, or there is no load.

    Raises:
        SolverError: a solver ended without a proof.
    """
    now = optimum(problem)
    if now is None or problem.load_rps <= 0:
        return None
    ratio = STEP if up else 1 / STEP
    kept = problem.load_rps
    for step in range(1, STEPS + 1):
        load_rps = problem.load_rps * ratio**step
        found = optimum(at_load(problem, load_rps))
        if _other(now, found):
            return _halved(now, lambda rps: optimum(at_load(problem, rps)), kept, load_rps, found)
        kept = load_rps
    return None


def latency_switch(problem: Problem, stage: str, variant: str) -> SwitchPoint | None:
    """Return the latency factor (times the profile) at which the optimum leaves *variant* in *stage*.

    None where it does not up to `MOST_SLOWER` times the present factor, or does not use it.

    Raises:
        SolverError: a solver ended without a proof.
    """
    present = problem.belief.latency_factor(stage, variant)

    def solved(factor: float) -> Optimum | None:
        others = tuple(c for c in problem.belief.latency if (c.stage, c.variant) != (stage, variant))
        moved = LatencyFactor(stage=stage, variant=variant, factor=factor, evidence=ASSUMED)
        belief = problem.belief.model_copy(update={"latency": (*others, moved)})
        return optimum(problem.replaced(belief=belief))

    return _leaving(problem, stage, variant, solved, present, present * MOST_SLOWER)


def accuracy_switch(problem: Problem, stage: str, variant: str) -> SwitchPoint | None:
    """Return the share of its profiled accuracy at which the optimum leaves *variant* in *stage*.

    None where it does not down to `LEAST_ACCURATE` of the present share, or does not use it.

    Raises:
        SolverError: a solver ended without a proof.
    """
    present = problem.belief.accuracy_factor(stage, variant)

    def solved(factor: float) -> Optimum | None:
        others = tuple(c for c in problem.belief.accuracy if (c.stage, c.variant) != (stage, variant))
        moved = AccuracyFactor(stage=stage, variant=variant, factor=factor, evidence=ASSUMED)
        belief = problem.belief.model_copy(update={"accuracy": (*others, moved)})
        return optimum(problem.replaced(belief=belief))

    return _leaving(problem, stage, variant, solved, present, present * LEAST_ACCURATE)


def _leaving(
    problem: Problem,
    stage: str,
    variant: str,
    solved: Callable[[float], Optimum | None],
    present: float,
    furthest: float,
) -> SwitchPoint | None:
    """Return where *variant* is left on the way from *present* to *furthest*."""
    now = optimum(problem)
    if now is None or now.configuration[stage].variant != variant or present <= 0:
        return None
    found = solved(furthest)
    if found is not None and found.configuration[stage].variant == variant:
        return None
    kept, changed = present, furthest
    while abs(changed - kept) > PRECISION * min(kept, changed):
        middle = math.sqrt(kept * changed)
        there = solved(middle)
        if there is not None and there.configuration[stage].variant == variant:
            kept = middle
        else:
            changed, found = middle, there
    return SwitchPoint(kept, changed, found)


def _halved(
    now: Optimum,
    solved: Callable[[float], Optimum | None],
    kept: float,
    changed: float,
    found: Optimum | None,
) -> SwitchPoint:
    """Return the switch between two loads, halved down to `PRECISION`."""
    while abs(changed - kept) > PRECISION * min(kept, changed):
        middle = math.sqrt(kept * changed)
        there = solved(middle)
        if _other(now, there):
            changed, found = middle, there
        else:
            kept = middle
    return SwitchPoint(kept, changed, found)


def _other(now: Optimum, found: Optimum | None) -> bool:
    return found is None or variants_of(found) != variants_of(now)
