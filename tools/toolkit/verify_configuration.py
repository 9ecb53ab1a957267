"""A configuration held against the turn's problem, constraint by constraint."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.configuration import Configuration, StageConfiguration
from core.values import Frozen
from core.verify import verify
from tools.toolkit._registry import register
from tools.toolkit._shapes import Limit, LoadRps, StageRow, limit, rows
from tools.toolkit.situation import Situation

MOST_STAGES = 64


class VerifyConfiguration(Frozen):
    """Variant, batch and replicas of every stage."""

    stages: Annotated[tuple[StageConfiguration, ...], Field(min_length=1, max_length=MOST_STAGES)]
    load_rps: LoadRps | None = None


class Verified(Frozen):
    """The verdict."""

    accepted: bool
    load_rps: float
    violations: tuple[Limit, ...]
    constraints: tuple[Limit, ...]
    objective: float | None
    optimum: float | None
    regret: float | None
    accuracy: float | None
    cores: float
    latency_s: float | None
    nearest: tuple[StageRow, ...] = ()
    """The feasible configuration least different, where it is rejected."""


@register("verify_configuration", VerifyConfiguration)
def verify_configuration(question: VerifyConfiguration, situation: Situation) -> Verified:
    """Check a configuration: is it feasible, what does it break and by how much, how far from the optimum?"""
    problem = situation.problem
    if question.load_rps is not None:
        problem = problem.replaced(load_rps=question.load_rps)
    verdict = verify(problem, Configuration(stages=question.stages))
    return Verified(
        accepted=verdict.accepted,
        load_rps=problem.load_rps,
        violations=tuple(limit(c) for c in verdict.violations),
        constraints=tuple(limit(c) for c in verdict.constraints if c.kept),
        objective=verdict.objective,
        optimum=verdict.optimum,
        regret=verdict.regret,
        accuracy=verdict.accuracy,
        cores=verdict.cores,
        latency_s=verdict.latency_s,
        nearest=() if verdict.nearest is None else rows(verdict.nearest, problem.pipeline),
    )
