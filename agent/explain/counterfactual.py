"""Problems that differ in one thing from the one that was decided, solved exactly: what if, and why not."""

from __future__ import annotations

from dataclasses import dataclass

from core.configuration import Configuration
from core.problem import Problem, VariantName
from core.solution import Infeasible, Optimum, Solution
from core.solve import solve
from core.verdict import Verdict
from core.verify import verify


@dataclass(frozen=True, slots=True)
class Answered:
    """The same question put to two problems."""

    base: Solution
    """Of the problem as it was decided."""
    other: Solution
    changed: Problem
    chosen: Verdict
    """What was chosen, held against the changed problem."""


def answered(problem: Problem, changed: Problem, chosen: Configuration) -> Answered:
    """Solve both problems, and check what was chosen in the changed one.

    Raises:
        UsageError: *chosen* names something the pipeline has not.
        SolverError: a solver ended without a proof.
    """
    return Answered(solve(problem), solve(changed), changed, verify(changed, chosen))


def requiring(problem: Problem, name: VariantName) -> Problem:
    """Return the problem in which a stage must run that variant, whatever else it leaves out.

    Raises:
        UsageError: there is no such stage or variant.
    """
    stage = problem.pipeline.stage(name.stage)
    stage.variant(name.variant)
    others = tuple(
        VariantName(stage=stage.name, variant=v.name) for v in stage.variants if v.name != name.variant
    )
    kept = tuple(excluded for excluded in problem.excluded if excluded != name)
    return problem.replaced(excluded=tuple(dict.fromkeys((*kept, *others))))


def at_load(problem: Problem, load_rps: float) -> Problem:
    """Return the problem at another load, in requests per second."""
    return problem.replaced(load_rps=load_rps)


def with_slo(problem: Problem, slo_s: float) -> Problem:
    """Return the problem with another latency SLO, in seconds."""
    return problem.replaced(pipeline=problem.pipeline.with_slo(slo_s))


def loss(problem: Problem, *, base: Optimum, other: Optimum) -> float:
    """Return how much worse *other* is in the objective's terms; negative where it is better."""
    difference = base.objective - other.objective
    return -difference if problem.objective.kind == "cost" else difference


def variants_of(solution: Solution) -> tuple[str, ...] | None:
    """Return the variants that are chosen, stage by stage; None where nothing is feasible."""
    match solution:
        case Optimum(configuration=configuration):
            return tuple(s.variant for s in configuration.stages)
        case Infeasible():
            return None
