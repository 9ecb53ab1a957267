"""INFaaS: the least objective that keeps an accuracy floor, stage by stage, by its greedy autoscaler.

Source: Romero et al., "INFaaS" (ATC'21), at the level of the paper (its code differs by hardware). A
variant is a model at a batch size. One INFaaS for each stage, which knows its load, its share D_s of the
SLO and its share a_s of the accuracy floor (`_split.py`):

    admitted      accuracy >= a_s  and  l(b) + (b - 1) / load_s <= D_s
    in danger     n * h(b) < 1.05 * load_s                         (the "slack threshold")
    candidates    more replicas of what runs, or another admitted variant, with the fewest out of danger
    objective     R n - R_run n_run + weight * T_load * R * (replicas to be loaded)     R: a replica's cores
    scale down    only to what is not in danger, and after the load time T_v of what runs

In danger the candidate of least objective is taken at once. Otherwise one with an objective below zero is
taken once there has been one for T_v. Where no candidate gets out of danger within the limits, the one that
carries most is taken. Where no variant of the stage keeps D_s, the fastest of those that keep a_s counts.

The floor. INFaaS has no accuracy in its objective: accuracy is what a query asks for. Without a floor it
would always serve the cheapest variant, which is the least accurate one (SuperServe's authors, confirmed by
INFaaS'). So it is run with stated floors, several of them because no one is "the" INFaaS: `infaas-low`,
`infaas` and `infaas-high` ask for 25, 50 and 90 % of the way from the accuracy of the least accurate
variants to that of the most accurate ones.

The clock: INFaaS looks each second; here once an interval. It is reactive: its load is the largest of the
last interval, which is what a look each second would have scaled up to by now, as scaling down waits.

Assumptions, ours: the split of SLO and floor; filling counts into latency, as batches fill here; stages
take cores of the pipeline's limit in turn, each leaving to the ones below what they run; the batch size of
what runs changes without loading. Belief and margins of a situation are not used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from baselines._loads import Loads, arriving_rps
from baselines._room import Room, room_of
from baselines._split import floor_at, replicas_for, stage_floors, stage_slos_s
from baselines.policy import Situation, register
from core.configuration import Configuration, StageConfiguration
from core.errors import UsageError
from core.pipeline import Measurement, Pipeline, Stage, Variant
from core.prediction import filling_s
from core.problem import TOLERANCE

SLACK = 1.05
"""Capacity over load below which a stage is in danger: INFaaS' slack threshold."""
LOADING_WEIGHT = 0.2
"""Share of its cost that a replica is charged per second of loading: 0.0002 a millisecond in the code."""
LOW, MIDDLE, HIGH = 0.25, 0.5, 0.9
"""The stated floors, as shares of the way from the least accurate variants to the most accurate."""


@dataclass(frozen=True, slots=True)
class _Option:
    """What INFaaS calls a variant: a model at a batch size."""

    variant: Variant
    point: Measurement

    def latency_s(self, load_rps: float) -> float:
        return self.point.latency_s + filling_s(self.point.batch, load_rps)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An option with a number of replicas."""

    option: _Option
    replicas: int
    cost: float
    """The objective against what runs: cores, and cores charged for loading."""

    @property
    def capacity_rps(self) -> float:
        return self.replicas * self.option.point.throughput_rps


@dataclass(frozen=True, slots=True)
class _Goal:
    """What one stage is told once: its share of the SLO, and what its share of the floor admits."""

    slo_s: float
    options: Sequence[_Option]

    def admitted(self, load_rps: float) -> Sequence[_Option]:
        """Return the options in time at *load_rps*, or else the fastest one."""
        in_time = [o for o in self.options if o.latency_s(load_rps) <= self.slo_s * (1 + TOLERANCE)]
        return in_time or [min(self.options, key=lambda o: o.latency_s(load_rps))]


@dataclass(slots=True)
class Infaas:
    """The greedy of the paper. Its state: the load it saw, and since when each stage has had too much."""

    foresight: ClassVar[bool] = False
    floor: float = MIDDLE
    """Share of the way from the accuracy of the least accurate variants to that of the most accurate."""
    slack: float = SLACK
    """Capacity over load that is safe."""
    loading_weight: float = LOADING_WEIGHT
    """Share of its cost that a replica is charged for each second of loading."""
    _seen: Loads = field(default_factory=Loads, init=False)
    _goals: Mapping[str, _Goal] = field(default_factory=dict, init=False)
    _excess_since_s: dict[str, float] = field(default_factory=dict, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return what each stage's autoscaler makes of the last interval.

        Raises:
            UsageError: the floor is no share, what it admits was never measured or fits no limit.
        """
        pipeline, room = situation.pipeline, room_of(situation)
        self._seen.observe(situation)
        self._goals = self._goals or _goals(pipeline, self.floor)
        seconds = 1 if situation.observation is None else len(situation.observation.loads_rps)
        entering_rps = self._seen.peak_rps(situation, max(seconds, 1))
        loads: dict[str, float] = {}
        chosen: dict[str, Variant] = {}
        settings: dict[str, StageConfiguration] = {}
        for stage in pipeline.stages:
            loads[stage.name] = arriving_rps(stage, entering_rps, loads, chosen)
            cores = self._granted_cores(situation, room, settings)
            setting = self._scaled(situation, stage, loads[stage.name], room, cores)
            settings[stage.name], chosen[stage.name] = setting, stage.variant(setting.variant)
        return Configuration(stages=tuple(settings.values()))

    def _granted_cores(
        self, situation: Situation, room: Room, above: Mapping[str, StageConfiguration]
    ) -> float | None:
        """Return what the limit leaves to the next stage: not what those above took, or those below run."""
        if room.max_cores is None:
            return None
        left = room.max_cores
        for i, stage in enumerate(situation.pipeline.stages):
            if stage.name in above:
                left -= _cores(stage, above[stage.name])
            elif i > len(above):
                left -= self._kept_cores(situation, stage, room)
        return left

    def _kept_cores(self, situation: Situation, stage: Stage, room: Room) -> float:
        if situation.running is not None:
            return _cores(stage, situation.running[stage.name])
        return room.least(stage) * min(o.variant.cores for o in self._goals[stage.name].options)

    def _scaled(
        self, situation: Situation, stage: Stage, load_rps: float, room: Room, cores: float | None
    ) -> StageConfiguration:
        """Return what *stage* should run, within *cores*."""
        running = None if situation.running is None else situation.running[stage.name]
        goal, needed_rps = self._goals[stage.name], self.slack * load_rps * (1 - TOLERANCE)
        candidates = self._candidates(goal, stage, running, load_rps, room, cores)
        safe = [c for c in candidates if c.capacity_rps >= needed_rps]
        if running is not None and _is_safe(goal, stage, running, load_rps, needed_rps):
            cheaper = [c for c in safe if c.cost < 0]
            return self._after_waiting(situation, stage, running, cheaper)
        self._excess_since_s.pop(stage.name, None)
        if safe:
            return _setting(stage, min(safe, key=lambda c: c.cost))
        if candidates:
            return _setting(stage, max(candidates, key=lambda c: (c.capacity_rps, -c.cost)))
        if running is not None:
            return running
        raise UsageError(
            f"infaas: no variant that the accuracy floor admits fits stage {stage.name!r}'s limits"
        )

    def _candidates(
        self,
        goal: _Goal,
        stage: Stage,
        running: StageConfiguration | None,
        load_rps: float,
        room: Room,
        cores: float | None,
    ) -> list[_Candidate]:
        found = []
        for option in goal.admitted(load_rps):
            most, least = room.most(stage, option.variant, cores), room.least(stage)
            if most < least:
                continue
            rate_rps = option.point.throughput_rps
            replicas = replicas_for(self.slack * load_rps, rate_rps, most=most, least=least)
            found.append(_Candidate(option, replicas, self._cost(stage, option, replicas, running)))
        return found

    def _cost(
        self, stage: Stage, option: _Option, replicas: int, running: StageConfiguration | None
    ) -> float:
        variant = option.variant
        if running is None:
            return replicas * variant.cores
        kept = running.replicas if running.variant == variant.name else 0
        loading = self.loading_weight * variant.load_time_s * max(replicas - kept, 0)
        return (replicas + loading) * variant.cores - _cores(stage, running)

    def _after_waiting(
        self,
        situation: Situation,
        stage: Stage,
        running: StageConfiguration,
        cheaper: Sequence[_Candidate],
    ) -> StageConfiguration:
        """Return the cheapest candidate once there has been one for the load time of what runs."""
        if not cheaper or situation.observation is None:
            self._excess_since_s.pop(stage.name, None)
            return running
        now_s = situation.observation.time_s
        since_s = self._excess_since_s.setdefault(stage.name, now_s)
        if now_s - since_s < stage.variant(running.variant).load_time_s:
            return running
        return _setting(stage, min(cheaper, key=lambda c: c.cost))


def _goals(pipeline: Pipeline, share: float) -> Mapping[str, _Goal]:
    slos_s = stage_slos_s(pipeline)
    floors = stage_floors(pipeline, floor_at(pipeline, share))
    return {
        stage.name: _Goal(
            slos_s[stage.name],
            [
                _Option(variant, variant.at(batch))
                for variant in sorted(stage.variants, key=lambda v: v.name)
                if variant.accuracy >= floors[stage.name] * (1 - TOLERANCE)
                for batch in stage.batches_of(variant)
            ],
        )
        for stage in pipeline.stages
    }


def _is_safe(
    goal: _Goal, stage: Stage, running: StageConfiguration, load_rps: float, needed_rps: float
) -> bool:
    """Say whether what runs is admitted and carries the load with its slack."""
    point = stage.variant(running.variant).at(running.batch)
    admitted = any(
        o.variant.name == running.variant and o.point.batch == running.batch for o in goal.admitted(load_rps)
    )
    return admitted and running.replicas * point.throughput_rps >= needed_rps


def _setting(stage: Stage, candidate: _Candidate) -> StageConfiguration:
    return StageConfiguration(
        stage=stage.name,
        variant=candidate.option.variant.name,
        batch=candidate.option.point.batch,
        replicas=candidate.replicas,
    )


def _cores(stage: Stage, setting: StageConfiguration) -> float:
    return setting.replicas * stage.variant(setting.variant).cores


register("infaas-low")(partial(Infaas, floor=LOW))
register("infaas")(Infaas)
register("infaas-high")(partial(Infaas, floor=HIGH))
