"""What the cluster was told to run, what is ready, and what is on trial or in quarantine."""

from __future__ import annotations

from core.quarantine import active
from core.values import Frozen
from tools.toolkit._registry import kinds, register
from tools.toolkit._shapes import StageRow, harmless, rows
from tools.toolkit.situation import Situation


class ClusterStatus(Frozen):
    """Nothing to say."""


class StageStatus(Frozen):
    """Replicas of one stage."""

    stage: str
    wanted: int
    ready: int | None
    """None where it is not known."""
    most: int
    """Replicas that can be had."""


class OnTrial(Frozen):
    """A change that is not confirmed yet."""

    decision: str
    since_s: float
    ready_by_s: float
    comes_back: tuple[StageRow, ...]


class Barred(Frozen):
    """A configuration that failed."""

    until_s: float
    stages: tuple[StageRow, ...]
    evidence: str


class Status(Frozen):
    """The cluster."""

    running: tuple[StageRow, ...]
    cores: float
    max_cores: float | None
    stages: tuple[StageStatus, ...]
    trial: OnTrial | None = None
    quarantine: tuple[Barred, ...] = ()


@register("cluster_status", ClusterStatus, kinds("capacity loss"))
def cluster_status(_: ClusterStatus, situation: Situation) -> Status:
    """Read what runs: replicas wanted, ready and to be had, the change on trial, what is in quarantine."""
    problem, running = situation.problem, situation.running
    ready = {s.stage: s.ready for s in (situation.observation.stages if situation.observation else ())}
    trial = situation.trial
    return Status(
        running=rows(running, problem.pipeline),
        cores=running.cores(problem.pipeline),
        max_cores=problem.max_cores,
        stages=tuple(
            StageStatus(
                stage=s.stage,
                wanted=s.replicas,
                ready=ready.get(s.stage),
                most=problem.replica_bounds[s.stage][1],
            )
            for s in running.stages
        ),
        trial=None
        if trial is None
        else OnTrial(
            decision=trial.decision,
            since_s=trial.applied_s,
            ready_by_s=trial.ready_by_s,
            comes_back=rows(trial.before, problem.pipeline),
        ),
        quarantine=tuple(
            Barred(
                until_s=q.until_s,
                stages=rows(q.configuration, problem.pipeline),
                evidence=harmless(q.evidence),
            )
            for q in active(situation.quarantine, situation.time_s)
        ),
    )
