"""What was measured over the last interval, what was found in it, and what is believed now."""

from __future__ import annotations

import statistics

from core.proposal import CAUSES
from core.values import Frozen
from tools.toolkit._registry import kinds, register
from tools.toolkit._shapes import harmless
from tools.toolkit.situation import Situation


class ReadMetrics(Frozen):
    """Nothing to say."""


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
    wanted: int
    services: tuple[Service, ...]


class Found(Frozen):
    """A finding."""

    kind: str
    subject: str
    statement: str


class Believed(Frozen):
    """A correction of the profile."""

    what: str
    stage: str
    variant: str | None = None
    value: float
    low: float
    high: float
    since_s: float


class Unsure(Frozen):
    """A signal that is not fresh."""

    signal: str
    state: str


class Metrics(Frozen):
    """The interval."""

    time_s: float
    measured: bool
    load_mean_rps: float | None = None
    load_max_rps: float | None = None
    latency_s: float | None = None
    slo_s: float
    in_time: float | None = None
    in_time_wanted: float
    judged: int = 0
    dropped_rps: float | None = None
    accuracy: float | None = None
    labelled: int = 0
    stages: tuple[StageMetrics, ...] = ()
    findings: tuple[Found, ...] = ()
    belief: tuple[Believed, ...] = ()
    not_fresh: tuple[Unsure, ...] = ()


@register("read_metrics", ReadMetrics, kinds(*CAUSES))
def read_metrics(_: ReadMetrics, situation: Situation) -> Metrics:
    """Read the last interval: load, latency, share in time, stages, findings, and the corrected profile."""
    seen, slo = situation.observation, situation.problem.pipeline.slo
    known = [rate for rate in (seen.loads_rps if seen else ()) if rate is not None]
    return Metrics(
        time_s=situation.time_s,
        measured=seen is not None,
        load_mean_rps=statistics.fmean(known) if known else None,
        load_max_rps=max(known, default=None),
        latency_s=seen.latency_s if seen else None,
        slo_s=slo.latency_s,
        in_time=seen.in_time if seen else None,
        in_time_wanted=slo.quantile,
        judged=seen.judged if seen else 0,
        dropped_rps=seen.dropped_rps if seen else None,
        accuracy=seen.accuracy if seen else None,
        labelled=seen.labelled if seen else 0,
        stages=_stages(situation),
        findings=tuple(
            Found(kind=f.kind, subject=f.subject, statement=harmless(f.statement))
            for f in situation.assessment.findings
        ),
        belief=_beliefs(situation),
        not_fresh=tuple(
            Unsure(signal=s.name, state=s.state) for s in situation.assessment.signals if s.state != "fresh"
        ),
    )


def _stages(situation: Situation) -> tuple[StageMetrics, ...]:
    if situation.observation is None:
        return ()
    return tuple(
        StageMetrics(
            stage=s.stage,
            arrivals_rps=s.arrivals_rps,
            queue=s.queue,
            ready=s.ready,
            wanted=situation.running[s.stage].replicas,
            services=tuple(
                Service(variant=x.variant, batch=x.batch, batches=x.batches, mean_s=x.mean_s)
                for x in s.services
            ),
        )
        for s in situation.observation.stages
        if s.stage in situation.running.by_stage
    )


def _beliefs(situation: Situation) -> tuple[Believed, ...]:
    belief = situation.assessment.belief
    found = [
        Believed(
            what=what,
            stage=c.stage,
            variant=c.variant,
            value=c.factor,
            low=c.evidence.low,
            high=c.evidence.high,
            since_s=c.evidence.since_s,
        )
        for what, corrections in (("latency factor", belief.latency), ("accuracy factor", belief.accuracy))
        for c in corrections
    ]
    found += [
        Believed(
            what="replicas that can be had",
            stage=c.stage,
            value=c.replicas,
            low=c.evidence.low,
            high=c.evidence.high,
            since_s=c.evidence.since_s,
        )
        for c in belief.capacity
    ]
    return tuple(found)
