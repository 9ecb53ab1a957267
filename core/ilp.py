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

What is solved in tolerances (1e-9) is evaluated again in plain arithmetic before it is returned.
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
from core.dominance import charge, undominated
from core.errors import SolverError, UsageError
from core.joint import joint_rows
from core.options import Floats, StageOptions, all_options, within_reach
from core.prediction import predict
from core.problem import TOLERANCE, Problem
from core.solution import Optimum

SOLVERS = ("HiGHS", "CBC", "Gurobi")
"""In order of preference; the first that is installed is used where none is named."""

OBJECTIVE_SLACK = 1e-8
"""Relative loss of objective allowed while ties are broken: above the solvers' own tolerance."""

SOLVER_TOLERANCE = 1e-9
"""Feasibility tolerance asked of the solvers; rows are scaled to be of order 1."""

CORE_WEIGHT, CHANGE_WEIGHT, ACCURACY_WEIGHT, NAME_WEIGHT = 1e3, 0.4, 4e-2, 1e-4
"""Tie-breaking: a thousandth of a core outweighs all changes, one change all accuracies, and half a
percent of the range of accuracies all names. Smaller name weights would drown in the solvers' tolerances."""

LEAST_ACCURACY = 1e-6
"""What an accuracy of 0 counts as when tied products are put in order."""

Variable = Any
Terms = list[tuple[Variable, float]]


@dataclass(slots=True)
class _Programme:
    """The model under construction, with what later parts need of earlier ones."""

    problem: Problem
    stages: Sequence[StageOptions]
    lp: pulp.LpProblem
    choices: list[list[Variable]]
    rows: Terms = field(default_factory=list)
    """The joint table's accuracy, where the model has one."""

    def terms(self, values: Sequence[Floats]) -> Terms:
        """Return the terms of sum over stages and options of value * x."""
        return [
            (x, float(value))
            for xs, column in zip(self.choices, values, strict=True)
            for x, value in zip(xs, column, strict=True)
        ]

    def require(self, terms: Terms, sense: str, bound: float, name: str) -> None:
        """Add one linear constraint; *sense* is `<=`, `>=` or `==`."""
        left = _linear(terms)
        if sense == "<=":
            self.lp += left <= bound, name
        elif sense == ">=":
            self.lp += left >= bound, name
        else:
            self.lp += left == bound, name


def optimum(problem: Problem, *, solver: str | None = None) -> Optimum | None:
    """Return the exact optimum of *problem*, or None where nothing is feasible.

    Args:
        problem: What to solve.
        solver: One of `SOLVERS`; None for the first that is installed.

    Raises:
        UsageError: the solver is unknown or not installed, or the problem is too large to state.
        SolverError: the solver ended without a proof.
    """
    name = solver or preferred_solver()
    stages = undominated(problem, within_reach(problem, all_options(problem)))
    if not _logs_accuracy(problem):
        return _optimum_over(problem, stages, name)
    useful = _without_zeros(stages)  # a product of which one factor is 0 is 0 and has no logarithm
    best = _optimum_over(problem, useful, name)
    if best is not None or problem.objective.min_accuracy:
        return best
    return _optimum_over(problem, stages, name)


def _logs_accuracy(problem: Problem) -> bool:
    objective = problem.objective
    return problem.pipeline.accuracy == "product" and (
        objective.kind == "accuracy" or bool(objective.min_accuracy)
    )


def _without_zeros(stages: Sequence[StageOptions]) -> tuple[StageOptions, ...]:
    return tuple(StageOptions(s.stage, s.levels_rps, s.options.take(s.options.accuracy > 0)) for s in stages)


def _optimum_over(problem: Problem, stages: Sequence[StageOptions], solver: str) -> Optimum | None:
    if any(len(s.options) == 0 for s in stages):
        return None
    stages = prune(problem, stages)
    programme = _programme(problem, stages)
    gain = _gain(programme)
    programme.lp.setObjective(_linear(gain))
    if not _solved(programme, solver):
        return None
    best = _value(gain)
    bound = _bound(programme, best)
    programme.require(gain, ">=", best - OBJECTIVE_SLACK * max(1.0, abs(best)), "optimal")
    programme.lp.sense = pulp.LpMinimize
    programme.lp.setObjective(_linear(_tie_terms(programme)))
    if not _solved(programme, solver):
        raise SolverError(f"{solver} lost the optimum while breaking ties; please report this")
    return _as_optimum(programme, bound, solver)


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
        _table(programme)
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
    _link_levels(programme)
    _hold_latency(programme)
    _hold_cores(programme)
    _hold_floor(programme)
    return programme


def _link_levels(programme: _Programme) -> None:
    """Make each stage's level the largest load its incoming edges bring.

    For each threshold: no level at or below it without every edge at or below it, and none above it
    without some edge above it.
    """
    index = {s.stage.name: k for k, s in enumerate(programme.stages)}
    for k, s in enumerate(programme.stages):
        if len(s.levels_rps) == 1:
            continue
        edges = [
            (index[e.stage], _brought_rps(programme.stages[index[e.stage]]) * e.fan_out)
            for e in s.stage.after
        ]
        mine = s.levels_rps[s.options.level]
        for t, level in enumerate(s.levels_rps[:-1]):
            below = _chosen(programme, k, mine <= level)
            above = _chosen(programme, k, mine > level)
            reach: Terms = []
            for e, (parent, brought) in enumerate(edges):
                small = brought <= level * (1 + TOLERANCE)
                feeding = [(x, -c) for x, c in _chosen(programme, parent, small)]
                programme.require(below + feeding, "<=", 0.0, f"level_{k}_{t}_from_{e}")
                reach += [(x, -c) for x, c in _chosen(programme, parent, ~small)]
            programme.require(above + reach, "<=", 0.0, f"level_{k}_{t}_reached")


def _brought_rps(s: StageOptions) -> Floats:
    """Return the items per second each option sends along an edge of fan-out 1."""
    rates: Floats = s.levels_rps[s.options.level] * s.options.fan_out
    return rates


def _chosen(programme: _Programme, stage: int, rows: Any) -> Terms:  # noqa: ANN401 - a numpy mask
    return [(programme.choices[stage][o], 1.0) for o in np.flatnonzero(rows)]


def _hold_latency(programme: _Programme) -> None:
    """Keep the longest path within the SLO, in units of the SLO."""
    pipeline = programme.problem.pipeline
    slo_s = pipeline.slo.latency_s
    finish: dict[str, Variable] = {}
    for k, (s, xs) in enumerate(zip(programme.stages, programme.choices, strict=True)):
        spent = [(x, -float(v)) for x, v in zip(xs, s.options.latency_s / slo_s, strict=True)]
        end = programme.lp.add_variable(f"finish_{k}", lowBound=0, upBound=1 + TOLERANCE)
        finish[s.stage.name] = end
        starts: list[Terms] = [[(finish[e.stage], -1.0)] for e in s.stage.after] or [[]]
        for e, start in enumerate(starts):
            programme.require([(end, 1.0), *start, *spent], ">=", 0.0, f"latency_{k}_{e}")


def _hold_cores(programme: _Programme) -> None:
    budget = programme.problem.max_cores
    if budget is not None:
        cores = programme.terms([s.options.cores for s in programme.stages])
        programme.require(cores, "<=", budget * (1 + TOLERANCE), "cores")


def _hold_floor(programme: _Programme) -> None:
    """Keep the accuracy floor; joint tables keep it by leaving out the rows below."""
    problem = programme.problem
    floor = problem.objective.min_accuracy
    if not floor or problem.pipeline.accuracy == "measured":
        return
    accuracies = [s.options.accuracy for s in programme.stages]
    least = floor * (1 - TOLERANCE)
    if problem.pipeline.accuracy == "product":
        accuracies, least = [np.log(a) for a in accuracies], math.log(least)
    programme.require(programme.terms(accuracies), ">=", least, "accuracy_floor")


def _gain(programme: _Programme) -> Terms:
    """Return what is to be maximised: the objective, or what orders configurations like it."""
    problem = programme.problem
    objective = problem.objective
    if objective.kind == "weighted":
        charges = programme.terms([-charge(problem, s.options) for s in programme.stages])
        return charges + [(v, objective.alpha * c) for v, c in _accuracy(programme)]
    if objective.kind == "cost":
        if problem.pipeline.accuracy == "measured":
            _table(programme)
        return programme.terms([-s.options.cores for s in programme.stages])
    if problem.pipeline.accuracy == "product":
        zeros = any((s.options.accuracy == 0).any() for s in programme.stages)
        return [] if zeros else programme.terms([np.log(s.options.accuracy) for s in programme.stages])
    return _accuracy(programme)


def _accuracy(programme: _Programme) -> Terms:
    """Return the pipeline's accuracy as linear terms, adding what makes it so."""
    match programme.problem.pipeline.accuracy:
        case "sum":
            return programme.terms([s.options.accuracy for s in programme.stages])
        case "product":
            return _product(programme)
        case "measured":
            return _table(programme)


def _product(programme: _Programme) -> Terms:
    """Chain the product stage by stage; see the module's docstring."""
    before: Terms = []
    low, high = 1.0, 1.0
    for k, s in enumerate(programme.stages):
        values = np.unique(s.options.accuracy)
        parts: Terms = []
        for a, value in enumerate(values):
            part = programme.lp.add_variable(f"p_{k}_{a}", lowBound=0, upBound=high)
            chosen = _chosen(programme, k, s.options.accuracy == value)
            above = [(x, -high) for x, _ in chosen]
            below = [(x, -low) for x, _ in chosen]
            programme.require([(part, 1.0), *above], "<=", 0.0, f"product_{k}_{a}_above")
            programme.require([(part, 1.0), *below], ">=", 0.0, f"product_{k}_{a}_below")
            parts.append((part, float(value)))
        total = [(part, 1.0) for part, _ in parts]
        carried = [(v, -c) for v, c in before]
        programme.require(total + carried, "==", 0.0 if before else 1.0, f"product_{k}")
        before = parts
        low, high = low * float(values[0]), high * float(values[-1])
    return before


def _table(programme: _Programme) -> Terms:
    """Choose one row of the joint table, the one of the chosen variants."""
    rows = joint_rows(programme.problem, programme.stages)
    ys = [programme.lp.add_variable(f"y_{r}", lowBound=0, upBound=1) for r in range(len(rows))]
    programme.require([(y, 1.0) for y in ys], "==", 1.0, "one_row")
    for k, s in enumerate(programme.stages):
        for m in range(len(s.stage.variants)):
            runs = [(x, -1.0) for x, _ in _chosen(programme, k, s.options.variant == m)]
            named = [(y, 1.0) for y, row in zip(ys, rows, strict=True) if row.variants[k] == m]
            if runs or named:
                programme.require(named + runs, "==", 0.0, f"row_{k}_{m}")
    programme.rows = [(y, row.accuracy) for y, row in zip(ys, rows, strict=True)]
    return programme.rows


def _tie_terms(programme: _Programme) -> Terms:
    """Return what decides between optima: cores, then change, accuracy and name."""
    count = len(programme.stages)
    values = []
    for k, s in enumerate(programme.stages):
        rank = np.arange(len(s.options)) / max(1, len(s.options))
        values.append(
            CORE_WEIGHT * s.options.cores
            + CHANGE_WEIGHT / count * s.options.changed
            + NAME_WEIGHT / count * rank * (1 + k / count)  # later stages yield to earlier ones
        )
    return programme.terms(values) + [(v, -ACCURACY_WEIGHT * c) for v, c in _standing(programme)]


def _standing(programme: _Programme) -> Terms:
    """Return terms that order configurations as the pipeline's accuracy does, from 0 to 1."""
    if programme.rows:
        low, high = (f(c for _, c in programme.rows) for f in (min, max))
        return [(y, (c - low) / ((high - low) or 1.0)) for y, c in programme.rows]
    accuracies = [s.options.accuracy for s in programme.stages]
    if programme.problem.pipeline.accuracy == "product":
        accuracies = [np.log(np.maximum(a, LEAST_ACCURACY)) for a in accuracies]
    span = sum(float(np.ptp(a)) for a in accuracies) or 1.0
    return programme.terms([(a - a.min()) / span for a in accuracies])


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
    objective = programme.problem.objective
    if objective.kind == "cost":
        return -bound
    if objective.kind == "accuracy" and programme.problem.pipeline.accuracy == "product":
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
            mip_feasibility_tolerance=SOLVER_TOLERANCE,
            primal_feasibility_tolerance=SOLVER_TOLERANCE,
        )
    if name == "CBC":
        # PULP_CBC_CMD itself warns of its end in PuLP 4; the executable it ships does not.
        return pulp.COIN_CMD(path=pulp.PULP_CBC_CMD.pulp_cbc_path, msg=False, gapRel=0.0, gapAbs=0.0)
    if name == "Gurobi":
        return pulp.GUROBI(msg=False, gapRel=0.0)
    raise UsageError(f"there is no solver {name!r}; known: {', '.join(SOLVERS)}")


def _linear(terms: Terms) -> Any:  # noqa: ANN401 - PuLP is untyped
    """Return the terms as an expression; PuLP itself keeps only the last of equal variables."""
    merged: dict[Variable, float] = {}
    for variable, coefficient in terms:
        merged[variable] = merged.get(variable, 0.0) + coefficient
    return pulp.LpAffineExpression(merged)


def _value(terms: Terms) -> float:
    return math.fsum(v.varValue * c for v, c in terms)
