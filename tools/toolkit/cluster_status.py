"""What the cluster was told to run, what is ready, and what is on trial or in quarantine."""

from __future__ import annotations

from core.configuration import Configuration, StageConfiguration
from core.pipeline import Pipeline
from core.quarantine import active
from core.trial import Quarantine, Trial
from core.values import Frozen
from tools.toolkit._registry import Result, register
from tools.toolkit._shapes import MOST_LABEL, Found, causes, harmless, line, of_kinds
from tools.toolkit.situation import Situation

MOST_QUARANTINED = 8


class ClusterStatus(Frozen):
    """Nothing to say."""


class StageStatus(Frozen):
    """What one stage runs."""

    stage: str
    variant: str
    batch: int
    replicas: int
    """Asked for."""
    ready: int | None
    most: int
    """Replicas that can be had."""
    cores: float


class OnTrial(Frozen):
    """A change that is not confirmed yet."""

    decision: str
    since_s: float
    ready_by_s: float
    comes_back: str


class Barred(Frozen):
    """What failed, and is not to be tried again until then."""

    until_s: float
    what: str
    evidence: str


class Status(Result):
    """The cluster; ready null is unknown."""

    time_s: float
    findings: tuple[Found, ...] = ()
    stages: tuple[StageStatus, ...]
    cores: float
    max_cores: float | None
    """Null where there is no limit."""
    trial: OnTrial | None = None
    quarantine: tuple[Barred, ...] = ()

    def shows(self) -> tuple[str, ...]:
        """Return `capacity loss` where it was found."""
        return causes(self.findings)


@register("cluster_status", ClusterStatus)
def cluster_status(_: ClusterStatus, situation: Situation) -> Status:
    """Read what runs: replicas asked for, ready and to be had, the change on trial, what is in quarantine."""
    problem = situation.problem
    known = [s for s in situation.running.stages if _exists(s, problem.pipeline)]
    seen = () if situation.observation is None else situation.observation.stages
    ready = {s.stage: s.ready for s in seen}
    quarantine = active(situation.quarantine, situation.time_s)
    return Status(
        time_s=situation.time_s,
        findings=of_kinds(situation, "capacity loss"),
        stages=tuple(_stage(s, ready.get(s.stage), situation) for s in known),
        cores=Configuration(stages=tuple(known)).cores(problem.pipeline),
        max_cores=problem.max_cores,
        trial=None if situation.trial is None else _trial(situation.trial),
        quarantine=tuple(_barred(q) for q in quarantine[:MOST_QUARANTINED]),
    )


def _exists(setting: StageConfiguration, pipeline: Pipeline) -> bool:
    """Say whether the pipeline has that variant; what runs may be of an earlier file."""
    return setting.stage in pipeline.by_name and setting.variant in pipeline.stage(setting.stage).by_name


def _stage(setting: StageConfiguration, ready: int | None, situation: Situation) -> StageStatus:
    problem = situation.problem
    return StageStatus(
        stage=setting.stage,
        variant=setting.variant,
        batch=setting.batch,
        replicas=setting.replicas,
        ready=ready,
        most=problem.replica_bounds[setting.stage][1],
        cores=setting.replicas * problem.pipeline.stage(setting.stage).variant(setting.variant).cores,
    )


def _trial(trial: Trial) -> OnTrial:
    return OnTrial(
        decision=harmless(trial.decision, MOST_LABEL),
        since_s=trial.applied_s,
        ready_by_s=trial.ready_by_s,
        comes_back=line(trial.before),
    )


def _barred(quarantine: Quarantine) -> Barred:
    variants = ", ".join(
        f"{harmless(v.stage, MOST_LABEL)}/{harmless(v.variant, MOST_LABEL)}" for v in quarantine.variants
    )
    return Barred(
        until_s=quarantine.until_s,
        what=variants or line(quarantine.configuration),
        evidence=harmless(quarantine.evidence),
    )
