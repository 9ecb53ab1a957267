"""What if: the exact optimum of the turn's problem with some of it changed. A question changes nothing.

The answer says how what runs does in the asked problem, and what the answer would lose in the turn's own,
which is what a proposal is held against.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.configuration import Configuration, StageConfiguration
from core.errors import UsageError
from core.objective import Limits, Objective
from core.problem import Problem, VariantName
from core.solution import Infeasible, Optimum
from core.solve import solve as solve_exactly
from core.values import Frozen, NonNegative, Number, StatedPositive
from core.verify import verify
from tools.toolkit._registry import Result, register
from tools.toolkit._shapes import AtLoad, fitting, reasons, would_fit
from tools.toolkit.situation import Situation

MOST_WEIGHT = 1000.0
MOST_NAMES = 32
"""Variants that one question may exclude or require."""

Names = Annotated[tuple[VariantName, ...], Field(max_length=MOST_NAMES)]


class Solve(AtLoad):
    """What to change; everything is optional."""

    excluded: Names = ()
    required: Names = ()
    """At most one of each stage."""
    accuracy_weight: Annotated[Number, Field(ge=0, le=MOST_WEIGHT)] | None = None
    """Times alpha."""
    cores_weight: Annotated[Number, Field(ge=0, le=MOST_WEIGHT)] | None = None
    """Times beta."""
    min_accuracy: NonNegative | None = None
    max_cores: StatedPositive | None = None
    slo_s: StatedPositive | None = None


class Held(Frozen):
    """A configuration held against a problem."""

    accepted: bool
    loses: float | None
    """Against the optimum, in the objective's unit."""


class Solved(Result):
    """The optimum, or why there is none."""

    feasible: bool
    load_rps: float
    objective: float | None = None
    accuracy: float | None = None
    cores: float | None = None
    latency_s: float | None = None
    stages: tuple[StageConfiguration, ...] = ()
    same_as_running: bool | None = None
    running: Held | None = None
    """What runs, in the problem that was asked for; left out where it does not fit the pipeline."""
    in_turn: Held | None = None
    """The answer, in the turn's own problem, where that is another."""
    reasons: tuple[str, ...] = ()
    would_fit: tuple[str, ...] = ()


@register("solve", Solve)
def solve(question: Solve, situation: Situation) -> Solved:
    """Find the exact optimum of the turn's problem, as it is or changed. in_turn: what it would lose now."""
    problem = asked(question, situation)
    match solve_exactly(problem):
        case Infeasible() as answer:
            return Solved(
                feasible=False,
                load_rps=problem.load_rps,
                reasons=reasons(answer),
                would_fit=would_fit(answer),
            )
        case Optimum(configuration=best, prediction=prediction, objective=objective):
            running = fitting(situation)
            return Solved(
                feasible=True,
                load_rps=problem.load_rps,
                objective=objective,
                accuracy=prediction.accuracy,
                cores=prediction.cores,
                latency_s=prediction.latency_s,
                stages=best.stages,
                same_as_running=best == running,
                running=None if running is None else _held(problem, running),
                in_turn=None if problem is situation.problem else _held(situation.problem, best),
            )


def asked(question: Solve, situation: Situation) -> Problem:
    """Return the problem a question is about; the turn's own where it changes nothing.

    Raises:
        UsageError: it names what the pipeline has not, requires two variants of a stage, or changes
            what the objective does not have.
    """
    problem = question.of(situation)
    changes: dict[str, object] = {}
    if question.excluded or question.required:
        changes["excluded"] = _excluded(question, problem)
    objective = _objective(question, problem.objective)
    if objective != problem.objective:
        changes["objective"] = objective
    if question.max_cores is not None:
        changes["limits"] = Limits(max_cores=question.max_cores)
    if question.slo_s is not None:
        changes["pipeline"] = problem.pipeline.with_slo(question.slo_s)
    return problem.replaced(**changes) if changes else problem


def _held(problem: Problem, configuration: Configuration) -> Held:
    verdict = verify(problem, configuration, nearest=False)
    return Held(accepted=verdict.accepted, loses=verdict.regret if verdict.accepted else None)


def _objective(question: Solve, objective: Objective) -> Objective:
    """Return the objective that is asked for, of the pipeline's kind."""
    update: dict[str, float] = {}
    if question.accuracy_weight is not None or question.cores_weight is not None:
        if objective.kind != "weighted":
            raise UsageError(f"the objective is {objective.kind}, it has no weights; leave them out")
        update["alpha"] = objective.alpha * _times(question.accuracy_weight)
        update["beta"] = objective.beta * _times(question.cores_weight)
    if question.min_accuracy is not None:
        if objective.kind == "accuracy":
            raise UsageError("the objective is accuracy itself, it has no floor; leave min_accuracy out")
        update["min_accuracy"] = question.min_accuracy
    if question.max_cores is not None and objective.kind == "accuracy":
        update["max_cores"] = question.max_cores
    return objective.model_copy(update=update)


def _times(weight: float | None) -> float:
    return 1.0 if weight is None else weight


def _excluded(question: Solve, problem: Problem) -> tuple[VariantName, ...]:
    """Return what is left out: what the turn and the question exclude, and the others of what is required.

    What is required may be chosen although it is in quarantine: a question may ask what that would give.
    """
    for name in (*question.excluded, *question.required):
        problem.pipeline.stage(name.stage).variant(name.variant)
    required = {name.stage: name.variant for name in question.required}
    if len(required) < len(set(question.required)):
        raise UsageError("two variants are required of one stage; name one")
    others = [
        VariantName(stage=stage, variant=v.name)
        for stage, kept in required.items()
        for v in problem.pipeline.stage(stage).variants
        if v.name != kept
    ]
    turned = [name for name in problem.excluded if name not in question.required]
    return tuple(dict.fromkeys((*turned, *question.excluded, *others)))
