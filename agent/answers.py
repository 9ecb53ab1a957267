"""The JSON objects the command line prints (DESIGN section 5): pure functions of what core returns."""

from __future__ import annotations

import math
from typing import Any

from core.configuration import Configuration
from core.frontier import FrontierPoint
from core.pipeline import Pipeline
from core.problem import Problem
from core.solution import Infeasible, Optimum, Solution
from core.verdict import Constraint, Verdict

Answer = dict[str, Any]


def solution_answer(problem: Problem, solution: Solution, seconds: float) -> Answer:
    """Return the answer of `trimtab solve`; *seconds* is how long it took."""
    match solution:
        case Optimum():
            return _optimum(problem, solution, seconds)
        case Infeasible():
            return _infeasible(problem, solution, seconds)


def verdict_answer(verdict: Verdict) -> Answer:
    """Return the answer of `trimtab verify`."""
    nearest = verdict.nearest
    return {
        "accepted": verdict.accepted,
        "violations": [_constraint(c) for c in verdict.violations],
        "objective": verdict.objective,
        "optimum": verdict.optimum,
        "regret": verdict.regret,
        "accuracy": verdict.accuracy,
        "cores": verdict.cores,
        "latency": verdict.latency_s,
        "constraints": [_constraint(c) | {"kept": c.kept} for c in verdict.constraints],
        "nearest": None if nearest is None else nearest.model_dump(mode="json"),
    }


def frontier_answer(problem: Problem, points: tuple[FrontierPoint, ...]) -> Answer:
    """Return the answer of `trimtab frontier`, cheapest first."""
    return {
        "load": problem.load_rps,
        "accuracy": problem.pipeline.accuracy,
        "points": [
            {
                "accuracy": point.accuracy,
                "cores": point.cores,
                "latency": point.latency_s,
                "stages": _stages(problem.pipeline, point.configuration),
            }
            for point in points
        ],
    }


def _optimum(problem: Problem, best: Optimum, seconds: float) -> Answer:
    prediction = best.prediction
    return {
        "feasible": True,
        "objective": best.objective,
        "accuracy": prediction.accuracy,
        "cores": prediction.cores,
        "latency": prediction.latency_s,
        "load": problem.load_rps,
        "solver": best.solver,
        "seconds": seconds,
        "bound": best.bound,
        "switching": prediction.switching,
        "accuracyMode": problem.pipeline.accuracy,
        "stages": _stages(problem.pipeline, best.configuration),
    }


def _infeasible(problem: Problem, answer: Infeasible, seconds: float) -> Answer:
    return {
        "feasible": False,
        "load": problem.load_rps,
        "seconds": seconds,
        "reasons": [
            {
                "constraint": b.constraint,
                "value": _finite(b.best),
                "limit": _finite(b.limit),
                "by": _finite(abs(b.best - b.limit)),
                "statement": b.statement,
            }
            for b in answer.bindings
        ],
        "relaxations": [
            {"limit": r.limit, "present": r.present, "needed": r.needed, "statement": r.statement}
            for r in answer.relaxations
        ],
    }


def _stages(pipeline: Pipeline, configuration: Configuration) -> list[Answer]:
    return [
        s.model_dump() | {"cores": s.replicas * pipeline.stage(s.stage).variant(s.variant).cores}
        for s in configuration.stages
    ]


def _constraint(c: Constraint) -> Answer:
    return {"constraint": c.constraint, "value": c.value, "limit": c.limit, "slack": c.slack}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
