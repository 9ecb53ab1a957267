"""FA2: fixed variants; the fewest cores by batch sizes and replicas within the end-to-end latency.

Source: Razavi et al., "FA2: Fast, Accurate Autoscaling for Serving Deep Learning Inference with SLA
Guarantees" (RTAS'22), as its first author coded it in Themis and Sponge; the full paper was not read.
Each decision:

    min   sum_s n_s R_s
    s.t.  n_s * h_s(b_s) >= load_s
          sum over every path of [ l_s(b_s) + q_s(b_s) ] <= SLO

by the dynamic programme of `_latency_dp.py`. `filling` says which q:

    "worst"   (b - 1) / load_s, as in IPA's version of FA2
    "gamma"   the 0.99 quantile of the time in which b - 1 requests of a Poisson stream arrive, as in Themis

`fa2-low` and `fa2-high` run the least and the most accurate variants, as IPA's evaluation does (whose -high
set is not quite the most accurate; `variants` states others). Where nothing is feasible: the smallest batch,
and the replicas that carry the load, as far as the limits allow. Scaling is horizontal: a replica has its
profiled cores.

The clock: FA2 decides every second, scales out at once, and in after 10 agreeing decisions. Here it decides
once an interval (10 s); 10 agreeing decisions are 10 s of agreement, so two decisions in a row, `SCALE_IN_S`
apart, must want fewer cores than run. What runs is left at once where it cannot carry the load in time.

Assumptions, ours: the load is the shared forecast's point (`predictor="observed"`: the maximum of the last
5 s, as in Themis); no headroom, as in the source; equal costs go to smaller batches; batches up to 8 (the
cap in Sponge and IPA). Limits on cores hold. Belief and margins of a situation are not used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import ClassVar, Literal

from baselines._latency_dp import Option, cheapest
from baselines._loads import Loads, Predictor
from baselines._room import Room, one_by_one, room_of
from baselines._split import least_accurate, most_accurate, replicas_for
from baselines.policy import Situation, register
from core.configuration import Configuration, StageConfiguration
from core.pipeline import Pipeline, Stage, Variant
from core.prediction import filling_s, longest_path, stage_loads
from core.problem import TOLERANCE

Filling = Literal["worst", "gamma"]

BATCH_CAP = 8
"""Largest batch, in Sponge's settings of FA2 and in IPA's of its video pipeline."""
RECENT_S = 5
"""Themis takes the maximum rate of as many seconds as the current one."""
SCALE_IN_S = 10.0
"""Themis decides each second and scales in after 10 decisions that agree."""
GAMMA_QUANTILE = 0.99
"""Of the filling time, in Themis."""
SMALLER_BATCH = 1e-6
"""Cores that one more unit of batch size counts as: it only breaks ties (IPA's delta)."""
HALVINGS = 100
"""Of an interval of doubles, more than enough for all their digits."""


@dataclass(slots=True)
class Fa2:
    """The cheapest batches and replicas of fixed variants. Its state is since when it would scale in."""

    foresight: ClassVar[bool] = False
    end: Literal["low", "high"]
    """The least or the most accurate variant of every stage."""
    variants: Mapping[str, str] | None = None
    """Variants by stage, in place of those."""
    filling: Filling = "worst"
    predictor: Predictor = "shared"
    batch_cap: int = BATCH_CAP
    _seen: Loads = field(default_factory=Loads, init=False)
    _since_s: float | None = field(default=None, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return the cheapest configuration; a cheaper one than runs only once that was so for a while.

        Raises:
            UsageError: `variants` does not fit the pipeline.
        """
        self._seen.observe(situation)
        shared = situation.forecast.point_rps
        load_rps = shared if self.predictor == "shared" else self._seen.peak_rps(situation, RECENT_S)
        variants = self._variants(situation.pipeline)
        wanted = self._cheapest(situation, variants, load_rps)
        if wanted is None:
            self._since_s = None
            return one_by_one(situation, variants, load_rps)
        return self._stabilised(situation, wanted, load_rps)

    def _variants(self, pipeline: Pipeline) -> Mapping[str, str]:
        end = least_accurate if self.end == "low" else most_accurate
        stated = self.variants or {}
        return {s.name: s.variant(stated.get(s.name, end(s).name)).name for s in pipeline.stages}

    def _cheapest(
        self, situation: Situation, variants: Mapping[str, str], load_rps: float
    ) -> Configuration | None:
        pipeline, room = situation.pipeline, room_of(situation)
        loads = stage_loads(pipeline, one_by_one(situation, variants, 0.0), load_rps)
        options = {
            s.name: self._options(s, s.variant(variants[s.name]), loads[s.name], room)
            for s in pipeline.stages
        }
        chosen = cheapest(pipeline, options)
        if chosen is None:
            return None
        found = Configuration(
            stages=tuple(
                StageConfiguration(
                    stage=s.name,
                    variant=variants[s.name],
                    batch=chosen[s.name].batch,
                    replicas=chosen[s.name].replicas,
                )
                for s in pipeline.stages
            )
        )
        return found if room.fits(found.cores(pipeline)) else None

    def _options(self, stage: Stage, variant: Variant, load_rps: float, room: Room) -> list[Option]:
        options = []
        for batch in stage.batches_of(variant):
            point, fill_s = variant.at(batch), self._filling_s(batch, load_rps)
            if batch > self.batch_cap or math.isinf(fill_s):
                continue
            most, least = room.most(stage, variant), room.least(stage)
            replicas = replicas_for(load_rps, point.throughput_rps, most=most, least=least)
            if replicas < least or replicas * point.throughput_rps < load_rps * (1 - TOLERANCE):
                continue
            cost = replicas * variant.cores + SMALLER_BATCH * batch
            options.append(Option(batch, replicas, point.latency_s + fill_s, cost))
        return options

    def _filling_s(self, batch: int, load_rps: float) -> float:
        if self.filling == "worst" or batch == 1 or load_rps <= 0:
            return filling_s(batch, load_rps)
        return erlang_quantile(batch - 1) / load_rps

    def _stabilised(self, situation: Situation, wanted: Configuration, load_rps: float) -> Configuration:
        pipeline, running = situation.pipeline, situation.running
        if (
            running is None
            or wanted.cores(pipeline) >= running.cores(pipeline)
            or not self._is_enough(pipeline, running, load_rps)
        ):
            self._since_s = None
            return wanted
        now_s = 0.0 if situation.observation is None else situation.observation.time_s
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s < SCALE_IN_S * (1 - TOLERANCE):
            return running
        self._since_s = None
        return wanted

    def _is_enough(self, pipeline: Pipeline, running: Configuration, load_rps: float) -> bool:
        """Say whether what runs carries the load within the SLO."""
        loads = stage_loads(pipeline, running, load_rps)
        latency_s = {}
        for s in running.stages:
            point = pipeline.stage(s.stage).variant(s.variant).at(s.batch)
            if s.replicas * point.throughput_rps < loads[s.stage] * (1 - TOLERANCE):
                return False
            latency_s[s.stage] = point.latency_s + self._filling_s(s.batch, loads[s.stage])
        return longest_path(pipeline, latency_s) <= pipeline.slo.latency_s * (1 + TOLERANCE)


@lru_cache
def erlang_quantile(arrivals: int) -> float:
    """Return the 0.99 quantile of the time to *arrivals* of a Poisson stream of rate 1.

    The time is longer than x where fewer than *arrivals* came by x, which is the sum of Poisson terms below;
    it falls with x, so halving an interval finds the quantile.
    """
    low, high = 0.0, arrivals + 10 * math.sqrt(arrivals) + 10
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        longer = math.fsum(
            math.exp(i * math.log(middle) - middle - math.lgamma(i + 1)) for i in range(arrivals)
        )
        low, high = (middle, high) if longer > 1 - GAMMA_QUANTILE else (low, middle)
    return high


register("fa2-low")(partial(Fa2, end="low"))
register("fa2-high")(partial(Fa2, end="high"))
