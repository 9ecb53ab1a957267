"""A configuration held against the turn's problem, constraint by constraint."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.configuration import Configuration, StageConfiguration
from core.errors import UsageError
from core.verdict import Constraint
from core.verify import verify
from tools.toolkit._registry import Result, register
from tools.toolkit._shapes import AtLoad, Limit, limit
from tools.toolkit.situation import Situation

MOST_STAGES = 64
TIGHTEST = 3
"""Kept constraints that are shown: those that a little more load would break first."""


class VerifyConfiguration(AtLoad):
    """Variant, batch and replicas; a stage that is not named keeps what runs."""

    stages: Annotated[
        tuple[StageConfiguration, ...],
        Field(max_length=MOST_STAGES, description="a stage left out keeps what runs"),
    ] = ()


class Verified(Result):
    """The verdict."""

    accepted: bool
    load_rps: float
    violations: tuple[Limit, ...] = ()
    tightest: tuple[Limit, ...] = ()
    """Of those that are kept."""
    objective: float | None
    optimum: float | None
    regret: float | None
    accuracy: float | None
    cores: float
    latency_s: float | None
    nearest: tuple[StageConfiguration, ...] = ()
    """The feasible configuration least different, where it is rejected."""


@register("verify_configuration", VerifyConfiguration)
def verify_configuration(question: VerifyConfiguration, situation: Situation) -> Verified:
    """Check a configuration: which limits it breaks, by how much, and what it loses against the optimum."""
    problem = question.of(situation)
    verdict = verify(problem, _complete(question.stages, situation))
    kept = sorted((c for c in verdict.constraints if c.kept), key=_relative_slack)
    return Verified(
        accepted=verdict.accepted,
        load_rps=problem.load_rps,
        violations=tuple(limit(c) for c in verdict.violations),
        tightest=tuple(limit(c) for c in kept[:TIGHTEST]),
        objective=verdict.objective,
        optimum=verdict.optimum,
        regret=verdict.regret,
        accuracy=verdict.accuracy,
        cores=verdict.cores,
        latency_s=verdict.latency_s,
        nearest=() if verdict.nearest is None else verdict.nearest.stages,
    )


def _complete(stages: tuple[StageConfiguration, ...], situation: Situation) -> Configuration:
    """Return what runs with these stages in place of its own.

    Raises:
        UsageError: a stage is given twice.
    """
    wanted = {s.stage: s for s in stages}
    if len(wanted) < len(stages):
        raise UsageError("a stage is given twice; give each at most once")
    kept = {s.stage: s for s in situation.running.stages}
    return Configuration(stages=tuple((kept | wanted).values()))


def _relative_slack(constraint: Constraint) -> float:
    if constraint.slack is None or constraint.limit is None or constraint.constraint.startswith("replicas"):
        return float("inf")
    return abs(constraint.slack) / max(abs(constraint.limit), 1e-12)
