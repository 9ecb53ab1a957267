"""Take the exact optimum at the forecast's upper load, every interval.

The problem is DESIGN section 2 with the margins, the belief and the running configuration of the
situation, and what waits already where requests may wait (`core.patience`). An objective that charges
nothing for cold starts gets the charge that they have in fact: while a roll-out is under way the replicas
that load cost their cores beside the old ones, so rho = beta / lasts_s if what is gained lasts for
lasts_s. What has lasted for long is expected to be followed by what lasts as long: lasts_s is the time since
a variant was changed, and settle_s at least. Where nothing is feasible the running configuration is held.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import ClassVar

from baselines.policy import Situation, optimum_or_hold, register
from core.configuration import Configuration
from core.objective import Objective
from core.pipeline import Pipeline


@register("ilp")
@dataclass(slots=True)
class ExactOptimum:
    """The optimum of core/ilp.py, without further judgement. Its state is when it last changed a variant."""

    foresight: ClassVar[bool] = False
    settle_s: float | None = 30.0
    """Least time a change is expected to last, in seconds; None to charge nothing for cold starts."""
    batch_cap: int | None = None
    """Largest batch considered, for ablations; None for every one that is profiled."""
    _changed_s: float = field(default=0.0, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return the optimum at the upper forecast, or hold what runs where nothing is feasible."""
        if self.batch_cap is not None:
            situation = replace(situation, pipeline=_capped(situation.pipeline, self.batch_cap))
        chosen = optimum_or_hold(situation, self._objective(situation))
        running, seen = situation.running, situation.observation
        if running is not None and seen is not None and _variants(chosen) != _variants(running):
            self._changed_s = seen.time_s
        return chosen

    def _objective(self, situation: Situation) -> Objective:
        objective, seen = situation.pipeline.objective, situation.observation
        if self.settle_s is None or seen is None or objective.kind != "weighted" or objective.rho > 0:
            return objective
        lasts_s = max(self.settle_s, seen.time_s - self._changed_s)
        return objective.model_copy(update={"rho": objective.beta / lasts_s})


@lru_cache(maxsize=8)
def _capped(pipeline: Pipeline, cap: int) -> Pipeline:
    """Return the pipeline with its batches up to *cap* alone."""
    stages = []
    for stage in pipeline.stages:
        batches = {batch for v in stage.variants for batch in stage.batches_of(v) if batch <= cap}
        stages.append(stage.model_copy(update={"batches": tuple(sorted(batches))}))
    return pipeline.model_copy(update={"stages": tuple(stages)})


def _variants(configuration: Configuration) -> list[str]:
    return [setting.variant for setting in configuration.stages]
