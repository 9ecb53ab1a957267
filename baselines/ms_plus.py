"""MS+: Model-Switching with scaling under a cost cap, as InfAdapter's evaluation strengthened it, per stage.

Source: Salmani et al., "InfAdapter" (EuroMLSys'23), `reconfig_msp` of its code; Model-Switching itself is
Zhang et al. (HotCloud'20). For one stage, with C cores and a predicted load, h(v) what a replica of v
serves in time:

    cap     the least cores with which the most accurate variant carries the load, else C
    c(v)    the least cores with which v carries it; v is a candidate where c(v) <= cap
    choose  max A(v) - alpha c(v) / C - beta load_time(v) / max load_time     (the last only where v is new)
    none    the least accurate variant, with all C cores

with alpha = 0.05, beta = 0.001; predictions are raised by 10 %, a replica counts with 80 % of its
throughput (the share of its fitted line that InfAdapter counts on), and batches are of the smallest size. A
prediction that is no higher than the last one acted on must come four times in a row before it is acted on.

Fitted to pipelines (ours). A variant serves a stage in time where its latency is within the stage's share
of the SLO (`_split.py`), and counts only then. InfAdapter's C is its cluster of 20 cores; here a stage's C
is what its most accurate variant needs at the peak the operator planned for; where the pipeline's limit is
less than the sum, what remains above the stages' least is shared in proportion. `cores` states C instead.
InfAdapter's least size of 2 cores is one replica here. Rounds are the loop's intervals (10 s), not
InfAdapter's 30 s, for all alike; the prediction is the shared forecast's point. Belief and margins of a
situation are not used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from baselines._loads import arriving_rps
from baselines._room import Room, lightest, room_of
from baselines._split import least_accurate, most_accurate, replicas_for, stage_slos_s
from baselines.policy import Situation, register
from core.configuration import Configuration, StageConfiguration
from core.errors import UsageError
from core.pipeline import Pipeline, Stage, Variant
from core.problem import TOLERANCE

ALPHA, BETA = 0.05, 0.001
"""Charges for the share of cores and of load time, in InfAdapter's experiments."""
RAISE = 1.1
"""InfAdapter adds 10 % to what it predicts."""
USABLE = 0.8
"""Share of a profiled throughput that InfAdapter counts on."""
PATIENCE = 4
"""Rounds in which a prediction must be no higher before InfAdapter acts on it."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What does not change over an episode."""

    slos_s: Mapping[str, float]
    cores: Mapping[str, float]
    """C of each stage."""
    longest_load_s: Mapping[str, float]


@register("ms-plus")
@dataclass(slots=True)
class MsPlus:
    """One variant and size a stage. Its state: what it planned, and the prediction it last acted on."""

    foresight: ClassVar[bool] = False
    alpha: float = ALPHA
    beta: float = BETA
    cores: Mapping[str, float] | None = None
    """C by stage; None for what its most accurate variant needs at the planned peak."""
    patience: int = PATIENCE
    """Decisions in a row that must predict no more, before less is run."""
    _plan: _Plan | None = field(default=None, init=False)
    _acted_rps: float = field(default=0.0, init=False)
    _lower: int = field(default=0, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return every stage's choice at the raised forecast, or what runs while it is not to be trusted.

        Raises:
            UsageError: `cores` does not fit the pipeline.
        """
        load_rps = situation.forecast.point_rps * RAISE
        if situation.running is not None and load_rps <= self._acted_rps:
            self._lower += 1
            if self._lower < self.patience:
                return situation.running
        self._lower, self._acted_rps = 0, load_rps
        if self._plan is None:
            self._plan = self._planned(situation)
        room = room_of(situation)
        loads: dict[str, float] = {}
        chosen: dict[str, Variant] = {}
        settings = []
        for stage in situation.pipeline.stages:
            loads[stage.name] = arriving_rps(stage, load_rps, loads, chosen)
            running = None if situation.running is None else situation.running[stage.name]
            setting = self._chosen(self._plan, stage, loads[stage.name], running, room)
            chosen[stage.name] = stage.variant(setting.variant)
            settings.append(setting)
        return Configuration(stages=tuple(settings))

    def _planned(self, situation: Situation) -> _Plan:
        pipeline = situation.pipeline
        return _Plan(
            slos_s=stage_slos_s(pipeline),
            cores=_capped(pipeline, self.cores) if self.cores is not None else _shares(situation),
            longest_load_s={s.name: max(v.load_time_s for v in s.variants) for s in pipeline.stages},
        )

    def _chosen(
        self, plan: _Plan, stage: Stage, load_rps: float, running: StageConfiguration | None, room: Room
    ) -> StageConfiguration:
        whole = plan.cores[stage.name]
        best = most_accurate(stage)
        sizes = {
            v.name: _size(stage, v, load_rps, plan, room)
            for v in sorted(stage.variants, key=lambda v: v.name)
        }
        needed = sizes[best.name]
        cap = whole if needed is None else needed * best.cores
        scores = {
            name: self._score(plan, stage, stage.variant(name), size, running)
            for name, size in sizes.items()
            if size is not None and size * stage.variant(name).cores <= cap * (1 + TOLERANCE)
        }
        if scores:
            name = max(scores, key=lambda n: scores[n])
            return _setting(stage, stage.variant(name), sizes[name] or 0)
        small = least_accurate(stage)
        return _setting(stage, small, max(room.most(stage, small, whole), room.least(stage)))

    def _score(
        self, plan: _Plan, stage: Stage, variant: Variant, size: int, running: StageConfiguration | None
    ) -> float:
        longest_s = plan.longest_load_s[stage.name]
        is_new = running is not None and running.variant != variant.name
        loading = variant.load_time_s / longest_s if is_new and longest_s else 0.0
        share = size * variant.cores / plan.cores[stage.name]
        return variant.accuracy - self.alpha * share - self.beta * loading


def _size(stage: Stage, variant: Variant, load_rps: float, plan: _Plan, room: Room) -> int | None:
    """Return the fewest replicas that carry the load in time within C; None where none do."""
    batches = stage.batches_of(variant)
    if not batches or variant.at(batches[0]).latency_s > plan.slos_s[stage.name] * (1 + TOLERANCE):
        return None
    rate_rps = USABLE * variant.at(batches[0]).throughput_rps
    most, least = room.most(stage, variant, plan.cores[stage.name]), room.least(stage)
    size = replicas_for(load_rps, rate_rps, most=most, least=least)
    return size if size >= least and size * rate_rps >= load_rps * (1 - TOLERANCE) else None


def _setting(stage: Stage, variant: Variant, replicas: int) -> StageConfiguration:
    batch = stage.batches_of(variant)[0]
    return StageConfiguration(stage=stage.name, variant=variant.name, batch=batch, replicas=replicas)


def _capped(pipeline: Pipeline, cores: Mapping[str, float]) -> Mapping[str, float]:
    for stage in pipeline.stages:
        if stage.name not in cores:
            raise UsageError(f"ms-plus: 'cores' says nothing of stage {stage.name!r}; add its cores")
    return cores


def _shares(situation: Situation) -> Mapping[str, float]:
    """Return C of every stage: its need at the planned peak, or its share of the pipeline's limit."""
    pipeline, room = situation.pipeline, room_of(situation)
    loads: dict[str, float] = {}
    sending = {s.name: max(s.variants, key=lambda v: v.fan_out) for s in pipeline.stages}
    needs = {}
    for stage in pipeline.stages:
        variant = most_accurate(stage)
        loads[stage.name] = arriving_rps(stage, situation.planned_rps * RAISE, loads, sending)
        rate_rps = USABLE * variant.at(stage.batches_of(variant)[0]).throughput_rps
        most = max(room.most(stage, variant), room.least(stage))
        replicas = replicas_for(loads[stage.name], rate_rps, most=most, least=room.least(stage))
        needs[stage.name] = replicas * variant.cores
    least = {s.stage: s.replicas * _cores(pipeline, s) for s in lightest(situation, 0.0).stages}
    if room.max_cores is None or math.fsum(needs.values()) <= room.max_cores:
        return {name: max(needs[name], least[name]) for name in needs}
    over = {name: max(needs[name] - least[name], 0.0) for name in needs}
    spare = room.max_cores - math.fsum(least.values())
    return {name: least[name] + max(spare, 0.0) * over[name] / math.fsum(over.values()) for name in needs}


def _cores(pipeline: Pipeline, setting: StageConfiguration) -> float:
    return pipeline.stage(setting.stage).variant(setting.variant).cores
