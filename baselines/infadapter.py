"""InfAdapter (EuroMLSys 2023): cores for a set of variants, by predicted load, one instance per stage.

Its problem, for one model, is in `baselines._allocation`. Around it:

    round      every 30 s
    predict    the largest of the last 10 minutes' per-minute maxima; until 10 minutes have been seen their
               exponentially weighted mean of span 10; plus 10 %
    patience   a prediction that is no higher than the one acted on must come in 4 rounds to be acted on
    otherwise  where nothing carries the load: the smallest variant with all cores

Sources: the paper's code (period, patience, +10 %, EWMA, weights alpha 0.05, beta 0.001, C 20). Its LSTM over
the per-minute maxima is not published with weights and is replaced by their maximum; `predictor="shared"`
takes the forecast that every policy gets instead.

Assumptions made to fit pipelines and this product:
- one instance per stage, with its share of the SLO (`baselines._split`) and, where the cores of the pipeline
  are limited, of the cores: the least that each stage needs, and the rest by what the most accurate variants
  would need at the planned peak. Stages decide in order, as the load below depends on the variant above;
- a configuration has one variant per stage, so the set is limited to one. The objective prefers sets only
  near saturation: of the paper's nine published loads up to 250 rps only the two highest get one;
- batch size 1, or the smallest there is, as its variants do not batch. n cores are n / cores replicas,
  and the fitted line is one through zero of slope throughput / cores. Its least of 2 cores is a matter
  of its server's pods and is not kept; the stage's least replicas are;
- a variant slower than the stage's SLO has no rate that keeps it, and is left out. If none is left, the
  smallest gets what the load needs: more cores would not make it faster;
- accuracies are raw, as in its code; alpha, beta and C are parameters, to be tuned for other scales;
- 30 s are every third decision of a loop of 10 s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from baselines._allocation import ALPHA, BETA, CORES, LEAST_LOAD_RPS, SATURATION, Line, Prices, allocated
from baselines._loads import Loads, Predictor
from baselines._room import Room, room_of
from baselines._split import least_accurate, most_accurate, replicas_for, stage_slos_s
from baselines.policy import Situation, register
from core.configuration import Configuration, StageConfiguration
from core.pipeline import Measurement, Stage, Variant
from core.problem import TOLERANCE

ROUND_S = 30.0
"""Seconds between its decisions."""
PATIENCE_ROUNDS = 4
"""Rounds that a prediction which is no higher must last."""
MINUTE_S = 60
MEMORY_MINUTES = 10
"""Minutes that the prediction looks back, and the span of the mean until so many were seen."""
MARGIN = 1.1
"""What a prediction is multiplied by."""


@register("infadapter")
@dataclass(slots=True)
class InfAdapter:
    """One InfAdapter per stage. Its state: the load seen, the prediction acted on, and since when."""

    foresight: ClassVar[bool] = False
    alpha: float = ALPHA
    """Accuracy given for C cores."""
    beta: float = BETA
    """Accuracy given for a cold start of the variant that loads slowest."""
    cores: float = CORES
    """C: what alpha is the price of. How many cores there are is the pipeline's affair."""
    predictor: Predictor = "observed"
    loads: Loads = field(default_factory=Loads, init=False)
    acted_on_rps: float | None = field(default=None, init=False)
    waited_rounds: int = field(default=0, init=False)
    next_round_s: float = field(default=0.0, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return what its stages ask for, or what runs between its rounds and while it waits."""
        self.loads.observe(situation)
        running, due = situation.running, self._is_time(situation)
        if running is not None and not due:
            return running
        predicted_rps = self._predicted_rps(situation)
        if running is not None and self._waits(predicted_rps):
            return running
        self.acted_on_rps = predicted_rps
        return self._allocated(situation, predicted_rps)

    def _is_time(self, situation: Situation) -> bool:
        now_s = 0.0 if situation.observation is None else situation.observation.time_s
        if now_s < self.next_round_s:
            return False
        self.next_round_s = now_s + ROUND_S
        return True

    def _waits(self, predicted_rps: float) -> bool:
        if self.acted_on_rps is None or predicted_rps > self.acted_on_rps:
            self.waited_rounds = 0
            return False
        self.waited_rounds = (self.waited_rounds + 1) % PATIENCE_ROUNDS
        return self.waited_rounds != 0

    def _predicted_rps(self, situation: Situation) -> float:
        samples = list(self.loads.samples)
        if self.predictor == "shared" or not samples:
            return MARGIN * situation.forecast.upper_rps
        return MARGIN * predicted_peak_rps(samples)

    def _allocated(self, situation: Situation, load_rps: float) -> Configuration:
        budgets = _stage_cores(situation)
        slos_s = stage_slos_s(situation.pipeline)
        sent_rps: dict[str, float] = {}
        settings = []
        for stage in situation.pipeline.stages:
            arriving = [sent_rps[e.stage] * e.fan_out for e in stage.after]
            stage_load_rps = max(arriving) if arriving else load_rps
            setting = self._stage(situation, stage, stage_load_rps, budgets[stage.name], slos_s[stage.name])
            sent_rps[stage.name] = stage_load_rps * stage.variant(setting.variant).fan_out
            settings.append(setting)
        return Configuration(stages=tuple(settings))

    def _stage(
        self, situation: Situation, stage: Stage, load_rps: float, max_cores: float, slo_s: float
    ) -> StageConfiguration:
        room = room_of(situation)
        lines = [
            _line(stage, v, room, max_cores)
            for v in stage.variants
            if stage.batches_of(v) and _alone(stage, v).latency_s <= slo_s * (1 + TOLERANCE)
        ]
        before = None if situation.running is None else situation.running[stage.name]
        running = {before.variant: before.replicas * stage.variant(before.variant).cores} if before else {}
        prices = Prices(self.alpha, self.beta, self.cores)
        found = allocated(lines, load_rps, max_cores, running=running, prices=prices, most_variants=1)
        if not found:
            return _smallest(stage, load_rps, room, max_cores)
        ((name, cores),) = found.items()
        variant = stage.variant(name)
        return _setting(stage, variant, round(cores / variant.cores))


def predicted_peak_rps(loads_rps: Sequence[float]) -> float:
    """Return InfAdapter's prediction, without its margin, from at least one sample a second, oldest first."""
    kept = loads_rps[-MEMORY_MINUTES * MINUTE_S :]
    minutes = [max(kept[max(0, end - MINUTE_S) : end]) for end in range(len(kept), 0, -MINUTE_S)]
    if len(kept) == MEMORY_MINUTES * MINUTE_S:
        return max(minutes)
    weights = [(1 - 2 / (MEMORY_MINUTES + 1)) ** age for age in range(len(minutes))]
    return math.fsum(w * m for w, m in zip(weights, minutes, strict=True)) / math.fsum(weights)


def _stage_cores(situation: Situation) -> Mapping[str, float]:
    """Return the cores each stage may use: all it could, or its share of the pipeline's."""
    pipeline, room = situation.pipeline, room_of(situation)
    if room.max_cores is None:
        return {s.name: math.inf for s in pipeline.stages}
    least: dict[str, float] = {}
    wanted: dict[str, float] = {}
    sent_rps: dict[str, float] = {}
    for stage in pipeline.stages:
        best, smallest = most_accurate(stage), least_accurate(stage)
        arriving = [sent_rps[e.stage] * e.fan_out for e in stage.after]
        load_rps = max(arriving) if arriving else max(situation.planned_rps, LEAST_LOAD_RPS)
        sent_rps[stage.name] = load_rps * best.fan_out
        least[stage.name] = room.least(stage) * smallest.cores
        needed = load_rps / (SATURATION * _alone(stage, best).throughput_rps) * best.cores
        wanted[stage.name] = max(needed, least[stage.name])
    spare = room.max_cores - math.fsum(least.values())
    total = math.fsum(wanted.values())
    return {name: least[name] + spare * wanted[name] / total for name in least}


def _line(stage: Stage, variant: Variant, room: Room, max_cores: float) -> Line:
    most = room.most(stage, variant, None if math.isinf(max_cores) else max_cores)
    return Line(
        name=variant.name,
        accuracy=variant.accuracy,
        slope_rps=_alone(stage, variant).throughput_rps / variant.cores,
        intercept_rps=0.0,
        sizes=tuple(n * variant.cores for n in range(max(1, room.least(stage)), most + 1)),
        load_time_s=variant.load_time_s,
    )


def _smallest(stage: Stage, load_rps: float, room: Room, max_cores: float) -> StageConfiguration:
    variant = least_accurate(stage)
    most = room.most(stage, variant, None if math.isinf(max_cores) else max_cores)
    rate_rps = SATURATION * _alone(stage, variant).throughput_rps
    return _setting(stage, variant, replicas_for(load_rps, rate_rps, most=most, least=room.least(stage)))


def _setting(stage: Stage, variant: Variant, replicas: int) -> StageConfiguration:
    batch = stage.batches_of(variant)[0]
    return StageConfiguration(stage=stage.name, variant=variant.name, batch=batch, replicas=replicas)


def _alone(stage: Stage, variant: Variant) -> Measurement:
    """Return the variant's figures at its smallest batch."""
    return variant.at(stage.batches_of(variant)[0])
