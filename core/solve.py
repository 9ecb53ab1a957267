"""Answer a problem: the exact optimum, or why there is none and what would help.

When nothing is feasible, every limit is looked at alone (what is the best any configuration can do
on it?), and each is moved alone, the others kept, to where the problem becomes feasible. When no
limit is broken alone they conflict, and the relaxations say by how much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.capacity import stages_without_options
from core.ilp import optimum
from core.objective import Limits, Objective
from core.problem import TOLERANCE, Problem
from core.relaxed_load import largest_load_rps
from core.solution import Binding, Infeasible, Relaxation, Solution

UNLIMITED_S = 1e9
"""An SLO that nothing breaks, in seconds; still in range for the solver's arithmetic."""


def solve(problem: Problem, *, solver: str | None = None) -> Solution:
    """Return the exact optimum of *problem*, or the limits that cannot all be kept.

    Raises:
        UsageError: the solver is unknown, or the problem too large to state.
        SolverError: the solver ended without a proof.
    """
    best = optimum(problem, solver=solver)
    if best is not None:
        return best
    return explain(problem, solver=solver)


def explain(problem: Problem, *, solver: str | None = None) -> Infeasible:
    """Return which limits of an infeasible problem bind and what would make it feasible."""
    without_options = stages_without_options(problem)
    if without_options:
        return Infeasible(without_options, _relaxed_load(problem, solver))
    extremes = _Extremes(problem, solver)
    bindings = (*extremes.latency(), *extremes.cores(), *extremes.accuracy())
    relaxations = (
        *_relaxed_load(problem, solver),
        *extremes.relaxed_latency(),
        *extremes.relaxed_cores(),
        *extremes.relaxed_accuracy(),
    )
    return Infeasible(bindings or (extremes.conflict(),), relaxations)


@dataclass(frozen=True, slots=True)
class _Extremes:
    """How far each limit can be approached, with the others lifted or kept."""

    problem: Problem
    solver: str | None

    def conflict(self) -> Binding:
        """Return what is wrong where no limit is broken alone."""
        unlimited = _with_slo(self._with_slo_only(), UNLIMITED_S)
        if optimum(unlimited, solver=self.solver) is None:
            what = (
                "each stage can carry its load alone, but no combination of variants can be chosen together"
            )
        else:
            what = "each limit can be kept alone, not all together"
        return Binding("limits together", best=math.nan, limit=math.nan, statement=what)

    def latency(self) -> tuple[Binding, ...]:
        best = _least_latency_s(self._with_slo_only(), self.solver)
        slo_s = self.problem.pipeline.slo.latency_s
        if best is None or best <= slo_s * (1 + TOLERANCE):
            return ()
        return (
            Binding(
                "latency",
                best,
                slo_s,
                f"the fastest path takes {best:.6g} s, {best - slo_s:.6g} s over the SLO of {slo_s:.6g} s",
            ),
        )

    def cores(self) -> tuple[Binding, ...]:
        budget = self.problem.max_cores
        best = self._least_cores(_with_slo(self._with_slo_only(), UNLIMITED_S))
        if budget is None or best is None or best <= budget * (1 + TOLERANCE):
            return ()
        return (
            Binding(
                "cores",
                best,
                budget,
                f"the load needs at least {best:.6g} cores, {best - budget:.6g} over the limit of "
                f"{budget:.6g}",
            ),
        )

    def accuracy(self) -> tuple[Binding, ...]:
        floor = self.problem.objective.min_accuracy
        best = self._most_accuracy(_with_slo(self._without_budget(self.problem), UNLIMITED_S))
        if not floor or best is None or best >= floor * (1 - TOLERANCE):
            return ()
        return (
            Binding(
                "accuracy floor",
                best,
                floor,
                f"the most accurate variants reach {best:.6g}, {floor - best:.6g} below the floor of "
                f"{floor:.6g}",
            ),
        )

    def relaxed_latency(self) -> tuple[Relaxation, ...]:
        best = _least_latency_s(self.problem, self.solver)
        if best is None:
            return ()
        slo_s = self.problem.pipeline.slo.latency_s
        return (Relaxation("latency", slo_s, best, f"an SLO of {best:.6g} s would fit"),)

    def relaxed_cores(self) -> tuple[Relaxation, ...]:
        budget = self.problem.max_cores
        best = None if budget is None else self._least_cores(self._without_budget(self.problem))
        if best is None or budget is None:
            return ()
        return (Relaxation("cores", budget, best, f"{best:.6g} cores would fit"),)

    def relaxed_accuracy(self) -> tuple[Relaxation, ...]:
        floor = self.problem.objective.min_accuracy
        best = self._most_accuracy(self.problem) if floor else None
        if best is None or not floor:
            return ()
        return (Relaxation("accuracy", floor, best, f"an accuracy floor of {best:.6g} would fit"),)

    def _least_cores(self, problem: Problem) -> float | None:
        floor = problem.objective.min_accuracy or 0.0
        goal = Objective(minimise="cost", min_accuracy=floor)
        return self._extreme(problem.replaced(objective=goal))

    def _most_accuracy(self, problem: Problem) -> float | None:
        goal = Objective(maximise="accuracy", max_cores=problem.objective.max_cores)
        return self._extreme(problem.replaced(objective=goal))

    def _extreme(self, problem: Problem) -> float | None:
        found = optimum(problem, solver=self.solver)
        return None if found is None else found.objective

    def _with_slo_only(self) -> Problem:
        """Return the problem with neither floor nor budget."""
        return self._without_budget(self._without_floor(self.problem))

    def _without_floor(self, problem: Problem) -> Problem:
        objective = problem.objective
        update = {"min_accuracy": 0.0} if objective.minimise else {"min_accuracy": None}
        return problem.replaced(objective=objective.model_copy(update=update))

    def _without_budget(self, problem: Problem) -> Problem:
        objective = problem.objective.model_copy(update={"max_cores": None})
        return problem.replaced(objective=objective, limits=Limits(max_cores=None))


def _least_latency_s(problem: Problem, solver: str | None) -> float | None:
    """Return the least SLO that would be feasible, in seconds; None where no SLO would be.

    The latency of a configuration is one of finitely many values, so halving the interval between a
    feasible SLO's own latency and an infeasible one ends at the least.
    """
    found = optimum(_with_slo(problem, UNLIMITED_S), solver=solver)
    if found is None:
        return None
    low, high = 0.0, found.prediction.latency_s
    while high - low > high * LATENCY_PRECISION:
        middle = (low + high) / 2
        faster = optimum(_with_slo(problem, middle), solver=solver)
        if faster is None:
            low = middle
        else:
            high = faster.prediction.latency_s
    return high


LATENCY_PRECISION = 1e-4
"""Relative precision of the SLO that would fit."""


def _relaxed_load(problem: Problem, solver: str | None) -> tuple[Relaxation, ...]:
    best = largest_load_rps(problem, solver=solver)
    if best is None:
        return ()
    return (Relaxation("load", problem.load_rps, best, f"a load of {best:.6g} rps would fit"),)


def _with_slo(problem: Problem, slo_s: float) -> Problem:
    return problem.replaced(pipeline=problem.pipeline.with_slo(slo_s))
