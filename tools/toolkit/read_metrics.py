"""What was measured over the last interval, what was found in it, and what is believed now."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from core.belief import Evidence
from core.observation import StageObservation
from core.values import Frozen, Name
from tools.toolkit._registry import Result, register
from tools.toolkit._shapes import MOST_LABEL, Found, causes, found, harmless
from tools.toolkit.situation import Situation

MOST_SERVICES = 6
"""Pairs of variant and batch size of one stage: those that served most batches."""
MOST_BELIEFS = 24
MOST_SIGNALS = 40


class ReadMetrics(Frozen):
    """Which part of the pipeline."""

    stage: Name | None = None
    """All of them where nothing is said."""


class Service(Frozen):
    """Service times of a variant at a batch size."""

    variant: str
    batch: int
    batches: int
    mean_s: float


class StageMetrics(Frozen):
    """One stage."""

    stage: str
    arrivals_rps: float | None
    queue: float | None
    ready: int | None
    wanted: int | None
    services: tuple[Service, ...] = ()


class Believed(Frozen):
    """A correction of the profile, inside the interval that was measured."""

    what: str
    stage: str
    variant: str | None = None
    value: float
    low: float
    high: float
    since_s: float


class Load(Frozen):
    """What entered the pipeline, second by second."""

    mean_rps: float
    max_rps: float
    last_rps: float
    missing_s: int = 0
    """Seconds that were not measured."""


class Metrics(Result):
    """The interval; null is unknown, never zero."""

    time_s: float
    findings: tuple[Found, ...]
    beliefs: tuple[Believed, ...] = ()
    load: Load | None
    slo_s: float
    latency_s: float | None
    in_time: float | None
    in_time_wanted: float
    judged: int
    dropped_rps: float | None
    accuracy: float | None
    labelled: int = 0
    stages: tuple[StageMetrics, ...] = ()
    not_fresh: tuple[str, ...] = ()
    """Signals that cannot be trusted, each with its state."""

    def shows(self) -> tuple[str, ...]:
        """Return the kinds of what was found."""
        return causes(self.findings)


@register("read_metrics", ReadMetrics)
def read_metrics(question: ReadMetrics, situation: Situation) -> Metrics:
    """Read the last interval: findings, corrections of the profile, load, latency, stages. null: unknown."""
    pipeline, seen = situation.problem.pipeline, situation.observation
    wanted = None if question.stage is None else pipeline.stage(question.stage).name
    subjects = (wanted, pipeline.name)
    return Metrics(
        time_s=situation.time_s,
        findings=found(f for f in situation.assessment.findings if wanted is None or f.subject in subjects),
        beliefs=tuple(_beliefs(situation, wanted))[:MOST_BELIEFS],
        load=_load(situation),
        slo_s=pipeline.slo.latency_s,
        latency_s=None if seen is None else seen.latency_s,
        in_time=None if seen is None else seen.in_time,
        in_time_wanted=pipeline.slo.quantile,
        judged=0 if seen is None else seen.judged,
        dropped_rps=None if seen is None else seen.dropped_rps,
        accuracy=None if seen is None else seen.accuracy,
        labelled=0 if seen is None else seen.labelled,
        stages=tuple(_stage(s, situation) for s in _measured(situation, wanted)),
        not_fresh=tuple(
            f"{harmless(s.name, MOST_LABEL)} {s.state}"
            for s in situation.assessment.signals
            if s.state != "fresh"
        )[:MOST_SIGNALS],
    )


def _load(situation: Situation) -> Load | None:
    samples = () if situation.observation is None else situation.observation.loads_rps
    known = [rate for rate in samples if rate is not None]
    if not known:
        return None
    return Load(
        mean_rps=statistics.fmean(known),
        max_rps=max(known),
        last_rps=known[-1],
        missing_s=len(samples) - len(known),
    )


def _measured(situation: Situation, wanted: str | None) -> list[StageObservation]:
    """Return what was measured of the stages that there are, whatever else the metrics name."""
    known = situation.problem.pipeline.by_name
    stages = () if situation.observation is None else situation.observation.stages
    return [s for s in stages if s.stage in known and wanted in (None, s.stage)]


def _stage(seen: StageObservation, situation: Situation) -> StageMetrics:
    setting = situation.running.by_stage.get(seen.stage)
    busiest = sorted(seen.services, key=lambda s: -s.batches)[:MOST_SERVICES]
    return StageMetrics(
        stage=seen.stage,
        arrivals_rps=seen.arrivals_rps,
        queue=seen.queue,
        ready=seen.ready,
        wanted=None if setting is None else setting.replicas,
        services=tuple(
            Service(
                variant=harmless(s.variant, MOST_LABEL), batch=s.batch, batches=s.batches, mean_s=s.mean_s
            )
            for s in busiest
        ),
    )


def _beliefs(situation: Situation, wanted: str | None) -> Iterator[Believed]:
    """Yield the corrections that the turn's problem is solved with."""
    belief = situation.problem.belief
    for latency in belief.latency:
        if wanted in (None, latency.stage):
            yield _believed(
                "latency factor", latency.stage, latency.variant, latency.factor, latency.evidence
            )
    for accuracy in belief.accuracy:
        if wanted in (None, accuracy.stage):
            yield _believed(
                "accuracy factor", accuracy.stage, accuracy.variant, accuracy.factor, accuracy.evidence
            )
    for cap in belief.capacity:
        if wanted in (None, cap.stage):
            yield _believed("replicas that can be had", cap.stage, None, cap.replicas, cap.evidence)


def _believed(what: str, stage: str, variant: str | None, value: float, evidence: Evidence) -> Believed:
    return Believed(
        what=what,
        stage=stage,
        variant=variant,
        value=value,
        low=evidence.low,
        high=evidence.high,
        since_s=evidence.since_s,
    )
