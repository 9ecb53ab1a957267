"""Hold a configuration against a problem, and make the one thing an actuator accepts."""

from __future__ import annotations

import math
from dataclasses import InitVar, dataclass

from core.configuration import Configuration
from core.errors import UsageError
from core.ilp import optimum
from core.nearest import nearest_feasible
from core.prediction import Prediction, predict
from core.problem import TOLERANCE, Problem
from core.solution import Optimum
from core.verdict import Constraint, Verdict

_PROOF = object()


@dataclass(frozen=True, slots=True)
class Approved:
    """A configuration that the check accepted for a problem. Only `approve` makes one."""

    configuration: Configuration
    problem_digest: str
    verdict: Verdict
    proof: InitVar[object]
    """Not kept, so that `dataclasses.replace` cannot carry it over to something else."""

    def __post_init__(self, proof: object) -> None:
        if proof is not _PROOF:
            raise UsageError("an approved change comes from core.verify.approve only")


def approve(problem: Problem, configuration: Configuration) -> Approved | Verdict:
    """Return the approved change, or the verdict that rejects it."""
    verdict = verify(problem, configuration)
    if not verdict.accepted:
        return verdict
    checked = configuration.checked(problem.pipeline)
    return Approved(checked, problem.digest, verdict, _PROOF)


def feasible(problem: Problem, configuration: Configuration) -> bool:
    """Say whether *configuration* keeps every constraint. Nothing is solved.

    Raises:
        UsageError: the configuration names something the pipeline has not.
    """
    return all(c.kept for c in _constraints(problem, predict(problem, configuration)))


def verify(
    problem: Problem, configuration: Configuration, *, solver: str | None = None, nearest: bool = True
) -> Verdict:
    """Return the verdict on *configuration*, with its regret and, if rejected, the nearest feasible.

    Without *nearest* that is left out: it takes a solution of its own.

    Raises:
        UsageError: the configuration names something the pipeline has not.
        SolverError: the optimum could not be proven.
    """
    prediction = predict(problem, configuration)
    constraints = _constraints(problem, prediction)
    accepted = all(c.kept for c in constraints)
    best = optimum(problem, solver=solver)
    closest = None
    if nearest and not accepted and best is not None:
        closest = nearest_feasible(problem, configuration, solver=solver)
    return Verdict(
        accepted=accepted,
        constraints=constraints,
        objective=prediction.objective,
        optimum=None if best is None else best.objective,
        regret=_regret(problem, prediction, best),
        accuracy=prediction.accuracy,
        cores=prediction.cores,
        latency_s=_finite(prediction.latency_s),
        nearest=closest,
    )


def _regret(problem: Problem, prediction: Prediction, best: Optimum | None) -> float | None:
    if best is None or prediction.objective is None:
        return None
    difference = best.objective - prediction.objective
    return -difference if problem.objective.kind == "cost" else difference


def _constraints(problem: Problem, prediction: Prediction) -> tuple[Constraint, ...]:
    pipeline = problem.pipeline
    found = [_at_most("latency", prediction.latency_s, pipeline.slo.latency_s)]
    for s in prediction.stages:
        least, most = problem.replica_bounds[s.stage]
        needed_rps = problem.margins.headroom * s.load_rps
        found.append(_at_least(f"capacity[{s.stage}]", s.capacity_rps, needed_rps))
        found.append(_at_least(f"replicas.min[{s.stage}]", s.replicas, least))
        found.append(_at_most(f"replicas.max[{s.stage}]", s.replicas, most))
        cap = pipeline.stage(s.stage).max_cores
        if cap is not None:
            found.append(_at_most(f"stage cores[{s.stage}]", s.cores, cap))
        if not problem.allows(s.stage, s.variant):
            found.append(_broken(f"excluded[{s.stage}]"))
    if problem.max_cores is not None:
        found.append(_at_most("cores", prediction.cores, problem.max_cores))
    if prediction.accuracy is None:
        found.append(_broken("accuracyTable"))
    elif problem.objective.min_accuracy:
        floor = problem.objective.min_accuracy
        found.append(_at_least("accuracy floor", prediction.accuracy, floor))
    return tuple(found)


def _at_most(name: str, value: float, limit: float) -> Constraint:
    kept = value <= limit * (1 + TOLERANCE)
    slack = _finite(limit - value)
    return Constraint(constraint=name, value=_finite(value), limit=limit, slack=slack, kept=kept)


def _at_least(name: str, value: float, limit: float) -> Constraint:
    kept = value >= limit * (1 - TOLERANCE)
    return Constraint(constraint=name, value=value, limit=limit, slack=value - limit, kept=kept)


def _broken(name: str) -> Constraint:
    return Constraint(constraint=name, value=None, limit=None, slack=None, kept=False)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
