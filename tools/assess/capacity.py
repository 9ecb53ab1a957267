"""Capacity loss: a stage has had the time to start its replicas and still has fewer than asked for.

A crashed replica is back after a cold start. What is missing for longer than that and one interval cannot be
had at present, and the belief caps the stage at what is ready. The cap ends when more become ready, or after
a probation: then the replicas are asked for again, and each failure in a row doubles the probation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.assessment import Finding
from core.belief import Evidence, ReplicaCap
from core.pipeline import Pipeline, Stage
from tools.assess._moment import Moment

PROBATION_S = 300.0
"""How long a cap lasts at first: a cluster's autoscaler brings a node within five minutes."""
MOST_PROBATION_S = 3600.0
"""An hour: a cap that was wrong costs no more than that."""


@dataclass(frozen=True, slots=True)
class Cap:
    """Replicas a stage can get, until when."""

    replicas: int
    wanted: int
    since_s: float
    until_s: float
    times: int


@dataclass(slots=True)
class CapacityLoss:
    """Watches how many replicas are ready."""

    pipeline: Pipeline
    interval_s: float
    short_since_s: dict[str, float] = field(default_factory=dict)
    """Begin of the interval at whose end replicas of a stage were first missing."""
    caps: dict[str, Cap] = field(default_factory=dict)
    """Those in force, and those that ended by probation and not by proof."""

    def learn(self, moment: Moment) -> None:
        """Take in one interval."""
        for stage in self.pipeline.stages:
            ready = _ready(moment, stage.name)
            if ready is not None:
                self._learn(moment, stage, ready)

    def findings(self, moment: Moment) -> tuple[Finding, ...]:
        """Return a finding for each stage that is short of replicas."""
        found = []
        for stage in self.pipeline.stages:
            ready, wanted = _ready(moment, stage.name), moment.running[stage.name].replicas
            if moment.settled and ready is not None and ready < wanted:
                found.append(
                    Finding(
                        kind="capacity loss",
                        subject=stage.name,
                        statement=f"{ready} of {wanted} replicas are ready",
                        since_s=self.short_since_s.get(stage.name),
                        figure=float(ready),
                    )
                )
        return tuple(found)

    def belief(self, moment: Moment) -> tuple[ReplicaCap, ...]:
        """Return the caps in force."""
        return tuple(
            ReplicaCap(
                stage=stage,
                replicas=cap.replicas,
                evidence=Evidence(
                    statement=f"{cap.replicas} of {cap.wanted} replicas could be had since {cap.since_s:g} s",
                    low=cap.replicas,
                    high=cap.replicas,
                    since_s=cap.since_s,
                ),
            )
            for stage, cap in self.caps.items()
            if moment.time_s < cap.until_s
        )

    def _learn(self, moment: Moment, stage: Stage, ready: int) -> None:
        wanted, cap = moment.running[stage.name].replicas, self.caps.get(stage.name)
        if cap is not None and ready > cap.replicas:
            del self.caps[stage.name]
            cap = None
        if ready >= wanted:
            self.short_since_s.pop(stage.name, None)
        elif moment.settled:
            since_s = self.short_since_s.setdefault(stage.name, moment.began_s)
            missing_s = max(moment.time_s - since_s, moment.unready_s or 0.0)
            if missing_s >= self._patience_s(moment, stage):
                self.caps[stage.name] = self._capped(cap, moment, stage, ready)

    def _patience_s(self, moment: Moment, stage: Stage) -> float:
        variant = stage.variant(moment.running[stage.name].variant)
        return variant.load_time_s + 2 * self.interval_s

    def _capped(self, cap: Cap | None, moment: Moment, stage: Stage, ready: int) -> Cap:
        """Return the cap at what is ready, but never below what the stage must have, or nothing fits."""
        replicas, wanted = max(1, stage.replicas.min, ready), moment.running[stage.name].replicas
        in_force = cap is not None and moment.time_s < cap.until_s
        times = 1 if cap is None else cap.times + (not in_force)
        since_s = cap.since_s if cap is not None and in_force else self.short_since_s[stage.name]
        lasts_s = min(MOST_PROBATION_S, PROBATION_S * 2 ** min(times - 1, 10))
        return Cap(replicas, wanted, since_s, moment.time_s + lasts_s, times)


def _ready(moment: Moment, stage: str) -> int | None:
    """Return the ready replicas of a stage; None where that is not known."""
    seen = () if moment.observation is None else moment.observation.stages
    return next((s.ready for s in seen if s.stage == stage), None)
