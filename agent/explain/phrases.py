"""How solved answers are put into words, always with their figures."""

from __future__ import annotations

from agent.explain.counterfactual import loss
from agent.explain.switches import LEAST_ACCURATE, MOST_SLOWER, PRECISION, STEP, STEPS, SwitchPoint
from agent.explain.text import figure, settings
from core.configuration import Configuration
from core.problem import TOLERANCE, Problem
from core.solution import Infeasible, Optimum
from core.verdict import Verdict

SAME = 1e-6
"""Relative difference of objective below which two answers are equally good: the solver's own."""


def optimum(found: Optimum) -> str:
    """Return an optimum with its figures."""
    prediction = found.prediction
    return (
        f"{settings(found.configuration)}: objective {figure(found.objective)}, accuracy "
        f"{figure(prediction.accuracy)}, {figure(prediction.cores)} cores, latency "
        f"{figure(prediction.latency_s)} s"
    )


def against(problem: Problem, base: Optimum, found: Optimum) -> str:
    """Return how much worse *found* is than the optimum of the same problem."""
    lost = loss(problem, base=base, other=found)
    scale = max(1.0, abs(base.objective))
    if abs(lost) <= SAME * scale:
        return f"as good as the optimum: a tie, and ties go to the fewest cores; {differences(base, found)}"
    if lost < 0:
        return f"better by {figure(-lost)}, but it was left out; {differences(base, found)}"
    return f"worse than the optimum by {figure(lost)} in the objective; {differences(base, found)}"


def differences(base: Optimum, found: Optimum) -> str:
    """Return the signed differences in cores, latency and accuracy."""
    cores = found.prediction.cores - base.prediction.cores
    latency_s = found.prediction.latency_s - base.prediction.latency_s
    one, other = base.prediction.accuracy, found.prediction.accuracy
    accuracy = "accuracy unknown" if one is None or other is None else f"{_signed(other - one)} accuracy"
    return (
        f"against the optimum as decided: {_signed(cores)} cores, {_signed(latency_s)} s latency, {accuracy}"
    )


def _signed(value: float) -> str:
    return "0" if abs(value) < TOLERANCE else f"{value:+.4g}"


def holds(verdict: Verdict, chosen: Configuration, what: str) -> str:
    """Return whether what was chosen would do."""
    if verdict.accepted:
        regret = figure(verdict.regret)
        return f"{settings(chosen)} would still carry {what}, with a regret of {regret} against the best"
    broken = "; ".join(
        f"{c.constraint} is {figure(c.value)}, the limit {figure(c.limit)}" for c in verdict.violations
    )
    return f"{settings(chosen)} would not do for {what}: {broken}"


def reasons(found: Infeasible) -> str:
    """Return which limits bind, and what would fit."""
    fits = "; ".join(r.statement for r in found.relaxations)
    why = "; ".join(b.statement for b in found.bindings)
    return f"{why}; {fits}" if fits else why


def scanned(*, up: bool, source: str) -> str:
    """Return how the loads were searched."""
    way = "up" if up else "down"
    return f"solve, loads scanned {way} in steps of {STEP - 1:.0%} and halved to {PRECISION:.1%}, {source}"


def at_another_load(point: SwitchPoint | None, problem: Problem, *, up: bool) -> str:
    """Return at which load another answer is best."""
    way, reach = ("more", STEP**STEPS) if up else ("less", STEP**-STEPS)
    if point is None:
        return f"load: {way} of it changes no variant, to {reach:.2g} times the load"
    ratio = point.changed / problem.load_rps
    return f"load: from {figure(point.changed)} rps ({ratio:.3g} times) {way} of it, {_becomes(point)}"


def if_slower(name: str, point: SwitchPoint | None) -> str:
    """Return at which latency a variant is left."""
    if point is None:
        return f"latency: {name} would stay, even {MOST_SLOWER:g} times slower"
    return f"latency: {name} at {figure(point.changed)} times its profile or slower, {_becomes(point)}"


def if_less_accurate(name: str, point: SwitchPoint | None) -> str:
    """Return at which accuracy a variant is left."""
    if point is None:
        return f"accuracy: {name} would stay, even with {LEAST_ACCURATE:g} of its accuracy"
    return f"accuracy: {name} with {figure(point.changed)} of its profiled accuracy, {_becomes(point)}"


def _becomes(point: SwitchPoint) -> str:
    if point.to is None:
        return "nothing is feasible any more"
    return f"{settings(point.to.configuration)} is best"
