"""A change on trial: what was expected of it, until when it must be ready, and how it is judged.

    ready      every stage has as many ready replicas as were asked for, in one observation
    counted    intervals that begin one SLO after readiness or later, in which the load was not far above
               what the change was decided for: what finishes in them arrived when all was ready
    failed     not ready by the deadline; or the share served in time is below both the band and the snapshot
               beyond chance; or more cores than predicted are in use when the window ends
    kept       the window is over and nothing of this was seen

The window consists of measured seconds, so what was not measured neither fails nor keeps a change. The
deadline for readiness is not put off while nothing is seen, as replicas start whether one looks or not, but
only a shortfall that is *measured* after it fails the change. What follows a failure is `core.quarantine`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from core.assessment import FALSE_ALARM, breach_chance
from core.configuration import Configuration
from core.observation import Observation
from core.prediction import predict
from core.problem import TOLERANCE, Problem, VariantName
from core.values import Count, Frozen, Name, NonNegative, PositiveCount

IN_TIME_TOLERANCE = 0.02
"""How far below the SLO's quantile the share in time may lie: the model bounds a queue, it does not know it,
and lateness comes in runs, which the test takes for independent."""
LOAD_TIME_FACTOR = 3.0
"""Times the profiled load time that a replica may take: a busy node pulls an image and loads slowly."""
CONFIRM_INTERVALS = 3
"""Measured intervals over which a change is compared."""
OVERLOAD = 1.1
"""Times the decided load above which lateness is the load's fault; margins carry about as much."""

Fault = Literal["unschedulable", "late", "costly"]


class Band(Frozen):
    """What the model expects of a change, at the load it was decided for."""

    in_time: NonNegative
    """Least share of requests served within the SLO."""
    cores: NonNegative
    """Most cores in use once the roll-out is over."""


class Trial(Frozen):
    """An applied change that is not confirmed yet."""

    decision: Name
    before: Configuration
    """What ran, and comes back if the trial fails: the last good configuration."""
    before_rps: NonNegative
    """The load that was decided for."""
    after: Configuration
    load_rps: NonNegative
    applied_s: NonNegative
    ready_by_s: NonNegative
    """When all replicas must be ready."""
    ready_s: NonNegative | None = None
    """When they were first seen to be."""
    band: Band
    baseline_in_time: NonNegative | None = None
    """Share in time in the interval before the change: the snapshot; where None the band alone counts."""
    confirm_s: NonNegative
    """Length of the window, from readiness on, over which what is measured is compared."""
    judged: NonNegative = 0
    """Requests judged in the window so far."""
    kept: NonNegative = 0
    """Of them, served in time."""
    settle_s: NonNegative = 0
    """The SLO: how long a request from before may still take without the change being to blame."""
    counts_from_s: NonNegative | None = None
    """Intervals that begin earlier are not counted; None before readiness."""
    seen_s: NonNegative = 0
    """Seconds of the window that were measured so far."""
    replica_cores: tuple[NonNegative, ...] = ()
    """Cores of one replica, for the stages of *after* in order."""


class Shortfall(Frozen):
    """A stage that did not get the replicas asked for."""

    stage: Name
    variant: Name
    ready: Count
    """Of the old variant too, where it changes."""
    wanted: PositiveCount
    serving: bool = False
    """Whether the variant was seen to serve: it works, and there is no room for more of it."""


class Quarantine(Frozen):
    """A configuration not to be tried again before *until_s*, with the evidence."""

    configuration: Configuration
    variants: tuple[VariantName, ...] = ()
    """Variants that the failed change brought in (stage by stage, where the variant changed): left out of
    the problem until then, as long as it stays feasible."""
    until_s: NonNegative
    decision: Name
    """Whose change it was."""
    evidence: str
    fault: Fault = "late"
    since_s: NonNegative = 0
    times: Annotated[int, Field(ge=1)] = 1
    """Failures in a row; each doubles the time."""
    short: tuple[Shortfall, ...] = ()
    """Stages that could not get more, with the variant they ran already."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The change is the last good configuration from now on."""

    trial: Trial


@dataclass(frozen=True, slots=True)
class Failed:
    """The change is to be taken back."""

    trial: Trial
    fault: Fault
    evidence: str
    """One line with the figures."""
    short: tuple[Shortfall, ...] = ()
    """Where the fault is `unschedulable`: which stages, and how many were ready."""


def begin(
    decision: str,
    problem: Problem,
    *,
    before: Configuration,
    before_rps: float,
    after: Configuration,
    time_s: float,
    interval_s: float,
    baseline_in_time: float | None,
) -> Trial:
    """Return the trial of a change from *before* to *after*, applied at *time_s*.

    Args:
        decision: Whose change it is.
        problem: What *after* was decided for; its load and its model set the band.
        before: The last good configuration.
        before_rps: The load that was decided for.
        after: What is applied.
        time_s: Now.
        interval_s: Between observations.
        baseline_in_time: Share in time in the last interval; None where unknown.

    Raises:
        UsageError: *after* names something the pipeline has not.
    """
    pipeline = problem.pipeline
    after = after.checked(pipeline)
    return Trial(
        decision=decision,
        before=before,
        before_rps=before_rps,
        after=after,
        load_rps=problem.load_rps,
        applied_s=time_s,
        ready_by_s=time_s + LOAD_TIME_FACTOR * _slowest_start_s(problem, before, after) + interval_s,
        band=Band(
            in_time=max(0.0, pipeline.slo.quantile - IN_TIME_TOLERANCE), cores=predict(problem, after).cores
        ),
        baseline_in_time=baseline_in_time,
        confirm_s=CONFIRM_INTERVALS * interval_s,
        settle_s=pipeline.slo.latency_s,
        replica_cores=tuple(pipeline.stage(s.stage).variant(s.variant).cores for s in after.stages),
    )


def judge(
    trial: Trial, observation: Observation | None, *, time_s: float, blind: bool
) -> Trial | Kept | Failed:
    """Return what the interval that ended at *time_s* says of a change.

    Nothing is concluded from an interval that is *blind* (a signal that sizing rests on is stale or missing)
    or has no observation: the trial goes on as it is.
    """
    if blind or observation is None:
        return trial
    if trial.ready_s is None:
        return _starting(trial, observation, time_s)
    counted = _counted(trial, observation, time_s)
    looks = max(1, math.ceil(trial.confirm_s / observation.interval_s)) if observation.interval_s else 1
    late = _lateness(counted, looks)
    if late is not None:
        return Failed(counted, "late", late)
    if counted.seen_s < counted.confirm_s:
        return counted
    costly = _cost(counted, observation)
    return Kept(counted) if costly is None else Failed(counted, "costly", costly)


def _slowest_start_s(problem: Problem, before: Configuration, after: Configuration) -> float:
    """Return the longest load time of what has to start, in seconds; 0 where nothing has."""
    slowest_s = 0.0
    for setting in after.stages:
        ran = before.by_stage.get(setting.stage)
        if ran is None or ran.variant != setting.variant or ran.replicas < setting.replicas:
            variant = problem.pipeline.stage(setting.stage).variant(setting.variant)
            slowest_s = max(slowest_s, variant.load_time_s)
    return slowest_s


def _starting(trial: Trial, observation: Observation, time_s: float) -> Trial | Failed:
    """Judge a change whose replicas were not all ready yet."""
    short = _short(trial, observation)
    if short is None or (short and time_s <= trial.ready_by_s):
        return trial
    if not short:
        return trial.model_copy(update={"ready_s": time_s, "counts_from_s": time_s + trial.settle_s})
    found = ", ".join(f"{s.ready} of {s.wanted} replicas of {s.stage} ({s.variant})" for s in short)
    waited_s = time_s - trial.applied_s
    return Failed(trial, "unschedulable", f"unschedulable: {found} are ready after {waited_s:g} s", short)


def _short(trial: Trial, observation: Observation) -> tuple[Shortfall, ...] | None:
    """Return the stages that have fewer ready replicas than asked for; None where that is not known."""
    stages = {s.stage: s for s in observation.stages}
    found = []
    for setting in trial.after.stages:
        seen = stages.get(setting.stage)
        if seen is None or seen.ready is None:
            return None
        if seen.ready < setting.replicas:
            name, wanted = setting.variant, setting.replicas
            serving = any(s.variant == name and s.batches > 0 for s in seen.services)
            found.append(
                Shortfall(stage=seen.stage, variant=name, ready=seen.ready, wanted=wanted, serving=serving)
            )
    return tuple(found)


def _counted(trial: Trial, observation: Observation, time_s: float) -> Trial:
    """Return the trial with one more interval in its window, if it is one that counts."""
    known = [rate for rate in observation.loads_rps if rate is not None]
    if not known:
        return trial
    began_s = time_s - observation.interval_s
    if max(known) > OVERLOAD * trial.load_rps:  # it passes time, but what is late now and next is the load's
        seen_s = trial.seen_s + observation.interval_s
        return trial.model_copy(update={"seen_s": seen_s, "counts_from_s": time_s + trial.settle_s})
    if trial.counts_from_s is None or began_s < trial.counts_from_s * (1 - TOLERANCE):
        return trial
    if observation.in_time is None:
        idle = max(known) == 0
        return trial.model_copy(update={"seen_s": trial.seen_s + observation.interval_s * idle})
    return trial.model_copy(
        update={
            "seen_s": trial.seen_s + observation.interval_s,
            "judged": trial.judged + observation.judged,
            "kept": trial.kept + observation.in_time * observation.judged,
        }
    )


def _lateness(trial: Trial, looks: int) -> str | None:
    """Return the evidence that fewer requests are in time than in the band and in the snapshot.

    Chernoff's bound on independent requests, times the number of looks at a growing count (Bonferroni): a
    change as good as its band or its snapshot is failed in at most `FALSE_ALARM` of the trials.
    """
    if not trial.judged:
        return None
    share = min(1.0, trial.kept / trial.judged)
    before = trial.baseline_in_time
    limit = trial.band.in_time if before is None else min(trial.band.in_time, before)
    if looks * breach_chance(share, trial.judged, limit) > FALSE_ALARM:
        return None
    was = "unknown" if before is None else f"{before:.1%}"
    return (
        f"{share:.1%} of {trial.judged:g} requests in time; at least {trial.band.in_time:.1%} were expected, "
        f"before it was {was}"
    )


def _cost(trial: Trial, observation: Observation) -> str | None:
    """Return the evidence that more cores are in use than the change was to take."""
    ready = {s.stage: s.ready for s in observation.stages}
    cores = 0.0
    for setting, each in zip(trial.after.stages, trial.replica_cores, strict=False):
        count = ready.get(setting.stage)
        if count is None:
            return None
        cores += count * each
    if cores <= trial.band.cores * (1 + TOLERANCE):
        return None
    return f"{cores:g} cores are in use, {trial.band.cores:g} were expected"
