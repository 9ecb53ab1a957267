"""What if: the exact optimum of the turn's problem with some of it changed. A question changes nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.objective import Limits, Objective
from core.problem import Problem, VariantName
from core.proposal import MOST_LOAD_FACTOR
from core.solution import Infeasible, Optimum
from core.solve import solve as solve_exactly
from core.values import Fraction, Frozen, Number, Positive
from core.verify import verify
from tools.toolkit._registry import register
from tools.toolkit._shapes import Load, LoadRps, Names, Reason, StageRow, load_of, reasons, rows, would_fit
from tools.toolkit.situation import Situation

MOST_WHAT_IF_HEADROOM, MOST_WHAT_IF_WEIGHT = 10.0, 1000.0
"""A question may go further than a proposal."""


class Solve(Frozen):
    """What to change; everything is optional."""

    load: Load = "decided"
    load_rps: LoadRps | None = None
    load_factor: Annotated[Number, Field(gt=0, le=MOST_LOAD_FACTOR)] = 1.0
    headroom: Annotated[Number, Field(ge=1, le=MOST_WHAT_IF_HEADROOM)] | None = None
    slo_s: Positive | None = None
    excluded: Names = ()
    required: Names = ()
    accuracy_weight: Annotated[Number, Field(ge=0, le=MOST_WHAT_IF_WEIGHT)] = 1.0
    cores_weight: Annotated[Number, Field(ge=0, le=MOST_WHAT_IF_WEIGHT)] = 1.0
    min_accuracy: Fraction | None = None
    max_cores: Positive | None = None


class Solved(Frozen):
    """The optimum, and what runs held against the same problem."""

    feasible: bool
    load_rps: float
    objective: float | None = None
    accuracy: float | None = None
    cores: float | None = None
    latency_s: float | None = None
    stages: tuple[StageRow, ...] = ()
    same_as_running: bool | None = None
    running_feasible: bool | None = None
    running_loses: float | None = None
    reasons: tuple[Reason, ...] = ()
    would_fit: tuple[Reason, ...] = ()


@register("solve", Solve)
def solve(question: Solve, situation: Situation) -> Solved:
    """Solve the turn's problem exactly, as it is or with another load, headroom, SLO, variants, weights."""
    problem = asked(question, situation)
    match solve_exactly(problem):
        case Infeasible() as answer:
            return Solved(
                feasible=False,
                load_rps=problem.load_rps,
                reasons=reasons(answer),
                would_fit=would_fit(answer),
            )
        case Optimum() as best:
            verdict = verify(problem, situation.running)
            return Solved(
                feasible=True,
                load_rps=problem.load_rps,
                objective=best.objective,
                accuracy=best.prediction.accuracy,
                cores=best.prediction.cores,
                latency_s=best.prediction.latency_s,
                stages=rows(best.configuration, problem.pipeline),
                same_as_running=best.configuration == situation.running.checked(problem.pipeline),
                running_feasible=verdict.accepted,
                running_loses=verdict.regret if verdict.accepted else None,
            )


def asked(question: Solve, situation: Situation) -> Problem:
    """Return the problem a question is about.

    Raises:
        UsageError: it names a stage or a variant that the pipeline has not.
    """
    problem = situation.problem
    margins, limits, pipeline = problem.margins, problem.limits, problem.pipeline
    if question.headroom is not None:
        margins = margins.model_copy(update={"headroom": question.headroom})
    if question.max_cores is not None:
        limits = Limits(max_cores=question.max_cores)
    excluded = _excluded(question, problem)
    if question.slo_s is not None:
        slo = pipeline.slo.model_copy(update={"latency_s": question.slo_s})
        pipeline = pipeline.model_copy(update={"slo": slo})
    load_rps = load_of(situation, question.load) if question.load_rps is None else question.load_rps
    return problem.replaced(
        pipeline=pipeline,
        load_rps=load_rps * question.load_factor,
        objective=_objective(question, problem.objective),
        margins=margins,
        limits=limits,
        excluded=excluded,
    )


def _objective(question: Solve, objective: Objective) -> Objective:
    if objective.kind == "weighted":
        weights = {
            "alpha": objective.alpha * question.accuracy_weight,
            "beta": objective.beta * question.cores_weight,
        }
        objective = objective.model_copy(update=weights)
    if question.min_accuracy is not None and not objective.maximise:
        objective = objective.model_copy(update={"min_accuracy": question.min_accuracy})
    if question.max_cores is not None and objective.maximise:
        objective = objective.model_copy(update={"max_cores": question.max_cores})
    return objective


def _excluded(question: Solve, problem: Problem) -> tuple[VariantName, ...]:
    """Return what is left out: what the turn and the question exclude, and the others of what is required."""
    required: dict[str, set[str]] = {}
    for name in (*question.excluded, *question.required):
        problem.pipeline.stage(name.stage).variant(name.variant)
    for name in question.required:
        required.setdefault(name.stage, set()).add(name.variant)
    others = [
        VariantName(stage=stage, variant=v.name)
        for stage, kept in required.items()
        for v in problem.pipeline.stage(stage).variants
        if v.name not in kept
    ]
    turned = [n for n in problem.excluded if n not in question.required]
    return tuple(dict.fromkeys((*turned, *question.excluded, *others)))
