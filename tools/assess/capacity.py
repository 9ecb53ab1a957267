"""Capacity loss: a stage has had the time to start its replicas and still has fewer than asked for.

A crashed replica is back after a cold start. What is missing for longer than that and one interval cannot be
had at present, and the belief caps the stage at what is ready. The cap ends when more become ready. After a
probation it is eased by one replica an interval, so that one more is asked for and no leap is made; if they
do not come either, it is back at once, for twice as long.

A stage whose replicas come back and go again is in a crash loop: the cluster does not refuse them, so its cap
is not tightened with every one that is away. A cap soon after one that was disproved is a repetition of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.assessment import Finding
from core.belief import Evidence, ReplicaCap
from core.configuration import StageConfiguration
from core.pipeline import Pipeline, Stage
from tools.assess._moment import Moment

PROBATION_S = 60.0
"""How long a cap lasts at first. Asking in vain costs some lateness for an interval or two, not asking the
accuracy that the cap costs: with doubling a cap outlives its reason by no more than that has lasted."""
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

    @property
    def lasts_s(self) -> float:
        """Its probation."""
        return min(MOST_PROBATION_S, PROBATION_S * 2.0 ** min(self.times - 1, 10))

    def allows(self, time_s: float, interval_s: float) -> int:
        """Return how many replicas may be asked for."""
        if time_s < self.until_s:
            return self.replicas
        return self.replicas + 1 + int((time_s - self.until_s) / interval_s)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a stage had ready of what was asked for, when that had had the time to start."""

    asked: StageConfiguration
    ready: int


@dataclass(slots=True)
class CapacityLoss:
    """Watches how many replicas are ready."""

    pipeline: Pipeline
    interval_s: float
    short_since_s: dict[str, float] = field(default_factory=dict)
    """Begin of the interval at whose end replicas of a stage were first missing."""
    caps: dict[str, Cap] = field(default_factory=dict)
    """Those in force, and those that are eased."""
    disproved: dict[str, tuple[Cap, float]] = field(default_factory=dict)
    """The last by stage that more ready replicas ended, and when."""
    seen: dict[str, Seen] = field(default_factory=dict)
    restarted_s: dict[str, float] = field(default_factory=dict)
    """When a replica last came back that nothing new was asked for."""

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
        """Return the caps in force or eased."""
        found = []
        for stage, cap in self.caps.items():
            most = cap.allows(moment.time_s, self.interval_s)
            if most >= self.pipeline.stage(stage).replicas.max:
                continue
            said = f"{cap.replicas} of {cap.wanted} replicas could be had since {cap.since_s:g} s"
            if most > cap.replicas:
                said += f", up to {most} may be tried again"
            evidence = Evidence(statement=said, low=cap.replicas, high=most, since_s=cap.since_s)
            found.append(ReplicaCap(stage=stage, replicas=most, evidence=evidence))
        return tuple(found)

    def _learn(self, moment: Moment, stage: Stage, ready: int) -> None:
        self._watch(moment, stage, ready)
        wanted, cap = moment.running[stage.name].replicas, self.caps.get(stage.name)
        if cap is not None and (ready > cap.replicas or ready >= cap.wanted):
            self.disproved[stage.name] = (self.caps.pop(stage.name), moment.time_s)
            cap = None
        if ready >= wanted:
            self.short_since_s.pop(stage.name, None)
        elif moment.settled:
            since_s = self.short_since_s.setdefault(stage.name, moment.began_s)
            missing_s = max(moment.time_s - since_s, moment.unready_s or 0.0)
            eased = cap is not None and moment.time_s >= cap.until_s
            if eased or missing_s >= self._patience_s(moment, stage):
                self.caps[stage.name] = self._capped(cap, moment, stage, ready)

    def _watch(self, moment: Moment, stage: Stage, ready: int) -> None:
        """Note whether a replica came back without being asked for anew."""
        before, asked = self.seen.pop(stage.name, None), moment.running[stage.name]
        if before is not None and before.asked == asked and ready > before.ready:
            self.restarted_s[stage.name] = moment.time_s
        if moment.settled:
            self.seen[stage.name] = Seen(asked, ready)

    def _patience_s(self, moment: Moment, stage: Stage) -> float:
        variant = stage.variant(moment.running[stage.name].variant)
        return variant.load_time_s + 2 * self.interval_s

    def _capped(self, cap: Cap | None, moment: Moment, stage: Stage, ready: int) -> Cap:
        """Return the cap at what is ready, but never below what the stage must have, or nothing fits."""
        name, wanted, now_s = stage.name, moment.running[stage.name].replicas, moment.time_s
        least = max(1, stage.replicas.min, ready)
        if cap is None:
            new = Cap(least, wanted, self.short_since_s[name], now_s, self._times(name, now_s))
        elif now_s >= cap.until_s:
            new = replace(cap, wanted=wanted, times=cap.times + 1)
        elif wanted <= cap.replicas and self.restarted_s.get(name, -1.0) >= cap.since_s:
            return cap
        else:
            new = replace(cap, replicas=least, wanted=wanted)
        return replace(new, until_s=now_s + new.lasts_s)

    def _times(self, stage: str, now_s: float) -> int:
        """Return the how manieth cap in a row a new one is."""
        if stage not in self.disproved:
            return 1
        last, ended_s = self.disproved[stage]
        return last.times + 1 if now_s - ended_s < last.lasts_s else 1


def _ready(moment: Moment, stage: str) -> int | None:
    """Return the ready replicas of a stage; None where that is not known."""
    seen = () if moment.observation is None else moment.observation.stages
    return next((s.ready for s in seen if s.stage == stage), None)
