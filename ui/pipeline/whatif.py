"""What if: the problem of the last decision with some of it changed, solved exactly, and how long that took.

Nothing here is decided or kept. The solver is the loop's own, so what a slider shows is what the loop would
find best; the loop may still hold what runs, as a change has to be worth it (`core.pace`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from agent.explain.counterfactual import at_load, with_slo
from core.configuration import Configuration
from core.errors import UsageError
from core.frontier import FrontierPoint, frontier
from core.objective import Limits
from core.prediction import Prediction, predict
from core.problem import Problem, VariantName
from core.solution import Infeasible, Optimum, Solution
from core.solve import solve
from core.verify import feasible

AIM_S = 1.0
"""An answer should not take longer; one that does says so."""
LOAD_REACH = 4.0
"""Loads are offered up to this many times the present one."""
LEAST_LOAD_RPS = 1.0
"""The largest load on offer is no less: a slider needs room where nothing is asked at present."""
SLO_REACH = 4.0
"""SLOs are offered from a share of the present one, one in so many, to as many times it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What should be otherwise; made from the present problem, so that nothing else is."""

    load_rps: float
    slo_s: float
    max_cores: float | None
    """The budget; None for none."""
    min_accuracy: float | None
    """The floor; None for none."""
    excluded: tuple[VariantName, ...]

    @classmethod
    def of(cls, problem: Problem) -> Wish:
        """Return the wish that changes nothing."""
        return cls(
            load_rps=problem.load_rps,
            slo_s=problem.pipeline.slo.latency_s,
            max_cores=problem.max_cores,
            min_accuracy=problem.objective.min_accuracy or None,
            excluded=problem.excluded,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What would be best, and every trade-off that nothing beats."""

    problem: Problem
    solution: Solution
    tradeoffs: tuple[FrontierPoint, ...]
    runs: Prediction | None
    """What runs now, in this problem; None where that is not known."""
    holds: bool
    """Whether what runs now would keep every limit."""
    seconds: float
    """How long the solver took."""

    @property
    def best(self) -> Optimum | None:
        """The optimum; None where nothing is feasible."""
        return self.solution if isinstance(self.solution, Optimum) else None


def changed(problem: Problem, wish: Wish) -> Problem:
    """Return the problem as it is wished.

    Raises:
        UsageError: the wish contradicts itself or the objective, or names a variant that is not there.
    """
    _check(problem, wish)
    goal = problem.objective
    floor = 0.0 if goal.kind == "cost" and wish.min_accuracy is None else wish.min_accuracy
    return with_slo(at_load(problem, wish.load_rps), wish.slo_s).replaced(
        objective=goal.model_copy(update={"min_accuracy": floor, "max_cores": None}),
        limits=Limits(max_cores=wish.max_cores),
        excluded=wish.excluded,
    )


def answer(problem: Problem, running: Configuration | None = None) -> Answer:
    """Solve *problem*, and say whether *running* would do.

    Raises:
        SolverError: the solver ended without a proof.
    """
    runs, holds = _runs(problem, running)
    began = time.perf_counter()
    solution = solve(problem)
    seconds = time.perf_counter() - began
    tradeoffs = () if isinstance(solution, Infeasible) else frontier(problem)
    return Answer(problem, solution, tradeoffs, runs, holds, seconds)


def sentences(found: Infeasible) -> tuple[str, ...]:
    """Return why nothing is feasible, and what alone would help, a sentence each, with names of the file."""
    why = [f"{b.statement}." for b in found.bindings]
    fits = [f"All else as it is, {r.statement}." for r in found.relaxations]
    return tuple(f"{line[0].upper()}{line[1:]}" for line in (*why, *fits))


def offered(problem: Problem) -> tuple[VariantName, ...]:
    """Return every variant of every stage, as one may leave it out."""
    return tuple(
        VariantName(stage=stage.name, variant=variant.name)
        for stage in problem.pipeline.stages
        for variant in stage.variants
    )


def most_load_rps(problem: Problem, seen_rps: float) -> float:
    """Return the largest load on offer: well above the present one, and no less than the largest seen."""
    return max(LOAD_REACH * problem.load_rps, seen_rps, LEAST_LOAD_RPS)


def setting(configuration: Configuration | None, stage: str) -> str:
    """Return what a stage runs, in a few words; a dash where that is not known."""
    one = None if configuration is None else configuration.by_stage.get(stage)
    if one is None:
        return "–"
    return f"{one.variant}, batch {one.batch}, × {one.replicas}"


def _check(problem: Problem, wish: Wish) -> None:
    if wish.min_accuracy is not None and problem.objective.kind == "accuracy":
        raise UsageError(
            "the objective is the best accuracy there is, and a floor changes nothing of it; "
            "leave the floor off and look at the accuracy that is reached"
        )
    for name in wish.excluded:
        problem.pipeline.stage(name.stage).variant(name.variant)
    for stage in problem.pipeline.stages:
        left = [
            v for v in stage.variants if VariantName(stage=stage.name, variant=v.name) not in wish.excluded
        ]
        if not left:
            raise UsageError(f"every variant of stage {stage.name!r} is left out; keep one of them")


def _runs(problem: Problem, running: Configuration | None) -> tuple[Prediction | None, bool]:
    """Return what *running* is expected to do, and whether it keeps every limit."""
    if running is None:
        return None, False
    try:
        return predict(problem, running), feasible(problem, running)
    except UsageError:  # it was made for another version of the pipeline
        return None, False
