"""InferLine's planner: the cheapest batches and replicas for a load, found greedily.

    start      the smallest batch, one replica; then one more for the bottleneck until it is feasible
    repeat     over all stages, try IncreaseBatch: the next larger batch, with the fewest feasible replicas
                                and RemoveReplica: one replica less;
               take the feasible action that saves most cores; stop where none saves any
    feasible   the estimated latency at the SLO's quantile keeps the SLO

Source: InferLine (SoCC 2020), by third-party descriptions. Assumptions, ours:
- the estimator. InferLine runs a discrete-event simulation of a sample trace; here each stage's latency is
  service + batch filling + the same quantile of the wait in `core.queueing`, and the longest path counts.
  High quantiles of all parts at once are rarer than a high quantile of their sum: the safe side;
- IncreaseBatch by itself saves nothing, so it is followed by the removals that it allows;
- DowngradeHW has no counterpart: a variant has one size of replica;
- the planner knows no limits. Where its plan exceeds them, replicas are taken from the stage with most
  capacity for its load until it fits: that serves the most.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from baselines._granted import with_replicas
from baselines._joint import joint
from baselines._room import Room
from core.configuration import Configuration, StageConfiguration
from core.pipeline import Pipeline
from core.prediction import predict, stage_loads
from core.problem import TOLERANCE, Margins, Problem


@dataclass(frozen=True, slots=True)
class Plan:
    """What was planned for a load."""

    configuration: Configuration
    utilisation: Mapping[str, float]
    """Share of each stage's capacity that the load takes (rho), at most 1; 1 where nothing arrives."""


def planned(pipeline: Pipeline, load_rps: float, room: Room) -> Plan:
    """Return the plan for *load_rps*.

    Raises:
        UsageError: as `baselines._joint.joint`.
    """
    estimator = _Estimator.of(pipeline, load_rps)
    found = _cheaper(estimator, _feasible(estimator, _started(pipeline)))
    found = _within(estimator, found, room)
    loads = estimator.loads(found)
    used = {
        s.stage: loads[s.stage] / (s.replicas * _rate_rps(pipeline, s)) if s.replicas else 1.0
        for s in found.stages
    }
    return Plan(found, {name: min(share, 1.0) if share > 0 else 1.0 for name, share in used.items()})


@dataclass(frozen=True, slots=True)
class _Estimator:
    """What a configuration would do at the load that is planned for."""

    problem: Problem
    without_waits: Problem

    @classmethod
    def of(cls, pipeline: Pipeline, load_rps: float) -> _Estimator:
        margins = Margins(wait_quantile=pipeline.slo.quantile)
        return cls(Problem.of(pipeline, load_rps, margins=margins), Problem.of(pipeline, load_rps))

    @property
    def pipeline(self) -> Pipeline:
        return self.problem.pipeline

    def keeps_slo(self, configuration: Configuration) -> bool:
        return predict(self.problem, configuration).latency_s <= self._limit_s()

    def could_keep_slo(self, configuration: Configuration) -> bool:
        """Say whether it would if nothing waited."""
        return predict(self.without_waits, configuration).latency_s <= self._limit_s()

    def loads(self, configuration: Configuration) -> Mapping[str, float]:
        return stage_loads(self.pipeline, configuration, self.problem.load_rps)

    def bottleneck(self, configuration: Configuration) -> StageConfiguration:
        """Return the stage with the least capacity for its load."""
        return min(self._loaded(configuration), key=lambda pair: pair[0])[1]

    def widest(self, configuration: Configuration, room: Room) -> StageConfiguration | None:
        """Return the stage with the most capacity for its load that may give up a replica, if any may."""
        stages = self.pipeline.by_name
        able = [p for p in self._loaded(configuration) if p[1].replicas > room.least(stages[p[1].stage])]
        return max(able, key=lambda pair: pair[0])[1] if able else None

    def _loaded(self, configuration: Configuration) -> list[tuple[float, StageConfiguration]]:
        loads = self.loads(configuration)
        capacities = [(s.replicas * _rate_rps(self.pipeline, s), s) for s in configuration.stages]
        return [(rps / loads[s.stage] if loads[s.stage] > 0 else math.inf, s) for rps, s in capacities]

    def _limit_s(self) -> float:
        return self.pipeline.slo.latency_s * (1 + TOLERANCE)


def _started(pipeline: Pipeline) -> Configuration:
    """Return one replica each of the most accurate variants that alone keep the SLO, else of the fastest."""
    rows = joint(pipeline)
    service_s = rows.longest_path_s(rows.latency_s)
    able = np.flatnonzero(service_s <= max(pipeline.slo.latency_s, float(service_s.min())) * (1 + TOLERANCE))
    cores = rows.cores.sum(axis=1)
    order = np.lexsort((service_s[able], cores[able], -rows.accuracy[able]))
    best = int(able[order[0]])
    chosen = rows.configuration(best, np.ones(len(pipeline.stages)))
    return Configuration(
        stages=tuple(
            s.model_copy(update={"batch": stage.batches_of(stage.variant(s.variant))[0]})
            for stage, s in zip(pipeline.stages, chosen.stages, strict=True)
        )
    )


def _feasible(estimator: _Estimator, configuration: Configuration) -> Configuration:
    """Return *configuration* with replicas added to the bottleneck until it keeps the SLO.

    No stage is the bottleneck once it carries its load while another does not, so all begin with that many.
    Where services and filling alone break the SLO, more replicas would not help, and it stays there.
    """
    loads = estimator.loads(configuration)
    counts = {
        s.stage: max(1, math.ceil(loads[s.stage] / _rate_rps(estimator.pipeline, s) * (1 - TOLERANCE)))
        for s in configuration.stages
    }
    configuration = with_replicas(configuration, counts)
    if not estimator.could_keep_slo(configuration):
        return configuration
    while not estimator.keeps_slo(configuration):
        configuration = _with(configuration, _resized(estimator.bottleneck(configuration), 1))
    return configuration


def _cheaper(estimator: _Estimator, configuration: Configuration) -> Configuration:
    """Take the action that saves most cores until none saves any."""
    while True:
        cores = configuration.cores(estimator.pipeline)
        found = min(
            _actions(estimator, configuration),
            key=lambda c: c.cores(estimator.pipeline),
            default=configuration,
        )
        if found.cores(estimator.pipeline) >= cores * (1 - TOLERANCE):
            return configuration
        configuration = found


def _actions(estimator: _Estimator, configuration: Configuration) -> Iterator[Configuration]:
    """Yield what one feasible action at one stage leads to."""
    for setting in configuration.stages:
        if setting.replicas > 1:
            fewer = _with(configuration, _resized(setting, -1))
            if estimator.keeps_slo(fewer):
                yield fewer
        stage = estimator.pipeline.stage(setting.stage)
        larger = [b for b in stage.batches_of(stage.variant(setting.variant)) if b > setting.batch]
        if larger:
            wider = setting.model_copy(update={"batch": larger[0]})
            yield from _fewest(estimator, configuration, wider)


def _fewest(
    estimator: _Estimator, configuration: Configuration, wider: StageConfiguration
) -> Iterator[Configuration]:
    """Yield *configuration* with *wider* at the fewest replicas that are feasible, if so many are."""
    low, high = 0, wider.replicas
    if not estimator.keeps_slo(_with(configuration, wider)):
        return
    while high - low > 1:
        middle = (low + high) // 2
        if estimator.keeps_slo(_with(configuration, wider.model_copy(update={"replicas": middle}))):
            high = middle
        else:
            low = middle
    yield _with(configuration, wider.model_copy(update={"replicas": high}))


def _within(estimator: _Estimator, configuration: Configuration, room: Room) -> Configuration:
    """Return *configuration* within the limits."""
    pipeline = estimator.pipeline
    counts = {}
    for stage in pipeline.stages:
        setting = configuration[stage.name]
        most = room.most(stage, stage.variant(setting.variant))
        counts[stage.name] = max(min(setting.replicas, most), room.least(stage))
    configuration = with_replicas(configuration, counts)
    while not room.fits(configuration.cores(pipeline)):
        widest = estimator.widest(configuration, room)
        if widest is None:
            break
        configuration = _with(configuration, _resized(widest, -1))
    return configuration


def _with(configuration: Configuration, setting: StageConfiguration) -> Configuration:
    return Configuration(
        stages=tuple(setting if s.stage == setting.stage else s for s in configuration.stages)
    )


def _resized(setting: StageConfiguration, change: int) -> StageConfiguration:
    return setting.model_copy(update={"replicas": setting.replicas + change})


def _rate_rps(pipeline: Pipeline, setting: StageConfiguration) -> float:
    return pipeline.stage(setting.stage).variant(setting.variant).at(setting.batch).throughput_rps
