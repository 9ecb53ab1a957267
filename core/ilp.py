"""The exact integer programme, in PuLP: the one module that knows it.

Variables. One binary x[s, o] for each stage s and each option o that survived the reduction
(`core.options`): a (variant, batch, replicas) at one load level.

    one_option         sum_o x[s, o] = 1                                        for each stage
    level              the level of a stage is the load that the options chosen above it bring
    latency            finish[s] >= finish[p] + sum_o latency[o] x[s, o]        for each edge p -> s
                       finish[s] <= SLO                                         for each last stage
    cores              sum cores[o] x[s, o] <= budget

Why it is exact although accuracy multiplies:

- `sum`: the objective is linear in x as it stands.
- `measured`: y[r] >= 0 for each row of the joint table with sum_r y[r] = 1 and, for each variant m of
  each stage s, the y of the rows that name m adding up to the x of the options that run m. When x is
  integral the only y that fits is 1 on the one row of the chosen variants, so accuracy =
  sum_r accuracy[r] y[r], linear. Combinations without a row cannot be chosen.
- `product` under a floor, or as the sole goal: log is increasing, so comparing products is
  comparing sum log(accuracy) x, linear. Nothing is traded against it, so nothing is distorted.
- `product` traded against cost: log would be another objective. Let P[s] be the product up to stage
  s, P[0] = 1, and p[s, a] stand for P[s-1] where stage s runs an option of accuracy a, else 0:
  sum_a p[s, a] = P[s-1], 0 <= p[s, a] <= U[s-1] z[s, a], P[s] = sum_a a p[s, a], where z[s, a] is the sum
  of the x of those options and U an upper bound of P. When x is integral one z is 1, so one p equals
  P[s-1] and the others 0: P[s] is the product, exactly. (McCormick's envelopes are exact where one
  factor is binary.)

What is solved in tolerances (1e-9, and 1e-7 of a whole) is evaluated again in plain arithmetic before it is
returned.
Ties: a second programme holds the objective and minimises cores, then settings changed, then prefers
accuracy, then names. With exact arithmetic the answer is unique up to permutations of equal names'
ranks across stages.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pulp

from core.bounds import prune
from core.configuration import Configuration
from core.dominance import undominated
from core.errors import SolverError, UsageError
from core.formulation import (
    Sense,
    Terms,
    Variable,
    hold_cores,
    hold_floor,
    hold_latency,
    link_levels,
    objective,
    table,
    tie_terms,
)
from core.options import Floats, Mask, StageOptions, all_options, within_reach
from core.prediction import predict
from core.problem import Problem
from core.solution import Optimum

SOLVERS = ("HiGHS", "CBC", "Gurobi")
"""In order of preference; the first that is installed is used where none is named."""

OBJECTIVE_SLACKS = (1e-8, 1e-7)
"""Loss of objective allowed while ties are broken, relative to it or to its largest term: the first that a
solver's own tolerance leaves room for."""

TIE = 1e-7
"""Objectives that differ by less than this share of them are equal; exact means to 1e-6."""
SOLVER_TOLERANCE = 1e-9
"""Feasibility tolerance asked of the solvers; rows are scaled to be of order 1."""
INTEGRALITY_TOLERANCE = 1e-7
"""How far from whole a choice may be, before it is rounded. With 1e-8 HiGHS 1.16 presolves some problems
without end, and heeds no time limit then (`tests/core/hanging.json`)."""


RECENT = 4
"""Answers kept: a turn of the loop asks for the same optimum when it plans, checks and applies."""

_recent: tuple[tuple[Problem, str, Optimum | None], ...] = ()


@dataclass(slots=True)
class _Programme:
    """The model in PuLP."""

    problem: Problem
    stages: Sequence[StageOptions]
    lp: pulp.LpProblem
    choices: list[list[Variable]]
    rows: Terms = field(default_factory=list)

    def terms(self, values: Sequence[Floats]) -> Terms:
        return [
            (x, float(value))
            for xs, column in zip(self.choices, values, strict=True)
            for x, value in zip(xs, column, strict=True)
        ]

    def chosen(self, stage: int, rows: Mask) -> Terms:
        return [(self.choices[stage][o], 1.0) for o in np.flatnonzero(rows)]

    def variable(self, name: str, *, most: float) -> Variable:
        return self.lp.add_variable(name, lowBound=0, upBound=most)

    def require(self, terms: Terms, sense: Sense, bound: float, name: str) -> None:
        left = _linear(terms)
        if sense == "<=":
            self.lp += left <= bound, name
        elif sense == ">=":
            self.lp += left >= bound, name
        else:
            self.lp += left == bound, name


def optimum(problem: Problem, *, solver: str | None = None) -> Optimum | None:
    """Return the exact optimum of *problem*, or None where nothing is feasible. The last answers are kept.

    Args:
        problem: What to solve.
        solver: One of `SOLVERS`; None for the first that is installed.

    Raises:
        UsageError: the solver is unknown or not installed, or the problem is too large to state.
        SolverError: the solver ended without a proof.
    """
    global _recent  # noqa: PLW0603 - what a pure function answered before
    name = solver or preferred_solver()
    for past, by, answer in _recent:
        if by == name and past == problem:
            return answer
    answer = _solved_anew(problem, name)
    _recent = ((problem, name, answer), *_recent[: RECENT - 1])
    return answer


def _solved_anew(problem: Problem, name: str) -> Optimum | None:
    stages = undominated(problem, within_reach(problem, all_options(problem)))
    if not _logs_accuracy(problem):
        return _optimum_over(problem, stages, name)
    useful = _without_zeros(stages)  # a product of which one factor is 0 is 0 and has no logarithm
    best = _optimum_over(problem, useful, name)
    if best is not None or problem.objective.min_accuracy:
        return best
    return _optimum_over(problem, stages, name)


def _logs_accuracy(problem: Problem) -> bool:
    goal = problem.objective
    return problem.pipeline.accuracy == "product" and (goal.kind == "accuracy" or bool(goal.min_accuracy))


def _without_zeros(stages: Sequence[StageOptions]) -> tuple[StageOptions, ...]:
    return tuple(StageOptions(s.stage, s.levels_rps, s.options.take(s.options.accuracy > 0)) for s in stages)


def _optimum_over(problem: Problem, stages: Sequence[StageOptions], solver: str) -> Optimum | None:
    if any(len(s.options) == 0 for s in stages):
        return None
    stages = prune(problem, stages)
    programme = _programme(problem, stages)
    gain = objective(programme)
    programme.lp.setObjective(_linear(gain))
    if not _solved(programme, solver):
        return None
    best = _value(gain)
    bound = _bound(programme, best)
    found = _as_optimum(programme, bound, solver)
    scale = max(1.0, abs(best), *(abs(coefficient) for _, coefficient in gain))
    scaled = [(variable, coefficient / scale) for variable, coefficient in gain]
    programme.lp.sense = pulp.LpMinimize
    programme.lp.setObjective(_linear(tie_terms(programme)))
    for number, slack in enumerate(OBJECTIVE_SLACKS):
        programme.require(scaled, ">=", best / scale - slack, f"optimal_{number}")
        if _solved(programme, solver):
            return _better(problem, found, _as_optimum(programme, bound, solver))
        del programme.lp.constraints[f"optimal_{number}"]
    raise SolverError(f"{solver} lost the optimum while breaking ties; please report this")


def _better(problem: Problem, found: Optimum, tied: Optimum) -> Optimum:
    """Return the one that breaks ties, unless it loses more than rounding does."""
    loss = found.objective - tied.objective
    if problem.objective.kind == "cost":
        loss = -loss
    return found if loss > TIE * abs(found.objective) else tied


def closest(
    problem: Problem,
    stages: Sequence[StageOptions],
    distances: Sequence[Floats],
    *,
    solver: str | None = None,
) -> Configuration | None:
    """Return the feasible choice of options with the least sum of distances; None if there is none."""
    if any(len(s.options) == 0 for s in stages):
        return None
    if problem.objective.min_accuracy and problem.pipeline.accuracy == "product":
        positive = [s.options.accuracy > 0 for s in stages]
        distances = [d[rows] for d, rows in zip(distances, positive, strict=True)]
        stages = _without_zeros(stages)
        if any(len(s.options) == 0 for s in stages):
            return None
    programme = _programme(problem, stages)
    if problem.pipeline.accuracy == "measured":
        table(programme)
    programme.lp.sense = pulp.LpMinimize
    programme.lp.setObjective(_linear(programme.terms(distances)))
    if not _solved(programme, solver or preferred_solver()):
        return None
    return _configuration(programme)


def installed_solvers() -> tuple[str, ...]:
    """Return the solvers that can be used here, best first.

    Raises:
        SolverError: there is none.
    """
    found = tuple(name for name in SOLVERS if _solver(name).available())
    if not found:
        raise SolverError("no solver is installed; run `pip install highspy`")
    return found


@cache
def preferred_solver() -> str:
    """Return the first installed solver, without looking further: looking at Gurobi imports it.

    Raises:
        SolverError: there is none.
    """
    found = next((name for name in SOLVERS if _solver(name).available()), None)
    return found or installed_solvers()[0]


def _programme(problem: Problem, stages: Sequence[StageOptions]) -> _Programme:
    lp = pulp.LpProblem("configuration", pulp.LpMaximize)
    choices = [
        [lp.add_variable(f"x_{k}_{o}", cat=pulp.LpBinary) for o in range(len(s.options))]
        for k, s in enumerate(stages)
    ]
    programme = _Programme(problem, stages, lp, choices)
    for k, xs in enumerate(choices):
        programme.require([(x, 1.0) for x in xs], "==", 1.0, f"one_option_{k}")
    link_levels(programme)
    hold_latency(programme)
    hold_cores(programme)
    hold_floor(programme)
    return programme


def _as_optimum(programme: _Programme, bound: float, solver: str) -> Optimum:
    configuration = _configuration(programme)
    prediction = predict(programme.problem, configuration)
    if prediction.objective is None:
        raise SolverError(f"{solver} chose variants without a measured accuracy; please report this")
    return Optimum(configuration, prediction, prediction.objective, bound, solver)


def _configuration(programme: _Programme) -> Configuration:
    rows = [_chosen_row(xs) for xs in programme.choices]
    settings = (s.setting(o) for s, o in zip(programme.stages, rows, strict=True))
    return Configuration(stages=tuple(settings))


def _bound(programme: _Programme, best: float) -> float:
    """Return the solver's proven bound in the objective's own terms."""
    model: Any = getattr(programme.lp, "solverModel", None)
    bound = best
    if hasattr(model, "getInfo"):
        bound = -float(model.getInfo().mip_dual_bound)
    goal = programme.problem.objective
    if goal.kind == "cost":
        return -bound
    if goal.kind == "accuracy" and programme.problem.pipeline.accuracy == "product":
        return math.exp(bound)
    return bound


def _chosen_row(xs: Sequence[Variable]) -> int:
    return int(np.argmax([x.varValue for x in xs]))


def _solved(programme: _Programme, solver: str) -> bool:
    """Solve; True with a proven optimum, False with a proof that there is none.

    Raises:
        SolverError: neither was proven.
    """
    status = programme.lp.solve(_solver(solver))
    if status == pulp.LpStatusOptimal:
        return True
    if status == pulp.LpStatusInfeasible:
        return False
    raise SolverError(f"{solver} ended with status {pulp.LpStatus[status]!r}, without a proof")


@cache
def _silenced() -> None:
    """Let HiGHS print its banner, once in a process and whatever it is told, into the void."""
    import highspy  # noqa: PLC0415 - half of the start-up time, only needed here

    sys.stdout.flush()
    kept = os.dup(1)
    void = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(void, 1)
        highspy.Highs()  # type: ignore[no-untyped-call] # the library's own gap
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(void)


def _solver(name: str) -> Any:  # noqa: ANN401 - PuLP is untyped
    """Return PuLP's solver *name*, told to prove optimality and to keep quiet."""
    if name == "HiGHS":
        _silenced()
        return pulp.HiGHS(
            msg=False,
            gapRel=0.0,
            gapAbs=0.0,
            threads=1,
            mip_feasibility_tolerance=INTEGRALITY_TOLERANCE,
            primal_feasibility_tolerance=SOLVER_TOLERANCE,
        )
    if name == "CBC":
        # PULP_CBC_CMD itself warns of its end in PuLP 4; the executable it ships does not.
        return pulp.COIN_CMD(path=pulp.PULP_CBC_CMD.pulp_cbc_path, msg=False, gapRel=0.0, gapAbs=0.0)
    if name == "Gurobi":
        # An environment of its own is the only one that can be told not to print its licence.
        return pulp.GUROBI(msg=False, gapRel=0.0, manageEnv=True, envOptions={"OutputFlag": 0})
    raise UsageError(f"there is no solver {name!r}; known: {', '.join(SOLVERS)}")


def _linear(terms: Terms) -> Any:  # noqa: ANN401 - PuLP is untyped
    """Return the terms as an expression; PuLP itself keeps only the last of equal variables."""
    merged: dict[Variable, float] = {}
    for variable, coefficient in terms:
        merged[variable] = merged.get(variable, 0.0) + coefficient
    return pulp.LpAffineExpression(merged)


def _value(terms: Terms) -> float:
    return math.fsum(v.varValue * c for v, c in terms)
